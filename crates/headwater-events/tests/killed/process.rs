//! A process of this test binary that is killed (SIGKILL) after it has said so many lines.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// Tells a process what it is to work on; the tests that are not told do nothing.
const TOLD: &str = "HEADWATER_TEST_KILLED";

/// What this process was started for, if it was.
pub(crate) fn told() -> Option<String> {
    std::env::var(TOLD).ok()
}

/// Says a line to whoever started this process, past the test harness, which may have begun a line.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n+{line}").unwrap();
    out.flush().unwrap();
}

/// Starts the test of this name in a process of its own, kills it after so many lines, and gives all that it has said. A process
/// that ends by itself before has said everything.
pub(crate) fn kill_after(test: &str, what: &str, lines: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(TOLD, what)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut said = Vec::new();
    let mut line = String::new();
    while out.read_line(&mut line).unwrap() > 0 {
        // The last line may be torn.
        if let Some(text) = line.strip_prefix('+').and_then(|l| l.strip_suffix('\n')) {
            said.push(text.to_owned());
            if said.len() == lines {
                child.kill().unwrap();
            }
        }
        line.clear();
    }
    let ended = child.wait().unwrap();
    assert!(
        ended.success() || said.len() >= lines,
        "{test} ended by itself after {} lines: {ended}",
        said.len()
    );
    said
}
