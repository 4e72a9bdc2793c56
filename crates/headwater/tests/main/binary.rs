//! Running the binary.

use std::ffi::OsString;
use std::io::Write;
use std::process::{Command, Stdio};

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The binary: cargo's, or the one that `HEADWATER_BIN` names, so that another build can be held against its contract.
pub(crate) fn binary() -> OsString {
    std::env::var_os("HEADWATER_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_headwater").into())
}

/// A command of the binary, cut off from the environment of whoever runs the tests.
pub(crate) fn headwater<const N: usize>(args: [&str; N]) -> Command {
    let mut command = Command::new(binary());
    command
        .args(args)
        .env_remove("HEADWATER_DATA")
        .env_remove("HEADWATER_DISK_LIMIT")
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs a command with a text on its standard input.
pub(crate) fn run_with(command: &mut Command, input: &str) -> Ended {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that fails early reads no more.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Asks a process to end, as Ctrl-C does.
pub(crate) fn terminate(child: &std::process::Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}
