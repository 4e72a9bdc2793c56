//! The connection over which a server sends its log as to a replica: asking for it, checking and cutting events.

use std::time::Duration;

use bytes::Bytes;
use headwater_log::{Error, ErrorKind, Result};

use super::address::Address;
use super::charset::Charsets;
use super::compressed::Payload;
use super::event::{Event, FORMAT, Header, ROTATE, header};
use super::failure::{from_server, malformed};
use super::packets::Packets;
use super::position::Position;
use super::session::Session;

const REGISTER: u8 = 0x15;
const DUMP: u8 = 0x12;
const DUMP_GTID: u8 = 0x1e;
/// The first event of a file stands after its mark.
const FIRST_OFFSET: u64 = 4;
/// How often a server that has nothing to send says so.
const HEARTBEAT: Duration = Duration::from_millis(200);
const CHECKSUM_BYTES: usize = 4;

/// A connection over which the log comes.
#[derive(Debug)]
pub(super) struct Binlog {
    packets: Packets,
    pub(super) charsets: Charsets,
    pub(super) is_mariadb: bool,
    /// Whether events end with a checksum; `None`: the server has not said so yet.
    has_checksums: Option<bool>,
    /// A transaction that is being unpacked.
    payload: Option<Payload>,
}

impl Binlog {
    /// Asks for the log from `position` on, as the replica of a number that no other has.
    pub(super) fn connect(address: &Address, server_id: u32, position: &Position) -> Result<Self> {
        let mut session = Session::connect(address)?;
        let is_mariadb = session.is_mariadb();
        let charsets = Charsets::of(&mut session)?;
        prepare(&mut session, position)?;
        session.command(REGISTER, &registration(server_id))?;
        let mut packets = session.into_packets();
        let (kind, body) = match position.gtids.is_empty() || is_mariadb {
            true => (DUMP, dump(server_id, position, is_mariadb)?),
            false => (DUMP_GTID, dump_gtid(server_id, position)),
        };
        packets.command(kind, &body)?;
        Ok(Self {
            packets,
            charsets,
            is_mariadb,
            has_checksums: None,
            payload: None,
        })
    }

    /// The next event, if it comes before `wait` is over. One of a transaction that MySQL compresses as a whole ends where
    /// that ends.
    pub(super) fn receive(&mut self, wait: Duration) -> Result<Option<(Header, Event)>> {
        if let Some(payload) = &mut self.payload {
            if let Some(event) = payload.next()? {
                let (header, body) = header(&event)?;
                return Ok(Some((header, Event::decode(&header, body)?)));
            }
            self.payload = None;
        }
        let Some(packet) = self.packets.receive(wait)? else {
            // It says that it is there when it has nothing to say.
            return self.packets.silence().check().map(|()| None);
        };
        match packet.first() {
            Some(0) => {}
            Some(0xff) => return Err(from_server(packet.slice(1..))),
            Some(0xfe) => {
                let text = "the server has ended its log";
                return Err(Error::new(ErrorKind::Unavailable, text));
            }
            _ => return Err(malformed("event")),
        }
        let event = packet.slice(1..);
        let (header, body) = header(&event)?;
        let body = self.checked(&header, &event, body)?;
        let event = Event::decode(&header, body)?;
        if let Event::Format { has_checksums, .. } = &event {
            self.has_checksums = Some(*has_checksums);
        }
        if let Event::Payload(body) = &event {
            self.payload = Some(Payload::open(body.clone())?);
        }
        Ok(Some((header, event)))
    }

    /// Whether more has come already.
    pub(super) fn has_more(&self) -> bool {
        self.payload.is_some() || self.packets.has_more()
    }

    /// The body without its checksum, which must be right.
    fn checked(&self, header: &Header, event: &Bytes, body: Bytes) -> Result<Bytes> {
        let Some(length) = event.len().checked_sub(CHECKSUM_BYTES) else {
            return Err(malformed("event"));
        };
        let (checked, stored) = event.split_at(length);
        let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, checked) as u32;
        let is_right = crc.to_le_bytes() == stored;
        let has_checksum = match (self.has_checksums, header.kind) {
            // It says itself how checksums are made, and has room for one in any case.
            (_, FORMAT) => return Ok(body),
            (Some(has), _) => has,
            // The server names the file first, before it has said how it does.
            (None, ROTATE) => is_right,
            (None, _) => return Err(malformed("beginning of the log")),
        };
        match (has_checksum, is_right) {
            (false, _) => Ok(body),
            (true, true) if body.len() >= CHECKSUM_BYTES => {
                Ok(body.slice(..body.len() - CHECKSUM_BYTES))
            }
            (true, _) => {
                let text = "the checksum of an event is wrong";
                Err(Error::new(ErrorKind::Corrupt, text)
                    .with_hint("it was damaged on its way or in the log of the server"))
            }
        }
    }
}

/// What the server is to know of us before it sends its log.
fn prepare(session: &mut Session, position: &Position) -> Result<()> {
    // Both names, since servers changed them; to a server that does not know one it is a variable like any other.
    for name in ["master", "source"] {
        let period = HEARTBEAT.as_nanos();
        session.execute(&format!(
            "SET @{name}_heartbeat_period = {period}, @{name}_binlog_checksum = @@global.binlog_checksum"
        ))?;
    }
    if !position.gtids.is_empty() {
        check_had(session, position)?;
    }
    if !session.is_mariadb() {
        return Ok(());
    }
    // 4: knows names of transactions.
    session.execute("SET @mariadb_slave_capability = 4")?;
    if !position.gtids.is_empty() {
        session.execute(&format!(
            "SET @slave_connect_state = '{}', @slave_gtid_strict_mode = 1, @slave_gtid_ignore_duplicates = 0",
            position.gtids
        ))?;
    }
    Ok(())
}

/// A server that was reset, or has not what another one had, would leave out what comes until it is as far again.
fn check_had(session: &mut Session, position: &Position) -> Result<()> {
    let gtids = &position.gtids;
    let has_had = match session.is_mariadb() {
        true => {
            let logged = session.value("SELECT @@gtid_binlog_state")?;
            gtids.are_within(&logged.unwrap_or_default())?
        }
        false => {
            let sql = format!("SELECT GTID_SUBSET('{gtids}', @@global.gtid_executed)");
            session.value(&sql)?.as_deref() == Some("1") || will_have(session, position)?
        }
    };
    if has_had {
        return Ok(());
    }
    let text = format!("the log of the server never was at {position}");
    Err(Error::new(ErrorKind::NotFound, text)
        .with_hint("it was reset, or this is another server: begin anew with a backfill"))
}

/// MySQL sends what it has written into its log; executed is a transaction a moment later.
fn will_have(session: &mut Session, position: &Position) -> Result<bool> {
    const SECONDS: u32 = 5;
    let wait = format!(
        "SELECT IF(@@global.gtid_mode = 'ON', WAIT_FOR_EXECUTED_GTID_SET('{}', {SECONDS}), NULL)",
        position.gtids
    );
    Ok(session.value(&wait)?.as_deref() == Some("0"))
}

/// Our number; our address and login, the rank and the number of the server, which nobody asks for.
fn registration(server_id: u32) -> Vec<u8> {
    let mut body = server_id.to_le_bytes().to_vec();
    body.extend_from_slice(&[0; 3 + 2 + 4 + 4]);
    body
}

fn dump(server_id: u32, position: &Position, is_mariadb: bool) -> Result<Vec<u8>> {
    let by_name = is_mariadb && !position.gtids.is_empty();
    let offset = match by_name {
        true => FIRST_OFFSET,
        false => position.offset.max(FIRST_OFFSET),
    };
    let Ok(offset) = u32::try_from(offset) else {
        let text = format!("the protocol cannot say {position}");
        return Err(Error::new(ErrorKind::Unsupported, text)
            .with_hint("only the names of transactions lead there"));
    };
    let mut body = offset.to_le_bytes().to_vec();
    body.extend_from_slice(&[0; 2]);
    body.extend_from_slice(&server_id.to_le_bytes());
    if !by_name {
        body.extend_from_slice(position.file.as_bytes());
    }
    Ok(body)
}

fn dump_gtid(server_id: u32, position: &Position) -> Vec<u8> {
    let seen = position.gtids.encode();
    let mut body = vec![0; 2];
    body.extend_from_slice(&server_id.to_le_bytes());
    body.extend_from_slice(&0_u32.to_le_bytes());
    body.extend_from_slice(&FIRST_OFFSET.to_le_bytes());
    body.extend_from_slice(&(seen.len() as u32).to_le_bytes());
    body.extend_from_slice(&seen);
    body
}
