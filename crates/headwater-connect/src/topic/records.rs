//! The records of a chunk, side by side.

use bytes::Bytes;
use headwater_flow::connector::{Chunk, Payload};
use headwater_flow::{Error, ErrorKind, Result};
use headwater_log::Record;

/// The records of a chunk that are in its range, and where each stands.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// Their offsets.
    pub(super) offsets: Vec<u64>,
    /// The records.
    pub(super) records: Vec<Record>,
}

impl Records {
    /// Takes a chunk apart; control batches hold no data and are left out.
    ///
    /// # Errors
    /// `Corrupt` if a batch is damaged.
    pub(super) fn of(chunk: &Chunk) -> Result<Self> {
        let Payload::Log(batches) = &chunk.payload else {
            return Err(Error::new(
                ErrorKind::Bug,
                "a topic's chunk without batches",
            ));
        };
        let mut found = Self::default();
        for batch in batches.iter().filter(|b| !b.is_control()) {
            for record in batch.records() {
                let (offset, record) = record?;
                if (chunk.range.from..chunk.range.to).contains(&offset.0) {
                    found.offsets.push(offset.0);
                    found.records.push(record);
                }
            }
        }
        Ok(found)
    }

    /// The value of record `i`.
    pub(super) fn value(&self, i: usize) -> Option<&[u8]> {
        self.records[i].value.as_deref()
    }

    /// The key of record `i`.
    pub(super) fn key(&self, i: usize) -> Option<&[u8]> {
        self.records[i].key.as_deref()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }
}

/// The headers of a record as the engine hands them on.
pub(super) fn headers(record: &Record) -> Vec<(String, Option<Bytes>)> {
    let pair = |h: &headwater_log::Header| (h.key.clone(), h.value.clone());
    record.headers.iter().map(pair).collect()
}
