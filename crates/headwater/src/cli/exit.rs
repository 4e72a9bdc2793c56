//! How a command ends: its exit code and its last words on standard error.

use std::fmt;
use std::io;
use std::process::ExitCode;

use headwater_log::ErrorKind;

/// The exit codes, which scripts depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Code {
    /// Something failed.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Somebody else was first, or holds the directory.
    Conflict = 4,
    /// The configuration or the SQL is wrong; nothing was started.
    Config = 78,
    /// Ctrl-C gave it up, as shells report it.
    Interrupted = 130,
}

/// Why a command did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) code: Code,
    /// The message, complete.
    pub(crate) message: String,
    /// What the user can do.
    pub(crate) hint: Option<String>,
    /// Whoever read our output has gone: end quietly.
    pub(crate) is_quiet: bool,
}

/// The result of a command.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure with an exit code.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: plain(&message.into()),
            hint: None,
            is_quiet: false,
        }
    }

    /// Something failed.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Code::Failed, message)
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }

    /// Adds what the user can do.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A reading or writing of files that failed, with what was done to what.
    pub(crate) fn io(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::failed(format!("{what}: {error}"))
    }

    /// Says it on standard error, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if self.is_quiet {
            return ExitCode::SUCCESS;
        }
        let style = super::style::Style::stderr();
        if self.code == Code::Interrupted {
            super::style::say(format_args!("{}", style.dim(&self.message)));
            return ExitCode::from(self.code as u8);
        }
        super::style::say(format_args!("{} {}", style.error("error:"), self.message));
        if let Some(hint) = &self.hint {
            super::style::say(format_args!("{} {hint}", style.hint("hint:")));
        }
        ExitCode::from(self.code as u8)
    }
}

/// A message without the numbers of errors, which the operating system's words say already.
fn plain(message: &str) -> String {
    let mut parts = message.split(" (os error ");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text += part.split_once(')').map_or(part, |(_, rest)| rest);
    }
    text
}

/// Standard output failed. A reader that has gone ends us quietly, as it ends other tools.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let mut failure = Self::io("cannot write", &error);
        failure.is_quiet = error.kind() == io::ErrorKind::BrokenPipe;
        failure
    }
}

impl From<headwater_log::Error> for Failure {
    fn from(error: headwater_log::Error) -> Self {
        let code = match error.kind() {
            ErrorKind::Conflict => Code::Conflict,
            _ => Code::Failed,
        };
        let failure = Self::new(code, error.to_string());
        match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

impl From<headwater_flow::Error> for Failure {
    fn from(error: headwater_flow::Error) -> Self {
        let code = match error.kind() {
            ErrorKind::Conflict => Code::Conflict,
            ErrorKind::Invalid | ErrorKind::Unsupported => Code::Config,
            _ => Code::Failed,
        };
        let mut failure = Self::new(code, error.to_string());
        failure.is_quiet = is_broken_pipe(&error);
        match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

impl From<headwater::Error> for Failure {
    fn from(error: headwater::Error) -> Self {
        use headwater::ErrorKind;
        let code = match error.kind() {
            ErrorKind::Conflict => Code::Conflict,
            ErrorKind::Sql | ErrorKind::Invalid | ErrorKind::Unsupported => Code::Config,
            _ => Code::Failed,
        };
        let mut failure = Self::new(code, error.message());
        failure.is_quiet = is_broken_pipe(&error);
        match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

/// Whether the root of an error is a reader that has gone.
fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_become_exit_codes() {
        let log = |kind| Failure::from(headwater_log::Error::new(kind, "x")).code;
        assert_eq!(log(ErrorKind::Conflict), Code::Conflict);
        assert_eq!(log(ErrorKind::NotFound), Code::Failed);
        let flow = |kind| Failure::from(headwater_flow::Error::new(kind, "x")).code;
        assert_eq!(flow(ErrorKind::Invalid), Code::Config);
        assert_eq!(flow(ErrorKind::Corrupt), Code::Failed);
    }

    #[test]
    fn messages_do_not_show_numbers_of_errors() {
        let missing = io::Error::from_raw_os_error(2);
        let shown = Failure::io("cannot read 'x'", &missing).message;
        assert_eq!(shown, "cannot read 'x': No such file or directory");
        assert_eq!(plain("a (os error 1): b (os error 22)."), "a: b.");
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure_to_report() {
        let gone = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(Failure::from(gone).is_quiet);
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(!Failure::from(full).is_quiet);
    }
}
