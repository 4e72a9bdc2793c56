//! `cargo xtask watch PROGRAM [ARGS]`: how `cargo xtask test` has cargo run each test program. One that says nothing for too long is
//! killed after it was said where its threads are, so that a test that hangs costs minutes and has a name.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use crate::{Failure, stacks};

/// How long a test program may say nothing, unless the environment says otherwise: each test that ends is said.
const PATIENCE_SECONDS: u64 = 15 * 60;
const PATIENCE_VAR: &str = "HEADWATER_TEST_PATIENCE_SECONDS";

/// How often it is looked whether the program still runs.
const LOOK: Duration = Duration::from_millis(500);

/// What a test program ended with that was killed, as of `timeout`.
const KILLED: u8 = 124;

/// How a watched program ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Exited(ExitStatus),
    Killed,
}

/// Runs a test program in the foreground; gives what this process is to end with.
pub(crate) fn run(args: &[String]) -> Result<ExitCode, Failure> {
    let [program, args @ ..] = args else {
        return Err("which program is to be watched?".to_owned());
    };
    let seconds = std::env::var(PATIENCE_VAR).map_or(Ok(PATIENCE_SECONDS), |s| s.parse());
    let seconds = seconds.map_err(|e| format!("{PATIENCE_VAR}: {e}"))?;
    let patience = Duration::from_secs(seconds);
    let mut command = Command::new(program);
    command.args(args);
    match watch(&mut command, patience, &mut std::io::stdout())? {
        End::Killed => Ok(ExitCode::from(KILLED)),
        End::Exited(status) => Ok(status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .map_or_else(
                || {
                    eprintln!("xtask: '{program}' ended with {status}");
                    ExitCode::FAILURE
                },
                ExitCode::from,
            )),
    }
}

/// Runs a program and passes on what it says, until it ends or has said nothing for as long as `patience`.
fn watch(command: &mut Command, patience: Duration, out: &mut impl Write) -> Result<End, Failure> {
    let name = Path::new(command.get_program()).file_name();
    let name = name.unwrap_or_default().to_string_lossy().into_owned();
    let failed = |e: std::io::Error| format!("cannot run '{name}': {e}");
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
    let said = listen(&mut child);
    let (mut tests, mut last) = (Running::default(), Instant::now());
    loop {
        match said.recv_timeout(LOOK.min(patience)) {
            Ok(bytes) => {
                last = Instant::now();
                tests.hear(&bytes);
                pass_on(&bytes, out);
            }
            Err(RecvTimeoutError::Disconnected) => {
                return child.wait().map(End::Exited).map_err(failed);
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        // A server that it has left behind may hold its output open.
        if let Some(status) = child.try_wait().map_err(failed)? {
            while let Ok(bytes) = said.recv_timeout(LOOK.min(patience)) {
                pass_on(&bytes, out);
            }
            return Ok(End::Exited(status));
        }
        if last.elapsed() > patience {
            let seconds = patience.as_secs();
            let text = format!(
                "\nxtask: '{name}' has said nothing for {seconds} s and is killed{tests}\n{}",
                stacks::of(child.id())
            );
            pass_on(text.as_bytes(), out);
            stacks::kill(&mut child);
            return Ok(End::Killed);
        }
    }
}

/// Whoever reads this may be gone; the program is still to be watched.
fn pass_on(bytes: &[u8], out: &mut impl Write) {
    let _gone = out.write_all(bytes).and_then(|()| out.flush());
}

/// What a program says, as it comes.
fn listen(child: &mut Child) -> Receiver<Vec<u8>> {
    let (to, said) = channel();
    if let Some(output) = child.stdout.take() {
        std::thread::spawn(move || read(output, &to));
    }
    said
}

fn read(mut output: impl Read, to: &Sender<Vec<u8>>) {
    let mut buffer = [0; 8 << 10];
    while let Ok(len @ 1..) = output.read(&mut buffer) {
        if to.send(buffer[..len].to_vec()).is_err() {
            return;
        }
    }
}

/// The tests that have run for long, by what libtest says.
#[derive(Debug, Default)]
struct Running {
    slow: BTreeSet<String>,
    /// The begin of a line.
    line: Vec<u8>,
}

impl Running {
    fn hear(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.hear_line(&String::from_utf8_lossy(&line));
            } else {
                self.line.push(*byte);
            }
        }
    }

    fn hear_line(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test ") else {
            return;
        };
        if let Some((name, _)) = rest.split_once(" has been running for") {
            self.slow.insert(name.to_owned());
        } else if let Some((name, _)) = rest.split_once(" ... ") {
            self.slow.remove(name);
        }
    }
}

impl std::fmt::Display for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, name) in self.slow.iter().enumerate() {
            write!(f, "{}{name}", if i == 0 { " in " } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(script: &str, patience: Duration) -> (End, String) {
        let mut out = Vec::new();
        let end = watch(Command::new("sh").args(["-c", script]), patience, &mut out);
        (
            end.expect("sh runs"),
            String::from_utf8_lossy(&out).into_owned(),
        )
    }

    #[test]
    fn what_a_program_says_and_ends_with_is_passed_on() {
        let (end, said) = watched("echo one; echo two; exit 3", Duration::from_secs(60));
        assert_eq!(said, "one\ntwo\n");
        assert!(matches!(end, End::Exited(status) if status.code() == Some(3)));
    }

    #[test]
    fn a_program_that_says_nothing_is_killed_and_its_tests_are_named() {
        let script = "
            echo 'test a::done has been running for over 60 seconds'
            echo 'test b::hangs has been running for over 60 seconds'
            echo 'test a::done ... ok'
            sleep 60";
        let (end, said) = watched(script, Duration::from_millis(100));
        assert_eq!(end, End::Killed);
        assert!(
            said.contains("'sh' has said nothing for 0 s and is killed in b::hangs\n"),
            "{said}"
        );
        assert!(
            said.contains("sleep") && !said.contains("a::done,"),
            "{said}"
        );
    }

    #[test]
    fn a_program_that_says_something_now_and_then_may_take_longer() {
        let script = "for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.1; done";
        let (end, said) = watched(script, Duration::from_millis(700));
        assert!(
            matches!(end, End::Exited(status) if status.success()),
            "{said}"
        );
        assert!(said.ends_with("10\n"));
    }

    #[test]
    fn a_program_ends_although_what_it_started_goes_on() {
        let (end, said) = watched("sleep 60 & echo $!", Duration::from_secs(60));
        assert!(matches!(end, End::Exited(status) if status.success()));
        let mut kill = Command::new("kill");
        assert!(kill.arg(said.trim()).status().expect("kill runs").success());
    }
}
