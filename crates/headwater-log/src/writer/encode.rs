//! A group of accepted commits as the bytes of the write-ahead log. The buffer becomes the memory that readers and
//! the keeper share: a batch is copied into it once and never again.

use bytes::Bytes;

use super::decide::{Accepted, PlacedBatch};
use crate::batch::LogBatch;
use crate::change::Change;
use crate::error::Result;
use crate::memory::Buffers;
use crate::partition::{Partition, Tail};
use crate::record::Offset;
use crate::wal::frame::{self, FrameHeader, FrameKind};
use crate::wal::payload::{self, BatchEntry};
use crate::wal::ring::Room;

use std::sync::Arc;

/// Bytes for the write-ahead log, and what becomes visible once they are durable.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    pub(crate) bytes: Bytes,
    pub(crate) visible: Vec<(Arc<Partition>, Tail)>,
}

/// What is known of a batch before the buffer is complete.
struct Slot {
    placed: PlacedBatch,
    commit: crate::record::CommitNumber,
    /// Where its bytes lie in the buffer, unless they go straight to the segment.
    range: Option<std::ops::Range<usize>>,
}

/// Encodes commits and their batches for the place in a file that `room` is.
pub(super) fn encode(
    commits: &[Accepted],
    placed: Vec<PlacedBatch>,
    room: &Room,
    capacity: usize,
    buffers: &Buffers,
) -> Encoded {
    let mut out = buffers.take(capacity);
    let mut slots = Vec::with_capacity(placed.len());
    let mut placed = placed.into_iter();
    for commit in commits {
        let number = commit.number;
        let start = frame::begin(&mut out);
        payload::put_counts(&mut out, commit.batches, commit.positions.len(), 0);
        for placed in placed.by_ref().take(commit.batches) {
            let range = put_batch(&mut out, &placed);
            slots.push(Slot {
                placed,
                commit: number,
                range,
            });
        }
        for (owner, value) in &commit.positions {
            payload::put_position(&mut out, owner, value.as_ref());
        }
        frame::finish(&mut out, start, &header(room, number.0));
    }
    let bytes = buffers.share(out);
    let visible = slots.into_iter().map(|slot| slot.share(&bytes)).collect();
    Encoded { bytes, visible }
}

/// The frame of a change of the metadata.
///
/// # Errors
/// `Bug`.
pub(crate) fn encode_change(change: &Change, room: &Room, number: u64) -> Result<Bytes> {
    let mut out = Vec::new();
    let start = frame::begin(&mut out);
    payload::put_counts(&mut out, 0, 0, 1);
    payload::put_change(&mut out, change)?;
    frame::finish(&mut out, start, &header(room, number));
    Ok(out.into())
}

fn header(room: &Room, commit: u64) -> FrameHeader {
    FrameHeader {
        kind: FrameKind::Commit,
        generation: room.generation,
        durable: room.durable,
        commit,
    }
}

fn put_batch(out: &mut Vec<u8>, placed: &PlacedBatch) -> Option<std::ops::Range<usize>> {
    let bytes = placed.batch.batch.bytes();
    let inline = !placed.batch.direct;
    let entry = BatchEntry {
        topic: placed.partition.topic,
        partition: placed.partition.name.partition,
        segment: placed.place.segment.base(),
        at: placed.place.at,
        base: placed.place.base,
        len: bytes.len() as u32,
        bytes: inline.then(Bytes::new),
    };
    payload::put_entry(out, &entry);
    inline.then(|| {
        let from = out.len();
        out.extend_from_slice(bytes);
        LogBatch::patch_base_offset(&mut out[from..], Offset(placed.place.base));
        from..out.len()
    })
}

impl Slot {
    fn share(self, buffer: &Bytes) -> (Arc<Partition>, Tail) {
        let PlacedBatch {
            partition,
            batch,
            place,
        } = self.placed;
        let direct = self.range.is_none();
        let batch = match self.range {
            Some(range) => LogBatch::trusted(buffer.slice(range)),
            None => batch.batch.with_base_offset(Offset(place.base)),
        };
        let tail = Tail {
            batch,
            commit: self.commit,
            segment: place.segment,
            at: place.at,
            direct,
        };
        (partition, tail)
    }
}
