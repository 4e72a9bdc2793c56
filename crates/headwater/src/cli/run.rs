//! `headwater run`: the statements of a file, in order, until all inputs have ended.

use serde::{Deserialize, Serialize};

use super::args::RunArgs;
use super::bench;
use super::exit::{Failure, Outcome};
use super::interrupt;
use super::shell::read_text;
use super::style::say;

/// What a run used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// User and system time.
    pub(crate) cpu_seconds: f64,
    /// The most memory that was resident.
    pub(crate) peak_mib: f64,
}

/// Runs the command.
pub(crate) fn run(args: &RunArgs) -> Outcome {
    let text = read_text(&args.file)?;
    interrupt::listen()?;
    execute(args, &text)?;
    if args.usage {
        let usage = Usage {
            cpu_seconds: bench::cpu_seconds(),
            peak_mib: bench::peak_mib(),
        };
        let line = serde_json::to_string(&usage).map_err(|e| Failure::failed(e.to_string()))?;
        say(format_args!("{line}"));
    }
    Ok(())
}

fn execute(_args: &RunArgs, _text: &str) -> Outcome {
    Err(Failure::failed("this build does not run SQL yet"))
}
