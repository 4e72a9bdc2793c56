//! What the server says when something is wrong, and what can be done about it.

use headwater_log::{Error, ErrorKind};

pub(super) use crate::failure::unreachable;

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
    match hint.or_else(|| mend(code)) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// What mends it, where the server does not say.
fn mend(code: &str) -> Option<&'static str> {
    Some(match code {
        "28P01" => "the user's password is another one: ALTER ROLE … PASSWORD '…' sets it",
        "28000" => "pg_hba.conf must let this user in from here, for replication too",
        "53300" => "all connections are taken: raise max_connections, or end some",
        "53400" => "all of them are taken: raise max_replication_slots or max_wal_senders",
        _ => return None,
    })
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

/// The server sends what it should not.
pub(super) fn malformed(what: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("PostgreSQL sent a malformed {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mends_it_is_said() {
        let error = from_server(b"SFATAL\0C28P01\0Mpassword authentication failed\0\0");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.hint().unwrap().contains("password"), "{error}");
        let error = from_server(b"SERROR\0C42501\0Mpermission denied\0Hask somebody\0\0");
        assert_eq!(error.hint(), Some("ask somebody"));
    }
}
