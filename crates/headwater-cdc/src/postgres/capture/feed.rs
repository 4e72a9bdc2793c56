//! The stream of a slot: what each message is for the tables that are captured.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use headwater_log::{Error, ErrorKind, Header, Log, Record, Result, Timestamp};

use super::changes::{delete, insert, update};
use super::form::form;
use super::progress::PostgreSql;
use super::reading::files;
use super::running::{Next, Running};
use super::settings::Settings;
use super::slot;
use crate::capture::{Before, Feed, Form, Heard, Intake, Place, TableIndex, Target};
use crate::debezium::{Origin, OriginPlace, WalPlace, now_us};
use crate::postgres::catalog::Kinds;
use crate::postgres::failure::malformed;
use crate::postgres::shape::Shape;
use crate::postgres::{
    Lsn, Message, Received, Relation, Replication, Session, Table, TableName, literal,
};

/// From 1970 to 2000, in microseconds.
const POSTGRES_EPOCH_US: i64 = 946_684_800_000_000;

/// How often it is looked whether the tables are still there: the publication loses those that are dropped without a word.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

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
    relations: HashMap<u32, Option<Streamed>>,
    /// Of the transaction that is under way.
    origin: Origin,
    /// Where its changes lie.
    wal: WalPlace,
    /// Where its commit lies.
    commit: Lsn,
    /// Where the message lies that is taken in.
    place: Lsn,
    running: Running,
}

/// How the stream describes a table that is captured.
pub(super) struct Streamed {
    table: TableIndex,
    shape: Shape,
    form: Form,
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
            return Ok(Heard::Something);
        }
        self.beat()?;
        if self
            .looked
            .is_none_or(|looked| looked.elapsed() >= LOOK_INTERVAL)
        {
            self.looked = Some(Instant::now());
            self.look_for_tables()?;
            if into.assembly.is_whole() {
                self.look_for_partitions(&mut into)?;
            }
            self.held = slot::held(&mut self.control, &self.settings.slot)?;
        }
        Ok(match self.replication.receive(wait)? {
            Received::Message(message) => {
                self.place = self.replication.place();
                self.message(message, into)?;
                Heard::Something
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
        (control, replication): (Session, Replication),
        kinds: Kinds,
        (tables, described): (Vec<Table>, Lsn),
    ) -> Self {
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
            relations: HashMap::new(),
            origin: Origin::default(),
            wal: WalPlace::default(),
            commit: Lsn::default(),
            place: Lsn::default(),
            running: Running::new(log),
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
                self.begin(commit, time, xid, into)?;
                self.running.commit(xid, end);
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
        let time_us = time.saturating_add(POSTGRES_EPOCH_US);
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
        let time = Timestamp(time_us.div_euclid(1000));
        into.begin(xid, time, commit.into(), is_known)
    }

    /// A message of an application: part of a transaction, or of none; then it counts where it lies.
    fn logical(
        &self,
        lsn: Lsn,
        prefix: String,
        content: Bytes,
        mut into: Intake<'_, PostgreSql>,
    ) -> Result<()> {
        let messages = self.settings.messages.as_ref();
        if !messages.is_some_and(|messages| messages.takes(&prefix)) {
            return Ok(());
        }
        let is_of_none = into.assembly.is_whole();
        // Its place is where it ends.
        let end = Place::from(lsn);
        let is_known = match is_of_none {
            true => into.end().reaches(&end),
            false => into.assembly.is_taken_over(),
        };
        if is_known {
            return Ok(());
        }
        into.assembly.message(Record {
            key: Some(prefix.into()),
            value: Some(content),
            headers: vec![Header {
                key: "lsn".to_owned(),
                value: Some(lsn.to_string().into()),
            }],
            ..Record::default()
        });
        if is_of_none {
            into.reach(end);
        }
        Ok(())
    }

    /// Has the server's log go on, if it is time to.
    fn beat(&mut self) -> Result<()> {
        let Some(heartbeat) = &self.settings.heartbeat else {
            return Ok(());
        };
        if self
            .beat
            .is_some_and(|beat| beat.elapsed() < heartbeat.interval)
        {
            return Ok(());
        }
        self.beat = Some(Instant::now());
        let usual = "SELECT pg_logical_emit_message(false, 'headwater', '')";
        let statement = heartbeat.statement.as_deref().unwrap_or(usual);
        self.control.query(statement).map(drop)
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

    fn relation(&mut self, relation: &Relation, into: &mut Intake<'_, PostgreSql>) -> Result<()> {
        let name = TableName::new(&relation.schema, &relation.name);
        let found = self.tables.iter().position(|t| t.name == name);
        let known = match found {
            Some(at) if self.is_described(at, relation)? => {
                Some(self.streamed(at, relation, into)?)
            }
            Some(at) => {
                self.replaced(at, into)?;
                None
            }
            None => None,
        };
        self.relations.insert(relation.id, known);
        Ok(())
    }

    /// # Errors
    /// `Unavailable` if one is gone: what is there now is found when all begins again.
    fn look_for_tables(&mut self) -> Result<()> {
        let ids: Vec<String> = self.tables.iter().map(|t| t.id.to_string()).collect();
        let sql = format!("SELECT oid FROM pg_class WHERE oid IN ({})", ids.join(", "));
        let found: Vec<Option<String>> = self.control.query(&sql)?.into_iter().flatten().collect();
        let is_there = |t: &&Table| found.iter().flatten().any(|id| *id == t.id.to_string());
        match self.tables.iter().find(|t| !is_there(t)) {
            None => Ok(()),
            Some(gone) => {
                let text = format!("table '{}' was dropped", gone.name);
                Err(Error::new(ErrorKind::Unavailable, text))
            }
        }
    }

    /// A partition may be attached with rows in it, of which the stream says nothing: they are read. Those of one that is detached stay in the topic.
    fn look_for_partitions(&mut self, into: &mut Intake<'_, PostgreSql>) -> Result<()> {
        if !self.settings.backfills {
            return Ok(());
        }
        for (at, table) in self.tables.iter().enumerate() {
            if table.is_partitioned {
                let now = files(&mut self.control, &literal(&table.name.quoted()))?;
                if let Some(progress) = into.progress(at).with_files(&now) {
                    into.read_also(at, progress);
                }
            }
        }
        Ok(())
    }

    /// Whether a table is the one that was described when the stream began, with rows that are identified as then.
    fn is_described(&mut self, at: TableIndex, relation: &Relation) -> Result<bool> {
        let described = &self.tables[at];
        if !described.is_of(relation) || relation.identity != b'f' {
            return Ok(described.is_of(relation));
        }
        // Whole rows do not say what identifies them: the catalogue does. If that changes later, the relation comes again.
        let now = Table::look_up(&mut self.control, &described.name)?;
        Ok(now.identity() == described.identity())
    }

    /// A table is another one, or its rows are identified otherwise.
    fn replaced(&mut self, at: TableIndex, into: &mut Intake<'_, PostgreSql>) -> Result<()> {
        if self.is_past(at, into) || into.assembly.is_passing() {
            return Ok(());
        }
        // Also in a transaction that was taken over before: the next one comes without another description.
        if !self.settings.backfills {
            let text = format!(
                "table '{}' was made anew, or its rows are identified otherwise than before",
                self.tables[at].name
            );
            return Err(Error::new(ErrorKind::Unsupported, text)
                .with_hint("capture it anew, with what is in it"));
        }
        into.replaced(at);
        Ok(())
    }

    /// Whether the transaction was committed before a table was described that will be read whole: what will be read has it. It must
    /// not be in the topic before, since the stream may tell later ones by another key.
    fn is_past(&self, at: TableIndex, into: &Intake<'_, PostgreSql>) -> bool {
        into.is_fresh(at) && self.commit < self.described
    }

    fn streamed(
        &mut self,
        at: TableIndex,
        relation: &Relation,
        into: &mut Intake<'_, PostgreSql>,
    ) -> Result<Streamed> {
        let described = &self.tables[at];
        let (filters, kinds) = (&self.settings.filters, &mut self.kinds);
        let shape = Shape::of_relation(relation, described, filters, kinds, &mut self.control)?;
        let columns = relation.columns.iter().map(|c| (c.name.clone(), c.type_id));
        if !into.assembly.is_known() && !into.assembly.is_passing() {
            into.columns(at, columns.collect());
        }
        let form = form(&shape, &described.name, &self.settings);
        Ok(Streamed {
            table: at,
            shape,
            form,
        })
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
