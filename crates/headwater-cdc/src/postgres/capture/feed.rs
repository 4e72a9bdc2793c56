//! The stream of a slot: what each message is for the tables that are captured.

mod described;
mod messages;
mod watch;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use headwater_log::{Log, Result, Timestamp};

use described::Streamed;

use super::changes::{delete, insert, update};
use super::progress::PostgreSql;
use super::running::{Next, Running};
use super::settings::Settings;
use crate::capture::{Before, Feed, Format, Heard, Intake, Place, Target, Transaction};
use crate::debezium::{MessageEvents, Origin, OriginPlace, WalPlace, now_us};
use crate::postgres::catalog::Kinds;
use crate::postgres::failure::malformed;
use crate::postgres::shape::Shape;
use crate::postgres::{Lsn, Message, Received, Replication, Session, Table, since_1970};

/// A transaction of which so many times as much was sent as one commit has at most is taken for too large for one, though filters may
/// leave little of it.
const LARGE: u64 = 4;

/// What a slot streams.
pub(crate) struct SlotFeed {
    settings: Settings,
    control: Session,
    replication: Replication,
    kinds: Kinds,
    tables: Vec<Table>,
    /// The tables were as they are known after everything that was committed before this.
    described: Lsn,
    /// When it was looked last whether the tables are there.
    looked: Option<Instant>,
    /// When something was done for its log to go on.
    beat: Option<Instant>,
    /// Bytes of its log that the server kept for the slot then.
    held: Option<u64>,
    relations: BTreeMap<u32, Option<Streamed>>,
    /// Whether values come in binary, where their types have such a form.
    binary: bool,
    /// Whether some will that cannot be read.
    wants_text: bool,
    /// Of the transaction that is under way.
    origin: Origin,
    /// Where its changes lie.
    wal: WalPlace,
    /// Where its commit lies.
    commit: Lsn,
    /// Where the message lies that is taken in.
    place: Lsn,
    running: Running,
    /// How messages of applications are told; `None`: as they are.
    events: Option<MessageEvents>,
}

impl Feed for SlotFeed {
    type Server = PostgreSql;

    fn hear(&mut self, wait: Duration, mut into: Intake<'_, PostgreSql>) -> Result<Heard> {
        if let Some(next) = self.running.next()? {
            self.replication.keep_alive()?;
            match next {
                Next::Message(place, message) => {
                    self.place = place;
                    self.message(message, into)?;
                }
                Next::End(end) => into.assembly.commit(end.into())?,
            }
            return Ok(self.something());
        }
        if !self.replication.has_more() {
            self.beat()?;
            if self.watch(&mut into)? {
                return Ok(Heard::Changed);
            }
        }
        Ok(match self.replication.receive(wait)? {
            Received::Message(message) => {
                self.place = self.replication.place();
                self.message(message, into)?;
                self.something()
            }
            Received::Streamed(message) => {
                self.running.push(self.replication.place(), &message)?;
                Heard::Something
            }
            Received::Reached(reached) => {
                into.expect_part(&reached.into())?;
                Heard::Reached(reached.into())
            }
            Received::Nothing => Heard::Nothing,
        })
    }

    fn has_more(&self) -> bool {
        self.running.has_more() || self.replication.has_more()
    }

    fn is_behind(&self) -> bool {
        self.replication.is_behind()
    }

    fn confirm(&mut self, durable: &Place, must: bool) -> Result<()> {
        match durable {
            Place::PostgreSql(lsn) => self.replication.confirm(*lsn, must),
            Place::MySql(_) => Err(malformed("place")),
        }
    }

    fn server_end(&self) -> Option<Place> {
        Some(self.replication.server_end().into())
    }

    fn held(&self) -> Option<u64> {
        self.held
    }
}

impl SlotFeed {
    /// A stream that has begun, of tables that were as they are after everything that was committed before `described`.
    pub(super) fn new(
        log: &Log,
        settings: &Settings,
        (mut control, replication): (Session, Replication),
        kinds: Kinds,
        (tables, described): (Vec<Table>, Lsn),
        binary: bool,
    ) -> Self {
        control.expect_at_once();
        Self {
            settings: settings.clone(),
            control,
            replication,
            kinds,
            tables,
            described,
            looked: None,
            beat: None,
            held: None,
            relations: BTreeMap::new(),
            binary,
            wants_text: false,
            origin: Origin::default(),
            wal: WalPlace::default(),
            commit: Lsn::default(),
            place: Lsn::default(),
            running: Running::new(log),
            events: match &settings.format {
                Format::Debezium(debezium) => {
                    Some(MessageEvents::new(debezium, &settings.address.database))
                }
                _ => None,
            },
        }
    }

    fn something(&self) -> Heard {
        match self.wants_text {
            true => Heard::AsText,
            false => Heard::Something,
        }
    }

    fn message(&mut self, message: Message, mut into: Intake<'_, PostgreSql>) -> Result<()> {
        match message {
            Message::Begin { commit, time, xid } => self.begin(commit, time, xid, into),
            Message::Commit { end } => into.assembly.commit(end.into()),
            Message::StreamStart { xid } => {
                self.running.set_block(Some(xid));
                Ok(())
            }
            Message::StreamStop => {
                self.running.set_block(None);
                Ok(())
            }
            Message::StreamAbort { xid, part } => {
                self.running.take_back(xid, part);
                Ok(())
            }
            Message::StreamCommit {
                xid,
                commit,
                end,
                time,
            } => {
                self.begin(commit, time, xid, into.again())?;
                let bytes = self.running.commit(xid, end);
                if bytes >= LARGE * self.settings.whole_bytes as u64 {
                    into.assembly.set_large();
                }
                Ok(())
            }
            Message::Relation(relation) => self.relation(&relation, &mut into),
            Message::Logical {
                lsn,
                prefix,
                content,
            } => self.logical(lsn, prefix, content, into),
            Message::Other => Ok(()),
            change => match into.assembly.is_taken_over() {
                true => Ok(()),
                false => self.row(change, into),
            },
        }
    }

    /// A transaction begins whose changes come next.
    fn begin(
        &mut self,
        commit: Lsn,
        time: i64,
        xid: u32,
        mut into: Intake<'_, PostgreSql>,
    ) -> Result<()> {
        self.commit = commit;
        let time_us = since_1970(time);
        self.wal = WalPlace {
            xid: Some(xid),
            after: into.last().number(),
            lsn: 0,
        };
        self.origin = Origin {
            time_us,
            now_us: now_us(),
            ..Origin::default()
        };
        // A transaction that ends where the position is begins before it.
        let next = Place::from(Lsn(commit.0.saturating_add(1)));
        let is_known = into.end().reaches(&next);
        into.begin(Transaction {
            mark: xid,
            time: Timestamp(time_us.div_euclid(1000)),
            commit: commit.into(),
            is_known,
        })
    }

    /// Changes of rows.
    fn row(&mut self, message: Message, mut into: Intake<'_, PostgreSql>) -> Result<()> {
        match message {
            Message::Insert { relation, new } => self.change(relation, into, |target, shape, _| {
                insert(target, shape, &new)
            }),
            Message::Update { relation, old, new } => {
                self.change(relation, into, |target, shape, before| {
                    update(target, shape, old.as_deref(), new, before)
                })
            }
            Message::Delete { relation, old } => self.change(relation, into, |target, shape, _| {
                delete(target, shape, &old)
            }),
            Message::Truncate { relations } => relations.into_iter().try_for_each(|relation| {
                self.change(relation, into.again(), |target, _, before| {
                    target.truncate(before)
                })
            }),
            _ => Err(malformed("change")),
        }
    }

    fn change(
        &mut self,
        relation: u32,
        mut into: Intake<'_, PostgreSql>,
        change: impl FnOnce(&mut Target<'_, PostgreSql>, &Shape, &mut dyn Before) -> Result<()>,
    ) -> Result<()> {
        let known = self.relations.get(&relation);
        let known = known.ok_or_else(|| malformed("change: its table is unknown"))?;
        let Some(Streamed { table, shape, form }) = known else {
            return Ok(());
        };
        if self.is_past(*table, &into) {
            return Ok(());
        }
        let origin = Origin {
            place: OriginPlace::Wal(WalPlace {
                lsn: self.place.0,
                ..self.wal
            }),
            ..self.origin.clone()
        };
        let (mut target, mut before) = into.target(*table, form, origin);
        change(&mut target, shape, &mut before)
    }
}
