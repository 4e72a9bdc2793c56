//! What the server says when something is wrong, and what can be done about it.

use headwater_log::{Error, ErrorKind};

/// The error that the body of an `ErrorResponse` carries.
pub(super) fn from_server(body: &[u8]) -> Error {
    let (mut code, mut message, mut hint) = ("", "the server gave no reason", None);
    for field in body.split(|b| *b == 0) {
        let Some((tag, text)) = field.split_first() else {
            continue;
        };
        let Ok(text) = std::str::from_utf8(text) else {
            continue;
        };
        match tag {
            b'C' => code = text,
            b'M' => message = text,
            b'H' => hint = Some(text),
            _ => {}
        }
    }
    let error = Error::new(kind(code), format!("PostgreSQL says: {message} ({code})"));
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// What a caller can do about a code of SQLSTATE.
fn kind(code: &str) -> ErrorKind {
    match (code.get(..2), code) {
        // Connections, resources, serialization; the server goes down or starts; somebody else still has the slot.
        (Some("08" | "40" | "53" | "57" | "58"), _) | (_, "55006" | "55P03") => {
            ErrorKind::Unavailable
        }
        (_, "42P01" | "42704" | "3D000" | "3F000") => ErrorKind::NotFound,
        (Some("0A"), _) => ErrorKind::Unsupported,
        (Some("XX"), _) => ErrorKind::Corrupt,
        _ => ErrorKind::Invalid,
    }
}

/// The connection is gone, or never was.
pub(super) fn unreachable(what: &str, source: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, what).with_source(source)
}

/// The server sends what it should not.
pub(super) fn malformed(what: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("PostgreSQL sent a malformed {what}"),
    )
}
