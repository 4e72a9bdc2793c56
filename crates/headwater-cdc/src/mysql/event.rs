//! Events of the binary log: their head, and what each kind of them holds.

use bytes::Bytes;
use headwater_log::{Error, ErrorKind, Result};

use super::compressed;
use super::gtid::Gtid;
use super::reader::Reader;
use super::rows::{RawRows, RowsKind};

/// The head that all events have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Seconds since 1970.
    pub(super) time: u32,
    pub(super) kind: u8,
    pub(super) server: u32,
    /// How many bytes the event has.
    pub(super) length: u32,
    /// Where the next event begins in the file; 0: it does not stand in the file.
    pub(super) end: u32,
}

/// What an event says.
#[derive(Debug)]
pub(super) enum Event {
    Format {
        has_checksums: bool,
    },
    /// From here on the log is another file.
    Rotate {
        file: String,
        offset: u64,
    },
    Query {
        /// The session that wrote it.
        thread: u32,
        database: String,
        sql: String,
    },
    /// By the number that the engine has for it.
    Xid(u64),
    /// What a table looks like, not yet decoded.
    TableMap(Bytes),
    Rows(RawRows),
    Gtid(GtidEvent),
    /// A transaction that MySQL compresses as a whole.
    Payload(Bytes),
    /// The server has nothing more for now; its log is this file.
    Heartbeat(String),
    /// A transaction that waits for a second word: its name.
    XaPrepare {
        xid: String,
        is_one_phase: bool,
    },
    /// What the server could not write into its log.
    Incident(String),
    /// A file is loaded by statement.
    Load,
    /// What changes no rows.
    Other,
}

/// The beginning of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GtidEvent {
    /// `None`: MySQL does not name its transactions.
    pub(super) gtid: Option<Gtid>,
    /// Whether MariaDB says that a single statement follows, without a commit.
    pub(super) is_standalone: bool,
}

pub(super) const ROTATE: u8 = 4;
pub(super) const FORMAT: u8 = 15;
const INCIDENT_UNKNOWN: &str = "without a reason";

/// Cuts off the head.
pub(super) fn header(event: &Bytes) -> Result<(Header, Bytes)> {
    const BYTES: usize = 19;
    let mut reader = Reader::new(event.clone(), "event");
    let time = reader.u32()?;
    let kind = reader.u8()?;
    let server = reader.u32()?;
    let length = reader.u32()?;
    let end = reader.u32()?;
    reader.u16()?;
    if length as usize != event.len() {
        return Err(reader.malformed());
    }
    let header = Header {
        time,
        kind,
        server,
        length,
        end,
    };
    Ok((header, event.slice(BYTES..)))
}

impl Event {
    /// Decodes a body that has no checksum any more.
    pub(super) fn decode(header: &Header, body: Bytes) -> Result<Self> {
        let mut reader = Reader::new(body.clone(), "event");
        Ok(match header.kind {
            2 => query(reader, false)?,
            ROTATE => Self::Rotate {
                offset: reader.u64()?,
                file: reader.text_to_zero()?,
            },
            FORMAT => format(reader)?,
            16 => Self::Xid(reader.u64()?),
            9 | 17 | 18 => Self::Load,
            19 => Self::TableMap(body),
            23 | 30 => Self::Rows(RawRows::decode(
                RowsKind::Insert,
                reader,
                header.kind >= 30,
            )?),
            24 | 31 => Self::Rows(RawRows::decode(
                RowsKind::Update,
                reader,
                header.kind >= 30,
            )?),
            25 | 32 => Self::Rows(RawRows::decode(
                RowsKind::Delete,
                reader,
                header.kind >= 30,
            )?),
            26 => {
                reader.u16()?;
                let length = usize::from(reader.u8().unwrap_or_default());
                let text = reader.text(length).unwrap_or_default();
                Self::Incident(match text.is_empty() {
                    true => INCIDENT_UNKNOWN.to_owned(),
                    false => text,
                })
            }
            27 => Self::Heartbeat(reader.text_to_zero()?),
            33 => mysql_gtid(reader)?,
            34 => Self::Gtid(GtidEvent {
                gtid: None,
                is_standalone: false,
            }),
            38 => xa_prepare(reader)?,
            39 => return Err(partial_json()),
            40 => Self::Payload(body),
            41 => heartbeat(reader)?,
            42 => return Err(tagged()),
            162 => mariadb_gtid(reader, header.server)?,
            165 => query(reader, true)?,
            166 | 169 => compressed_rows(RowsKind::Insert, reader, header.kind >= 169)?,
            167 | 170 => compressed_rows(RowsKind::Update, reader, header.kind >= 169)?,
            168 | 171 => compressed_rows(RowsKind::Delete, reader, header.kind >= 169)?,
            _ => Self::Other,
        })
    }
}

fn query(mut reader: Reader, is_compressed: bool) -> Result<Event> {
    let thread = reader.u32()?;
    // How long it took.
    reader.u32()?;
    let database = usize::from(reader.u8()?);
    reader.u16()?;
    let settings = usize::from(reader.u16()?);
    reader.take(settings)?;
    let database = reader.text(database)?;
    reader.u8()?;
    let sql = match is_compressed {
        true => compressed::event(reader.rest())?,
        false => reader.rest(),
    };
    Ok(Event::Query {
        thread,
        database,
        sql: String::from_utf8_lossy(&sql).into_owned(),
    })
}

fn format(mut reader: Reader) -> Result<Event> {
    const VERSION_BYTES: usize = 50;
    const CRC32: u8 = 1;
    const CHECKSUM_BYTES: usize = 4;
    const TABLE_MAP: usize = 19;
    const TABLE_MAP_BYTES: u8 = 8;
    reader.u16()?;
    let version = Reader::new(reader.take(VERSION_BYTES)?, "version").text_to_zero()?;
    reader.u32()?;
    let head = reader.u8()?;
    // How long the fixed part of each kind is, then how checksums are made, then one.
    let rest = reader.clone().rest();
    let Some(kinds) = rest.len().checked_sub(1 + CHECKSUM_BYTES) else {
        return Err(reader.malformed());
    };
    if head != 19 || rest.get(TABLE_MAP - 1) != Some(&TABLE_MAP_BYTES) {
        let text = format!("the log of this version of the server cannot be read: {version}");
        return Err(Error::new(ErrorKind::Unsupported, text));
    }
    Ok(Event::Format {
        has_checksums: rest[kinds] == CRC32,
    })
}

fn mysql_gtid(mut reader: Reader) -> Result<Event> {
    reader.u8()?;
    let server = reader.take(16)?;
    let number = reader.u64()?;
    let server = server[..].try_into().map_err(|_| reader.malformed())?;
    Ok(Event::Gtid(GtidEvent {
        gtid: Some(Gtid::MySql { server, number }),
        is_standalone: false,
    }))
}

fn mariadb_gtid(mut reader: Reader, server: u32) -> Result<Event> {
    const STANDALONE: u8 = 1;
    let sequence = reader.u64()?;
    let domain = reader.u32()?;
    let flags = reader.u8()?;
    Ok(Event::Gtid(GtidEvent {
        gtid: Some(Gtid::MariaDb {
            domain,
            server,
            sequence,
        }),
        is_standalone: flags & STANDALONE != 0,
    }))
}

fn xa_prepare(mut reader: Reader) -> Result<Event> {
    let is_one_phase = reader.u8()? != 0;
    let format = reader.u32()?;
    let (global, branch) = (reader.u32()? as usize, reader.u32()? as usize);
    let (global, branch) = (reader.take(global)?, reader.take(branch)?);
    Ok(Event::XaPrepare {
        xid: format!("X'{}',X'{}',{format}", hex(&global), hex(&branch)),
        is_one_phase,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The second form of a heartbeat: fields by number and length.
fn heartbeat(mut reader: Reader) -> Result<Event> {
    const FILE: u8 = 1;
    let mut file = String::new();
    while !reader.is_empty() {
        let field = reader.u8()?;
        if field == 0 {
            break;
        }
        let length = reader.packed_len()?;
        match field {
            FILE => file = reader.text(length)?,
            _ => drop(reader.take(length)?),
        }
    }
    Ok(Event::Heartbeat(file))
}

fn compressed_rows(kind: RowsKind, reader: Reader, is_second: bool) -> Result<Event> {
    let mut rows = RawRows::decode(kind, reader, is_second)?;
    rows.data = compressed::event(rows.data)?;
    Ok(Event::Rows(rows))
}

fn partial_json() -> Error {
    let text = "the log has parts of JSON documents in place of the documents";
    Error::new(ErrorKind::Unsupported, text)
        .with_hint("SET GLOBAL binlog_row_value_options = '', then begin anew with a backfill")
}

fn tagged() -> Error {
    let text = "names of transactions with tags are not known";
    Error::new(ErrorKind::Unsupported, text)
        .with_hint("SET GLOBAL gtid_next = 'AUTOMATIC' in the sessions that write, without a tag")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(kind: u8, body: &'static [u8]) -> Result<Event> {
        let header = Header {
            time: 0,
            kind,
            server: 7,
            length: 0,
            end: 0,
        };
        Event::decode(&header, Bytes::from_static(body))
    }

    #[test]
    fn transactions_of_both_servers_have_names() {
        let mariadb = decode(162, b"\x05\0\0\0\0\0\0\0\x02\0\0\0\x09\0\0\0\0\0\0").unwrap();
        let Event::Gtid(event) = mariadb else {
            panic!("{mariadb:?}")
        };
        assert!(event.is_standalone);
        assert_eq!(event.gtid.unwrap().to_string(), "2-7-5");
        let mysql = decode(33, b"\x01ABCDEFGHIJKLMNOP\x09\0\0\0\0\0\0\0rest").unwrap();
        let Event::Gtid(event) = mysql else {
            panic!("{mysql:?}")
        };
        let want = "41424344-4546-4748-494a-4b4c4d4e4f50:9";
        assert_eq!(event.gtid.unwrap().to_string(), want);
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_what_to_set() {
        for kind in [39, 42] {
            let error = decode(kind, b"").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.hint().unwrap().contains("SET GLOBAL"), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(body: Vec<u8>, kind: u8) {
            let header = Header { time: 0, kind, server: 1, length: 0, end: 0 };
            drop(Event::decode(&header, body.into()));
        }
    }
}
