//! The log of a server as transactions, from any position on.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use headwater_log::Result;

use super::address::Address;
use super::binlog::Binlog;
use super::position::Position;
use super::session::Session;
use super::sql::literal;
use super::table::Table;
use super::transactions::{Assembler, Message};

/// A number for a replica that no other has: servers of people have small ones.
pub(crate) fn made_up_id(name: &str) -> u32 {
    RandomState::new().hash_one(name) as u32 | 1 << 31
}

/// What came.
#[derive(Debug, Clone)]
pub enum Received {
    /// Part of a transaction.
    Message(Message),
    /// All that the server had in its log before this has been sent.
    Reached(Position),
    /// Nothing, for as long as was waited.
    Nothing,
}

/// A connection over which a server sends its log.
///
/// Memory is bounded by the largest event, which `max_allowed_packet` of the server bounds; a transaction is many events.
#[derive(Debug)]
pub struct Replica {
    address: Address,
    binlog: Binlog,
    assembler: Assembler,
    /// For questions to the catalogue, once there are some.
    session: Option<Session>,
}

impl Replica {
    /// Asks for what was committed after `position`, by the names of transactions if it has any. No two replicas of a server
    /// may have the same `server_id`: the newer one ends the other's connection.
    ///
    /// # Errors
    /// `Unavailable`; `Invalid` if the server refuses; `NotFound` if its log never was at the position. That it does not have
    /// it any more it says with the first [`Replica::receive`].
    pub fn connect(address: &Address, server_id: u32, position: &Position) -> Result<Self> {
        let binlog = Binlog::connect(address, server_id, position)?;
        let charsets = binlog.charsets.clone();
        let assembler = Assembler::new(position.clone(), binlog.is_mariadb, charsets);
        Ok(Self {
            address: address.clone(),
            binlog,
            assembler,
            session: None,
        })
    }

    /// What comes next, if it comes before `wait` is over.
    ///
    /// # Errors
    /// `Unavailable` if the connection is gone; `NotFound` if the log does not have the position any more; `Unsupported` if
    /// the server is not set up to tell rows, with what to set; `Corrupt`.
    pub fn receive(&mut self, wait: Duration) -> Result<Received> {
        loop {
            if let Some(message) = self.assembler.next() {
                return Ok(Received::Message(self.revealed(message)?));
            }
            let Some((header, event)) = self.binlog.receive(wait)? else {
                return Ok(Received::Nothing);
            };
            if self.assembler.hear(header, event)? {
                return Ok(Received::Reached(self.assembler.position().clone()));
            }
        }
    }

    /// Whether more has come already.
    pub fn has_more(&self) -> bool {
        self.assembler.has_more() || self.binlog.has_more()
    }

    /// MariaDB writes some types as others; which those are the catalogue knows, as it is now.
    fn revealed(&mut self, message: Message) -> Result<Message> {
        let Message::Rows(mut rows) = message else {
            return Ok(message);
        };
        if !rows.table.may_hide_types() || !self.binlog.is_mariadb {
            return Ok(Message::Rows(rows));
        }
        if let Some(table) = self.assembler.revealed(&rows.table) {
            rows.table = table;
            return Ok(Message::Rows(rows));
        }
        let mut table = Table::clone(&rows.table);
        table.reveal(&self.types(&rows.table)?);
        let table = Arc::new(table);
        self.assembler.reveal(&rows.table, &table);
        rows.table = table;
        Ok(Message::Rows(rows))
    }

    fn types(&mut self, table: &Table) -> Result<HashMap<String, String>> {
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(Session::connect(&self.address)?),
        };
        let rows = session.query(&format!(
            "SELECT column_name, data_type FROM information_schema.columns \
             WHERE table_schema = {} AND table_name = {} AND data_type IN ('uuid', 'inet6', 'inet4')",
            literal(&table.database),
            literal(&table.name)
        ));
        if rows.is_err() {
            // Perhaps it was idle for too long: the next one is a new one.
            self.session = None;
        }
        let pair = |row: Vec<Option<String>>| {
            let mut row = row.into_iter().flatten();
            Some((row.next()?, row.next()?))
        };
        Ok(rows?.into_iter().filter_map(pair).collect())
    }
}
