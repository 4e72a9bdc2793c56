//! The outbox in the server's log: rows and messages in the order of commits, each transaction whole.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use headwater_log::{Log, Result, Timestamp};

use super::field::Row;
use super::handle::Shared;
use super::prune::{Pruning, Published};
use super::settings::{From, OutboxSettings};
use super::start::{Begun, Place, begin};
use super::table::Columns;
use crate::postgres::{Address, Lsn, Message, Received, Relation, TableName, since_1970};

/// How long the server is listened to at a time.
const WAIT: Duration = Duration::from_millis(50);
/// Transactions are collected up to about so much.
const COMMIT_BYTES: usize = 1 << 20;
/// How often the place is stored when nothing of ours happens.
const IDLE_INTERVAL: Duration = Duration::from_secs(5);

/// Until it is to stop, or something fails.
pub(super) fn run(
    log: &Log,
    settings: &OutboxSettings,
    address: &Address,
    shared: &Shared,
) -> Result<()> {
    let begun = begin(log, settings, address)?;
    shared.following();
    let table = settings.table().filter(|_| settings.prunes).cloned();
    let mut stream = Stream {
        pruning: table.map(|table| (table, Pruning::new())),
        settings,
        shared,
        tables: HashMap::new(),
        open: None,
        last: begun.end,
        stored: Instant::now(),
        wish: None,
        begun,
    };
    while !shared.is_stopped() {
        stream.step()?;
    }
    Ok(())
}

struct Stream<'a> {
    settings: &'a OutboxSettings,
    shared: &'a Shared,
    begun: Begun<'a>,
    pruning: Option<(TableName, Pruning<Lsn>)>,
    /// Columns of the outbox table, by the ids of what it is made of.
    tables: HashMap<u32, Columns>,
    /// When the transaction that is under way was committed.
    open: Option<Timestamp>,
    /// Where the last transaction that was heard of ends.
    last: Lsn,
    stored: Instant,
    /// A wish, and the place that everything it is about lies before.
    wish: Option<(u64, Lsn)>,
}

impl Stream<'_> {
    fn step(&mut self) -> Result<()> {
        self.note_wish()?;
        match self.begun.replication.receive(WAIT)? {
            Received::Message(message) => self.take(message)?,
            Received::Reached(place) if self.open.is_none() => self.last = self.last.max(place),
            Received::Reached(_) | Received::Streamed(_) | Received::Nothing => {}
        }
        if self.open.is_some() {
            return Ok(());
        }
        let is_full = self.begun.publisher.bytes() >= COMMIT_BYTES;
        if !is_full && self.begun.replication.has_more() {
            return Ok(());
        }
        let is_reached = self.wish.is_some_and(|(_, place)| self.last >= place);
        let is_moved = self.last > self.begun.end;
        let is_due = self.stored.elapsed() >= IDLE_INTERVAL || is_reached || self.is_awaited();
        if !self.begun.publisher.is_empty() || is_moved && is_due {
            self.commit()?;
        }
        let server_end = self.begun.replication.server_end();
        let lag = server_end
            .0
            .saturating_sub(self.last.0.max(self.begun.end.0));
        self.shared.lags(lag);
        if let Some((wish, place)) = self.wish
            && self.begun.end >= place
        {
            self.prune(true)?;
            self.shared.serve(wish);
            self.wish = None;
        }
        self.prune(false)
    }

    /// Whether rows are to be deleted once the stream is somewhere.
    fn is_awaited(&self) -> bool {
        self.pruning
            .as_ref()
            .is_some_and(|(_, pruning)| pruning.is_waiting())
    }

    fn prune(&mut self, at_once: bool) -> Result<()> {
        let Some((name, pruning)) = &mut self.pruning else {
            return Ok(());
        };
        let (session, durable) = (&mut self.begun.control, self.begun.end);
        let id = self.settings.router.id.as_str();
        let mut table = Published { session, name, id };
        pruning.step(&mut table, |place| durable >= *place, at_once)
    }

    /// A new wish is for everything before a message that is written now.
    fn note_wish(&mut self) -> Result<()> {
        let Some(wish) = self.shared.wish() else {
            return Ok(());
        };
        if self.wish.is_none_or(|(known, _)| known < wish) {
            let sql = "SELECT pg_logical_emit_message(true, 'headwater', '')";
            let place = self.begun.control.value(sql)?.unwrap_or_default();
            self.wish = Some((wish, place.parse()?));
            self.begun.replication.confirm(self.begun.end, true)?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        let place = Place {
            end: Some(self.last),
            ..self.begun.place.clone()
        };
        self.shared.published(self.begun.publisher.commit(&place)?);
        self.begun.end = self.last;
        self.stored = Instant::now();
        self.begun.replication.confirm(self.last, false)
    }

    fn take(&mut self, message: Message) -> Result<()> {
        match message {
            Message::Begin { time, .. } => {
                self.open = Some(Timestamp(since_1970(time).div_euclid(1000)));
            }
            Message::Commit { end } => {
                self.open = None;
                self.last = self.last.max(end);
            }
            Message::Relation(relation) => self.relation(&relation),
            Message::Insert { relation, new } => {
                if let Some(columns) = self.tables.get(&relation) {
                    self.begun.publisher.put(&columns.row(&new), self.open)?;
                }
            }
            Message::Logical {
                lsn,
                prefix,
                content,
            } => self.message(lsn, &prefix, &content)?,
            // Rows of an outbox are written once; what else is done to them says nothing.
            _ => {}
        }
        Ok(())
    }

    fn relation(&mut self, relation: &Relation) {
        let is_ours =
            |t: &crate::postgres::TableName| t.schema == relation.schema && t.name == relation.name;
        if self.settings.table().is_some_and(is_ours) {
            let columns = relation.columns.iter().map(|c| (c.name.clone(), c.type_id));
            self.tables.insert(relation.id, Columns(columns.collect()));
        }
    }

    /// A message of a transaction, or one that is none's and counts at once.
    fn message(&mut self, lsn: Lsn, prefix: &str, content: &Bytes) -> Result<()> {
        if !matches!(&self.settings.from, From::Messages(_, ours) if ours == prefix) {
            return Ok(());
        }
        let publisher = &mut self.begun.publisher;
        match Row::of_message(content) {
            Ok(row) => publisher.put(&row, self.open)?,
            Err(why) => publisher.keep(&Row::of_bytes(content), None, &why, self.open)?,
        }
        if self.open.is_none() {
            self.last = self.last.max(lsn);
        }
        Ok(())
    }
}
