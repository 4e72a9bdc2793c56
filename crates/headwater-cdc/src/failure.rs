//! Connections that break.

use headwater_log::{Error, ErrorKind};

/// The connection is gone, or never was.
pub(crate) fn unreachable(what: &str, source: std::io::Error) -> Error {
    let is_refused = source.kind() == std::io::ErrorKind::ConnectionRefused;
    let error = Error::new(ErrorKind::Unavailable, what).with_source(source);
    match is_refused {
        true => {
            error.with_hint("nobody listens there: is the server running, on this host and port?")
        }
        false => error,
    }
}
