//! The command: a folder on the disk that is measured, the suites, the table.

use std::path::{Path, PathBuf};

use super::{cdc, engine, events, figure, latency, log, reopen};
use crate::cli::args::{BenchArgs, Suite};
use crate::cli::exit::{Failure, Outcome};
use crate::cli::style::say;

/// Runs the command.
pub(crate) fn run(args: &BenchArgs) -> Outcome {
    if cfg!(debug_assertions) {
        say(format_args!(
            "this build is not optimised: figures mean nothing (cargo run --release -- bench)"
        ));
    }
    let folder = Folder::make(args.data.as_deref())?;
    let chosen = |suite| args.suites.is_empty() || args.suites.contains(&suite);
    let mut figures = Vec::new();
    if chosen(Suite::Log) {
        figures.extend(log::measure(&folder.0)?);
        figures.push(reopen::measure(&folder.0, args.gigabytes)?.tell());
    }
    if chosen(Suite::Engine) {
        figures.extend(engine::measure(&folder.0, args)?);
    }
    if chosen(Suite::Events) {
        figures.extend(events::measure(&folder.0, args)?);
    }
    if chosen(Suite::Cdc) {
        figures.extend(cdc::measure(&folder.0)?);
    }
    if chosen(Suite::Latency) {
        figures.extend(latency::measure(&folder.0)?);
    }
    figure::print(&figures, args.output)?;
    let missed = figures.iter().filter(|f| !f.is_met).count();
    match args.strict && missed > 0 {
        true => {
            let text = format!("{missed} of {} figures were missed", figures.len());
            Err(Failure::failed(text))
        }
        false => Ok(()),
    }
}

/// A folder that goes when the command ends.
struct Folder(PathBuf);

impl Folder {
    fn make(parent: Option<&Path>) -> Outcome<Self> {
        let parent = parent.unwrap_or(Path::new("."));
        let path = parent.join(format!("headwater-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path)
            .map_err(|e| Failure::io(format!("cannot make '{}'", path.display()), &e))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            say(format_args!(
                "cannot delete '{}': {error}",
                self.0.display()
            ));
        }
    }
}
