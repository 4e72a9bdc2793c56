//! What the server says when something is wrong, and what can be done about it.

use bytes::Bytes;
use headwater_log::{Error, ErrorKind};

pub(super) use crate::failure::unreachable;

use super::reader::Reader;

/// The server cannot give the log from where it was asked to (`ER_MASTER_FATAL_ERROR_READING_BINLOG`).
const LOG_UNREADABLE: u16 = 1236;

/// The error that an ERR packet carries; `body` begins after its mark.
pub(super) fn from_server(body: Bytes) -> Error {
    let mut reader = Reader::new(body, "error");
    let code = reader.u16().unwrap_or_default();
    let rest = reader.rest();
    // The SQLSTATE stands before the text, except where the session has not begun.
    let text = match rest.first() {
        Some(b'#') => rest.get(6..).unwrap_or_default(),
        _ => &rest[..],
    };
    let text = String::from_utf8_lossy(text);
    let error = |kind| Error::new(kind, format!("the server says: {text} ({code})"));
    match code {
        LOG_UNREADABLE if text.contains("max_allowed_packet") => error(ErrorKind::Invalid)
            .with_hint("an event is larger: SET GLOBAL max_allowed_packet = 1073741824"),
        LOG_UNREADABLE => error(ErrorKind::NotFound).with_hint(
            "what the position stands for is not in the binary log, so changes may be lost: \
             begin anew with a backfill, and keep the log longer (binlog_expire_logs_seconds)",
        ),
        1045 => error(kind(code)).with_hint(
            "the user's password is another one, or the user may not come from this host",
        ),
        1040 => error(kind(code))
            .with_hint("all connections are taken: raise max_connections, or end some"),
        _ => error(kind(code)),
    }
}

/// What a caller can do about a code.
fn kind(code: u16) -> ErrorKind {
    match code {
        // Connections, shutdown, locks, network, a session that was killed, a table that was altered since a snapshot.
        1040
        | 1053
        | 1077..=1080
        | 1152..=1161
        | 1184
        | 1203
        | 1205
        | 1213
        | 1317
        | 1412
        | 1927 => ErrorKind::Unavailable,
        1008 | 1049 | 1051 | 1054 | 1109 | 1146 => ErrorKind::NotFound,
        1193 | 1235 | 1289 => ErrorKind::Unsupported,
        _ => ErrorKind::Invalid,
    }
}

/// The server sends what it should not.
pub(super) fn malformed(what: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("the server sent a malformed {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_says_what_can_be_done() {
        let error = from_server(Bytes::from_static(b"\x7a\x04#42S02no such table"));
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.message(), "the server says: no such table (1146)");
        let error = from_server(Bytes::from_static(b"\x10\x04Too many connections"));
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let error = from_server(Bytes::from_static(
            b"\xd4\x04#HY000Could not find first log",
        ));
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(from_server(Bytes::new()).kind(), ErrorKind::Invalid);
    }
}
