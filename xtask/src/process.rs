//! Running other programs, with what is run printed first.

use std::process::{Command, Stdio};

use crate::Failure;

/// Runs a command in the foreground after printing it.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    println!("$ {}", shown(command));
    let status = command
        .status()
        .map_err(|e| format!("cannot run '{}': {e}", shown(command)))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("'{}' ended with {status}", shown(command)))
    }
}

/// Runs a command silently and returns what it prints.
pub(crate) fn capture(command: &mut Command) -> Result<String, Failure> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("cannot run '{}': {e}", shown(command)))?;
    if !output.status.success() {
        return Err(format!("'{}' ended with {}", shown(command), output.status));
    }
    String::from_utf8(output.stdout).map_err(|e| e.to_string())
}

/// Whether a program can be started at all.
pub(crate) fn exists(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

/// The cargo that started this chore, so that a toolchain override stays in force.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn shown(command: &Command) -> String {
    let mut text = String::new();
    for (key, value) in command.get_envs() {
        if let Some(value) = value {
            text += &format!("{}={} ", key.to_string_lossy(), value.to_string_lossy());
        }
    }
    let program = std::path::Path::new(command.get_program());
    text += &program.file_name().unwrap_or_default().to_string_lossy();
    for arg in command.get_args() {
        text += &format!(" {}", arg.to_string_lossy());
    }
    text
}
