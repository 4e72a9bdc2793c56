//! Messages of applications that come with the stream, and our own that have the server's log go on.

use std::time::Instant;

use bytes::Bytes;
use headwater_log::{Header, Record, Result};

use super::SlotFeed;
use crate::capture::{Intake, Place};
use crate::debezium::{MessageEvents, Origin, OriginPlace, WalPlace, now_us};
use crate::postgres::Lsn;
use crate::postgres::capture::PostgreSql;

impl SlotFeed {
    /// A message of an application: part of a transaction, or of none; then it counts where it lies.
    pub(super) fn logical(
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
        let record = self.record(lsn, prefix, content, &mut into);
        into.assembly.message(record);
        if is_of_none {
            into.reach(end);
        }
        Ok(())
    }

    /// A message as it is, or as an event that tells it.
    fn record(
        &self,
        lsn: Lsn,
        prefix: String,
        content: Bytes,
        into: &mut Intake<'_, PostgreSql>,
    ) -> Record {
        let Some(events) = &self.events else {
            return Record {
                key: Some(prefix.into()),
                value: Some(content),
                headers: vec![Header {
                    key: "lsn".to_owned(),
                    value: Some(lsn.to_string().into()),
                }],
                ..Record::default()
            };
        };
        let is_of_none = into.assembly.is_whole();
        let now_us = now_us();
        // What is of no transaction has no time of its own.
        let (xid, time_us) = match is_of_none {
            true => (None, now_us),
            false => (self.wal.xid, self.origin.time_us),
        };
        let place = OriginPlace::Wal(WalPlace {
            xid,
            lsn: lsn.0,
            after: into.last().number(),
        });
        let origin = Origin {
            order: into.assembly.order(MessageEvents::COLLECTION, 1, &place),
            standing: None,
            place,
            is_read: false,
            time_us,
            now_us,
        };
        events.record(&prefix, &content, &origin)
    }

    /// Has the server's log go on, if it is time to.
    pub(super) fn beat(&mut self) -> Result<()> {
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
}
