//! The state of a count by many keys, in a process of its own that saves it while it changes: its memory, and how long
//! a snapshot holds the pipeline.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use headwater::{Headwater, Options, Phase, Status};
use serde::{Deserialize, Serialize};

use super::figure::Figure;
use super::memory;
use crate::cli::exit::{Failure, Outcome};
use crate::cli::style::say;

/// Keys.
const KEYS: u64 = 10_000_000;
/// Rows a second that change the counts of keys that are there.
const UPDATES: u64 = 200_000;
/// How long the whole state changes, in which it is saved at least twice.
const WATCHED: Duration = Duration::from_secs(25);
/// How often it is looked at.
const NAP: Duration = Duration::from_millis(50);

/// What the state took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Taken {
    /// The most memory that was resident.
    peak_mib: f64,
    /// The longest time for which a snapshot held the pipeline.
    pause_ms: f64,
}

/// The process that keeps the state: says what it took, as JSON.
pub(crate) fn hold(dir: &Path, threads: u16) -> Outcome {
    let options = Options {
        threads: usize::from(threads),
        ..Options::default()
    };
    let headwater = Headwater::open_with(dir, options)?;
    headwater.sql(&text())?;
    let started = Instant::now();
    let mut whole_since = None;
    let status = loop {
        std::thread::sleep(NAP);
        let status = status(&headwater)?;
        if whole_since.is_none() && is_whole(&status, started.elapsed()) {
            whole_since = Some(Instant::now());
        }
        if whole_since.is_some_and(|since| since.elapsed() >= WATCHED) {
            break status;
        }
    };
    headwater.close()?;
    if status.snapshot_pause_us_max == 0 {
        return Err(Failure::failed("no snapshot was taken"));
    }
    let taken = Taken {
        peak_mib: memory::peak_mib(),
        pause_ms: status.snapshot_pause_us_max as f64 / 1e3,
    };
    let line = serde_json::to_string(&taken).map_err(|e| Failure::failed(e.to_string()))?;
    say(format_args!("{line}"));
    Ok(())
}

fn text() -> String {
    format!(
        "CREATE TABLE firsts (k BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '0',
            'fields.k.kind' = 'sequence', 'fields.k.start' = '1', 'fields.k.end' = '{KEYS}');
         CREATE TABLE updates (k BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '{UPDATES}',
            'fields.k.kind' = 'random', 'fields.k.min' = '1', 'fields.k.max' = '{KEYS}');
         CREATE TABLE counts (k BIGINT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED)
            WITH ('connector' = 'blackhole');
         INSERT INTO counts SELECT k, COUNT(*) AS n
            FROM (SELECT k FROM firsts UNION ALL SELECT k FROM updates) GROUP BY k;"
    )
}

fn status(headwater: &Headwater) -> Outcome<Status> {
    let jobs = headwater.jobs();
    let status = jobs.into_iter().find_map(|job| job.status);
    let status = status.ok_or_else(|| Failure::failed("the count does not run"))?;
    match &status.phase {
        Phase::Failed(why) => Err(Failure::failed(format!("the count failed: {why}"))),
        Phase::Ended(_) => Err(Failure::failed("the count ended")),
        Phase::Recovering | Phase::Running => Ok(status),
    }
}

/// Whether all keys are certainly there, but for what the updates that are due lack.
fn is_whole(status: &Status, elapsed: Duration) -> bool {
    let updates = elapsed.as_secs_f64() * UPDATES as f64;
    status.rows_in as f64 - updates >= 0.95 * KEYS as f64
}

/// Measures a process that keeps the state in a folder.
pub(super) fn measure(dir: &Path, threads: u16) -> Outcome<[Figure; 2]> {
    let wrong = |e: &std::io::Error| Failure::io("cannot run another process", e);
    let program = std::env::current_exe().map_err(|e| wrong(&e))?;
    let dir = dir.join("state");
    let output = Command::new(program)
        .args(["bench-state".as_ref(), dir.as_os_str()])
        .arg(threads.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|e| wrong(&e))?;
    std::fs::remove_dir_all(&dir)
        .map_err(|e| Failure::io(format!("cannot delete '{}'", dir.display()), &e))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let mut lines = said.lines().rev();
    let taken = lines.find_map(|line| serde_json::from_str::<Taken>(line).ok());
    let (true, Some(taken)) = (output.status.success(), taken) else {
        let text = format!("the count of many keys failed:\n{}", said.trim_end());
        return Err(Failure::failed(text));
    };
    let name = format!("engine: state of {KEYS} keys for a count");
    Ok([
        Figure::at_most(&name, taken.peak_mib, 2048.0, "MiB").tell(),
        Figure::at_most(
            format!("{name}, pause for a snapshot"),
            taken.pause_ms,
            50.0,
            "ms",
        )
        .tell(),
    ])
}
