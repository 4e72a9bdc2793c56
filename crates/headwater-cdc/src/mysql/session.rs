//! A session with the server: statements, whose values come as text.
//!
//! Text has one form whatever the server's settings are, since every session sets those.

use std::net::TcpStream;

use bytes::Bytes;
use headwater_log::{Error, ErrorKind, Result};

use super::address::Address;
use super::auth;
use super::failure::{from_server, malformed};
use super::packets::Packets;
use super::reader::Reader;

/// Runs a statement.
const QUERY: u8 = 3;
/// More columns than this no answer has.
const COLUMNS_MAX: usize = 4096;
/// Makes the text of values independent of the server's settings, and literals too.
const SETTINGS: &str = "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = '', autocommit = 1, \
                        net_write_timeout = 3600, wait_timeout = 86400";

/// A connection to a server.
#[derive(Debug)]
pub struct Session {
    packets: Packets,
    version: String,
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// `Unavailable` if the server cannot be reached, `Invalid` if it refuses, `Unsupported` if the user proves itself in a way
    /// that is not known.
    pub fn connect(address: &Address) -> Result<Self> {
        let (packets, version) = auth::begin(Packets::connect(address)?, address)?;
        let mut session = Self { packets, version };
        session.packets.allow_statements();
        session.execute(SETTINGS)?;
        Ok(session)
    }

    /// The version as the server says it.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether it is MariaDB.
    pub fn is_mariadb(&self) -> bool {
        self.version.contains("MariaDB")
    }

    /// Runs a statement and gives each row to `row`; `None` is null.
    ///
    /// # Errors
    /// What the server says, or what `row` says; after the latter the session is of no use.
    pub fn for_each(
        &mut self,
        sql: &str,
        mut row: impl FnMut(&[Option<Bytes>]) -> Result<()>,
    ) -> Result<()> {
        self.packets.command(QUERY, sql.as_bytes())?;
        let answer = self.answer()?;
        let mut reader = Reader::new(answer, "answer");
        if reader.skips(0) {
            return Ok(());
        }
        if reader.skips(0xfb) {
            // The server asks for a file of ours: it gets none.
            self.packets.send(&[])?;
            self.answer()?;
            let text = "the statement asks for a file of the client";
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        let columns = reader.packed_len()?;
        if columns > COLUMNS_MAX {
            return Err(malformed("answer"));
        }
        for _ in 0..columns {
            self.answer()?;
        }
        if !is_end(&self.answer()?) {
            return Err(malformed("answer"));
        }
        let mut cells = Vec::with_capacity(columns);
        loop {
            let packet = self.answer()?;
            if is_end(&packet) {
                return Ok(());
            }
            cells.clear();
            let mut reader = Reader::new(packet, "row");
            for _ in 0..columns {
                cells.push(cell(&mut reader)?);
            }
            row(&cells)?;
        }
    }

    /// Runs a statement; all rows of what it gives, as text.
    ///
    /// # Errors
    /// What the server says.
    pub fn query(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
        let mut rows = Vec::new();
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        self.for_each(sql, |cells| {
            rows.push(cells.iter().map(|c| c.as_ref().map(text)).collect());
            Ok(())
        })?;
        Ok(rows)
    }

    /// Runs a statement whose rows, if it has any, are of no interest.
    ///
    /// # Errors
    /// What the server says.
    pub fn execute(&mut self, sql: &str) -> Result<()> {
        self.for_each(sql, |_| Ok(()))
    }

    /// The one value that a statement gives; `None`: null, or no row.
    ///
    /// # Errors
    /// What the server says.
    pub fn value(&mut self, sql: &str) -> Result<Option<String>> {
        let row = self.query(sql)?.into_iter().next();
        Ok(row.and_then(|r| r.into_iter().next()).flatten())
    }

    /// What ends it, whoever waits for it.
    pub(super) fn line(&self) -> Option<TcpStream> {
        self.packets.line()
    }

    /// The connection, for the command that makes it a replica's.
    pub(super) fn into_packets(self) -> Packets {
        self.packets
    }

    /// Sends a command and expects that it is done.
    pub(super) fn command(&mut self, kind: u8, body: &[u8]) -> Result<()> {
        self.packets.command(kind, body)?;
        match self.answer()?.first() {
            Some(0) => Ok(()),
            _ => Err(malformed("answer")),
        }
    }

    /// The next packet; an error of the server is an error here.
    fn answer(&mut self) -> Result<Bytes> {
        let packet = self.packets.expect()?;
        match packet.first() {
            Some(0xff) => Err(from_server(packet.slice(1..))),
            _ => Ok(packet),
        }
    }
}

/// Whether a packet ends a list; a row may begin with the same byte, but is longer then.
fn is_end(packet: &Bytes) -> bool {
    packet.first() == Some(&0xfe) && packet.len() < 9
}

fn cell(reader: &mut Reader) -> Result<Option<Bytes>> {
    if reader.skips(0xfb) {
        return Ok(None);
    }
    reader.packed_bytes().map(Some)
}
