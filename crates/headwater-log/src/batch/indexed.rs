//! [`IndexedBatch`]: an uncompressed batch of which it is known where each record begins, so that one record is read
//! without those before it.

use bytes::Bytes;

use super::decode::{decode_record, skim};
use super::header::corrupt;
use super::log_batch::LogBatch;
use super::records::{Frame, RecordRef};
use crate::error::Result;
use crate::record::Offset;

/// Where a record lies.
#[derive(Debug, Clone, Copy)]
struct RecordPlace {
    /// Its offset, less the batch's.
    delta: u32,
    /// Where it begins in the section.
    at: u32,
}

/// Bytes of the smallest record: its length, attributes, time, offset, lengths of its key and value, and how many headers it has,
/// in one byte each. What a batch says of itself takes no memory that its bytes do not account for.
const RECORD_BYTES_MIN: usize = 7;

/// A batch whose records can be reached one by one.
///
/// Invariant: `places` ascend, by offset and by place.
#[derive(Debug)]
pub(crate) struct IndexedBatch {
    section: Bytes,
    frame: Frame,
    places: Box<[RecordPlace]>,
}

impl IndexedBatch {
    /// Unpacks a batch and finds its records, which are looked into when they are read.
    ///
    /// # Errors
    /// `Corrupt` if it does not unpack, or its records do not follow each other.
    pub(crate) fn of(batch: &LogBatch) -> Result<Self> {
        let (section, frame) = (batch.section()?, batch.frame());
        if frame.count as usize > section.len() / RECORD_BYTES_MIN {
            return Err(corrupt("batch has no room for its records"));
        }
        let mut places: Vec<RecordPlace> = Vec::with_capacity(frame.count as usize);
        let (mut at, mut least) = (0, 0);
        for _ in 0..frame.count {
            let place = at as u32;
            let delta = skim(&section, &mut at)
                .filter(|delta| (least..=frame.last_delta).contains(delta))
                .ok_or_else(|| corrupt("record of a batch is damaged"))?;
            least = delta + 1;
            places.push(RecordPlace {
                delta: delta as u32,
                at: place,
            });
        }
        if at != section.len() {
            return Err(corrupt("batch has bytes after its last record"));
        }
        Ok(Self {
            section,
            frame,
            places: places.into(),
        })
    }

    /// Whether an offset lies between the first and the last that it covers.
    pub(crate) fn covers(&self, offset: Offset) -> bool {
        let delta = offset.0.checked_sub(self.frame.base_offset);
        delta.is_some_and(|delta| delta <= self.frame.last_delta as u64)
    }

    /// The record at an offset; `None` if compaction took it.
    ///
    /// # Errors
    /// `Corrupt` if it is damaged.
    pub(crate) fn record(&self, offset: Offset) -> Result<Option<RecordRef<'_>>> {
        if !self.covers(offset) {
            return Ok(None);
        }
        let delta = (offset.0 - self.frame.base_offset) as u32;
        // As a rule no record is missing.
        let found = match self.places.get(delta as usize) {
            Some(place) if place.delta == delta => Ok(delta as usize),
            _ => self.places.binary_search_by_key(&delta, |p| p.delta),
        };
        let Ok(index) = found else {
            return Ok(None);
        };
        let mut at = self.places[index].at as usize;
        let raw = decode_record(&self.section, &mut at)?;
        self.frame.place(raw).map(Some)
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        self.section.len() + size_of_val(&*self.places) + size_of::<Self>()
    }
}
