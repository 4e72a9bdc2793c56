//! A source whose rows are made by its decoder: a position is a row's number, so that every range can be made again.

use std::sync::Arc;
use std::time::Duration;

use headwater_flow::Result;
use headwater_flow::connector::{Chunk, Decoder, Partition, Payload, Poll, Range, Source, Waker};
use headwater_log::{Clock, Timestamp};

/// The most rows of a chunk.
const CHUNK_ROWS: u64 = 8_192;
/// How large a row is taken to be when the driver asks for bytes.
const ROW_BYTES: usize = 128;
/// The shortest wait for the next rows.
const WAIT_MS_MIN: u64 = 10;

/// How many rows there are and how fast they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// All rows; `None`: without end.
    pub(crate) rows: Option<u64>,
    /// Rows a second; `None`: as fast as they are taken.
    pub(crate) per_second: Option<u64>,
}

/// A source of generated rows.
pub(crate) struct Generator {
    name: &'static str,
    pace: Pace,
    decoder: Arc<dyn Decoder>,
    clock: Arc<dyn Clock>,
    /// When this process began to read, and from which row.
    began: Option<(Timestamp, u64)>,
}

impl Generator {
    /// A source whose rows `decoder` makes.
    pub(crate) fn new(
        name: &'static str,
        pace: Pace,
        decoder: Arc<dyn Decoder>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            name,
            pace,
            decoder,
            clock,
            began: None,
        }
    }

    /// The first row that may not be handed out yet.
    fn released(&mut self, from: u64) -> u64 {
        let Some(per_second) = self.pace.per_second else {
            return u64::MAX;
        };
        let now = self.clock.now();
        let (began, first) = *self.began.get_or_insert((now, from));
        let elapsed = now.0.saturating_sub(began.0).max(0) as u64;
        let rows = u128::from(elapsed) * u128::from(per_second) / 1_000;
        first.saturating_add(u64::try_from(rows).unwrap_or(u64::MAX))
    }
}

impl Source for Generator {
    fn partitions(&mut self) -> Result<Vec<Partition>> {
        Ok(vec![Partition {
            name: self.name.to_owned(),
            start: 0,
        }])
    }

    fn poll(&mut self, partition: u32, from: u64, max_bytes: usize) -> Result<Poll> {
        let end = self.pace.rows.unwrap_or(u64::MAX);
        if from >= end {
            return Ok(Poll::Ended);
        }
        let rows = ((max_bytes / ROW_BYTES) as u64).clamp(1, CHUNK_ROWS);
        let to = from.saturating_add(rows).min(end).min(self.released(from));
        if to <= from {
            let row_ms = 1_000 / self.pace.per_second.unwrap_or(1).max(1);
            return Ok(Poll::Pending {
                retry_after: Some(Duration::from_millis(row_ms.max(WAIT_MS_MIN))),
            });
        }
        Ok(Poll::Ready(Chunk {
            range: Range {
                partition,
                from,
                to,
                digest: None,
            },
            payload: Payload::Generated,
        }))
    }

    fn reread(&mut self, range: &Range) -> Result<Chunk> {
        Ok(Chunk {
            range: range.clone(),
            payload: Payload::Generated,
        })
    }

    fn decoder(&self) -> Arc<dyn Decoder> {
        Arc::clone(&self.decoder)
    }

    fn watch(&mut self, _waker: Waker) {
        // Rows come with time, and a pending poll says when; nothing calls.
    }
}
