//! What is told of transactions in a topic of their own: their beginnings and ends, in the commits that have their events.

use headwater_log::{Record, Timestamp, TopicPartition};

use super::place::Place;
use super::settings::Format;
use crate::debezium::{OriginPlace, Told, Transactions};

/// Tells of transactions.
#[derive(Debug)]
pub(crate) struct Telling {
    topic: TopicPartition,
    writer: Transactions,
    records: Vec<Record>,
}

impl Telling {
    /// As a format wants it; `None`: not at all.
    pub(crate) fn of(format: &Format) -> Option<Self> {
        let Format::Debezium(debezium) = format else {
            return None;
        };
        Some(Self {
            topic: TopicPartition::new(debezium.transactions.as_deref()?, 0),
            writer: Transactions::new(debezium),
            records: Vec::new(),
        })
    }

    /// An event comes, of a change that lies there. A transaction without events is not told.
    pub(super) fn begin(&mut self, told: &Told, place: &OriginPlace, time: Timestamp) {
        if told.is_empty() {
            self.records.push(self.writer.begin(place, time));
        }
    }

    /// A transaction ends.
    pub(super) fn end(&mut self, told: &Told, end: &Place, time: Timestamp) {
        if !told.is_empty() {
            self.records.push(self.writer.end(told, end.lsn(), time));
        }
    }

    /// The records for a commit; `None`: there are none.
    pub(super) fn take(&mut self) -> Option<(TopicPartition, Vec<Record>)> {
        let records = std::mem::take(&mut self.records);
        (!records.is_empty()).then(|| (self.topic.clone(), records))
    }
}
