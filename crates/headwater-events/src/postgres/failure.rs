//! What PostgreSQL says went wrong, as an error that says what the caller can do.

use std::io;

use tokio_postgres::error::{DbError, SqlState};

use crate::error::{Error, ErrorKind};

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(said) => of_server(said),
            None => Self::new(kind_of_connection(&error), "PostgreSQL").with_source(error),
        }
    }
}

/// What the server itself has said.
fn of_server(said: &DbError) -> Error {
    let message = format!("PostgreSQL: {} ({})", said.message(), said.code().code());
    let error = Error::new(kind_of_state(said.code()), message);
    match said.hint() {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn kind_of_state(state: &SqlState) -> ErrorKind {
    const UNAVAILABLE: &[SqlState] = &[
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::QUERY_CANCELED,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::IO_ERROR,
    ];
    if UNAVAILABLE.contains(state) {
        return ErrorKind::Unavailable;
    }
    match &state.code()[..2] {
        // A connection that is lost; resources that are short, the disk among them.
        "08" | "53" => ErrorKind::Unavailable,
        "XX" => ErrorKind::Corrupt,
        _ => ErrorKind::Invalid,
    }
}

/// The kind of an error that is not the server's.
fn kind_of_connection(error: &tokio_postgres::Error) -> ErrorKind {
    let cause = std::error::Error::source(error);
    match cause.and_then(|cause| cause.downcast_ref::<io::Error>()) {
        // A message that is too big to be sent.
        Some(cause) if cause.kind() == io::ErrorKind::InvalidInput => ErrorKind::Invalid,
        Some(_) => ErrorKind::Unavailable,
        None if error.is_closed() => ErrorKind::Unavailable,
        None => ErrorKind::Invalid,
    }
}

/// An invariant of ours does not hold.
pub(super) fn bug(what: &str) -> Error {
    Error::new(ErrorKind::Bug, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_say_what_to_do() {
        let cases = [
            ("57P01", ErrorKind::Unavailable),
            ("08006", ErrorKind::Unavailable),
            ("53300", ErrorKind::Unavailable),
            ("40P01", ErrorKind::Unavailable),
            ("25006", ErrorKind::Unavailable),
            ("XX001", ErrorKind::Corrupt),
            ("23505", ErrorKind::Invalid),
            ("42501", ErrorKind::Invalid),
        ];
        for (code, kind) in cases {
            assert_eq!(kind_of_state(&SqlState::from_code(code)), kind, "{code}");
        }
    }
}
