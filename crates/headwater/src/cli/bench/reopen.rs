//! How long opening takes after the process that had a large log was killed.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use headwater::SystemClock;
use headwater_log::{Log, Options};

use super::figure::Figure;
use super::log;
use crate::cli::exit::{Failure, Outcome};

/// What the filling process says when all is durable.
const FULL: &str = "full";

/// The filling process: fills a log, says so, and waits to be killed.
pub(crate) fn fill(dir: &Path, gigabytes: u64) -> Outcome {
    let filled = Log::open_dir(dir, Arc::new(SystemClock), Options::default())?;
    log::fill(&filled, gigabytes << 30)?;
    let mut out = std::io::stdout();
    writeln!(out, "{FULL}")?;
    out.flush()?;
    // The parent never writes: this ends when the parent kills us or goes away.
    std::io::stdin()
        .read_to_end(&mut Vec::new())
        .map_err(|e| Failure::io("cannot wait", &e))?;
    Ok(())
}

/// Has a log filled by another process, kills it, and opens the log.
pub(super) fn measure(dir: &Path, gigabytes: u64) -> Outcome<Figure> {
    let dir = dir.join("reopen");
    let wrong = |e: &std::io::Error| Failure::io("cannot run another process", e);
    let program = std::env::current_exe().map_err(|e| wrong(&e))?;
    let mut child = Command::new(program)
        .args(["bench-fill".as_ref(), dir.as_os_str()])
        .arg(gigabytes.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| wrong(&e))?;
    let mut said = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out)
            .read_line(&mut said)
            .map_err(|e| wrong(&e))?;
    }
    child.kill().map_err(|e| wrong(&e))?;
    child.wait().map_err(|e| wrong(&e))?;
    if said.trim() != FULL {
        return Err(Failure::failed(
            "the process that fills a log did not come to its end",
        ));
    }
    let started = Instant::now();
    let opened = Log::open_dir(&dir, Arc::new(SystemClock), Options::default())?;
    let took = started.elapsed().as_secs_f64();
    if log::end(&opened)?.0 < gigabytes << 20 {
        return Err(Failure::failed(
            "the log that was opened after a kill is not whole",
        ));
    }
    opened.close()?;
    Ok(Figure::at_most(
        format!("log: open {gigabytes} GiB after a kill"),
        took,
        1.0,
        "s",
    ))
}
