//! A process of this test binary that is killed (SIGKILL) after it has said so many lines.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Tells a process what it is to work on; the tests that are not told do nothing.
const TOLD: &str = "HEADWATER_TEST_KILLED";

/// A process that says nothing for so long hangs.
const SILENCE: Duration = Duration::from_secs(120);

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

/// A process that runs a test of this binary. It is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    /// Starts the test of this name in a process of its own, told what it is to work on.
    pub(crate) fn start(test: &str, what: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads", "1"])
            .env(TOLD, what)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (give, lines) = channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            while out.read_line(&mut line).is_ok_and(|length| length > 0) {
                // The last line may be torn.
                if let Some(text) = line.strip_prefix('+').and_then(|l| l.strip_suffix('\n')) {
                    drop(give.send(text.to_owned()));
                }
                line.clear();
            }
        });
        Self { child, lines }
    }

    /// What it says next; `None`: it has ended.
    pub(crate) fn line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(SILENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("it has said nothing for {SILENCE:?}"),
        }
    }

    /// What it has said until now is of no interest.
    pub(crate) fn forget(&mut self) {
        self.lines.try_iter().for_each(drop);
    }

    /// Kills it (SIGKILL); how it ended.
    pub(crate) fn kill(&mut self) -> ExitStatus {
        self.child.kill().unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts the test of this name in a process of its own, kills it after so many lines, and gives all that it has said. A process
/// that ends by itself before has said everything.
pub(crate) fn kill_after(test: &str, what: &str, lines: usize) -> Vec<String> {
    let mut running = Running::start(test, what);
    let mut said = Vec::new();
    while said.len() < lines
        && let Some(line) = running.line()
    {
        said.push(line);
    }
    let ended = match said.len() < lines {
        true => running.child.wait().unwrap(),
        false => running.kill(),
    };
    // What it has said before it was killed.
    said.extend(running.lines.iter());
    assert!(
        ended.success() || said.len() >= lines,
        "{test} ended by itself after {} lines: {ended}",
        said.len()
    );
    said
}
