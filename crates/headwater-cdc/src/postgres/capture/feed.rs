//! The stream of a slot: what each message is for the tables that are captured.

use std::collections::HashMap;
use std::time::Duration;

use headwater_log::{Result, Timestamp};

use super::changes::{delete, insert, update};
use super::form::form;
use super::progress::PostgreSql;
use super::settings::Settings;
use crate::capture::{Before, Feed, Form, Heard, Intake, Place, TableIndex, Target};
use crate::debezium::{Origin, now_us};
use crate::postgres::catalog::Kinds;
use crate::postgres::failure::malformed;
use crate::postgres::shape::Shape;
use crate::postgres::{Lsn, Message, Received, Relation, Replication, Session, Table, TableName};

/// From 1970 to 2000, in microseconds.
const POSTGRES_EPOCH_US: i64 = 946_684_800_000_000;

/// What a slot streams.
pub(crate) struct SlotFeed {
    pub(super) settings: Settings,
    pub(super) control: Session,
    pub(super) replication: Replication,
    pub(super) kinds: Kinds,
    pub(super) tables: Vec<Table>,
    pub(super) relations: HashMap<u32, Option<Streamed>>,
    /// Of the transaction that is under way.
    pub(super) origin: Origin,
}

/// How the stream describes a table that is captured.
pub(super) struct Streamed {
    table: TableIndex,
    shape: Shape,
    form: Form,
}

impl Feed for SlotFeed {
    type Server = PostgreSql;

    fn hear(&mut self, wait: Duration, into: Intake<'_, PostgreSql>) -> Result<Heard> {
        Ok(match self.replication.receive(wait)? {
            Received::Message(message) => {
                self.message(message, into)?;
                Heard::Something
            }
            Received::Reached(reached) => Heard::Reached(reached.into()),
            Received::Nothing => Heard::Nothing,
        })
    }

    fn has_more(&self) -> bool {
        self.replication.has_more()
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
}

impl SlotFeed {
    fn message(&mut self, message: Message, mut into: Intake<'_, PostgreSql>) -> Result<()> {
        match message {
            Message::Begin { commit, time, xid } => {
                let time_us = time.saturating_add(POSTGRES_EPOCH_US);
                self.origin = Origin {
                    xid: Some(xid),
                    after: into.last().number(),
                    time_us,
                    now_us: now_us(),
                    ..Origin::default()
                };
                // A transaction that ends where the position is begins before it.
                let next = Place::from(Lsn(commit.0.saturating_add(1)));
                let is_known = into.end().reaches(&next);
                let time = Timestamp(time_us.div_euclid(1000));
                into.assembly.begin(xid, time, is_known)
            }
            Message::Commit { end } => into.assembly.commit(end.into()),
            Message::Relation(relation) => self.relation(&relation, &mut into),
            Message::Other => Ok(()),
            _ if into.assembly.is_known() => Ok(()),
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
        }
    }

    fn relation(&mut self, relation: &Relation, into: &mut Intake<'_, PostgreSql>) -> Result<()> {
        let name = TableName::new(&relation.schema, &relation.name);
        let found = self.tables.iter().position(|t| t.name == name);
        let known = match found {
            None => None,
            Some(at) => {
                let described = &self.tables[at];
                let shape =
                    Shape::of_relation(relation, described, &mut self.kinds, &mut self.control)?;
                let columns = relation.columns.iter().map(|c| (c.name.clone(), c.type_id));
                if !into.assembly.is_known() {
                    into.columns(at, columns.collect());
                }
                let form = form(&shape, &name, &self.settings);
                Some(Streamed {
                    table: at,
                    shape,
                    form,
                })
            }
        };
        self.relations.insert(relation.id, known);
        Ok(())
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
        let origin = Origin {
            lsn: self.replication.place().0,
            ..self.origin
        };
        let (mut target, mut before) = into.target(*table, form, origin);
        change(&mut target, shape, &mut before)
    }
}
