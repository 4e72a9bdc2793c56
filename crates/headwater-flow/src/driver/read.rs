//! The inputs of a pipeline: their sources, where they are read to, and how chunks become tracked rows.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, RecordBatchOptions};
use rayon::prelude::*;

use crate::batch::ZBatch;
use crate::connector::{Chunk, Decoder, Offsets, Range, Reject, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::operator::Stateless;
use crate::plan::ScanInput;
use crate::time::{TrackerOptions, WatermarkTracker, to_micros};

/// One input of a pipeline.
pub(super) struct Input {
    pub(super) reader: Arc<Reader>,
    pub(super) source: Box<dyn Source>,
    pub(super) tracker: WatermarkTracker,
    /// Names of the partitions, in the source's order.
    pub(super) names: Vec<String>,
    /// The next offset of each partition.
    pub(super) next: Vec<u64>,
    /// Since when each partition is read to its end, microseconds.
    pub(super) drained: Vec<Option<i64>>,
    /// Which partitions have come to their natural end.
    pub(super) ended: Vec<bool>,
    /// The chunks of the epoch, kept if late or damaged records may be wanted again.
    pub(super) kept: Vec<Chunk>,
}

/// The pure half of an input, shared by threads.
pub(super) struct Reader {
    pub(super) scan: ScanInput,
    decoder: Arc<dyn Decoder>,
}

impl Reader {
    /// Decodes chunks and computes the input's columns, on all threads.
    pub(super) fn prepare(&self, chunks: &[Chunk], parallel: bool) -> Result<Vec<Prepared>> {
        match parallel && chunks.len() > 1 {
            true => chunks
                .par_iter()
                .with_max_len(1)
                .map(|c| self.prepare_one(c))
                .collect(),
            false => chunks.iter().map(|c| self.prepare_one(c)).collect(),
        }
    }

    fn prepare_one(&self, chunk: &Chunk) -> Result<Prepared> {
        let decoded = self.decoder.decode(chunk)?;
        let rows = ZBatch::new(decoded.rows, decoded.weights)?;
        let rows = match &self.scan.prepare {
            Some(calc) => calc.apply(rows)?,
            None => {
                let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
                let columns = rows.rows().columns().to_vec();
                let schema = Arc::clone(&self.scan.rows);
                rows.with_rows(RecordBatch::try_new_with_options(
                    schema, columns, &options,
                )?)?
            }
        };
        let watermarks = match &self.scan.watermark {
            Some(expr) => {
                let values = expr.evaluate(rows.rows())?.into_array(rows.num_rows())?;
                Some(to_micros(&values)?)
            }
            None => None,
        };
        Ok(Prepared {
            rows,
            watermarks,
            offsets: decoded.offsets,
            rejects: decoded.rejects,
        })
    }
}

/// The rows of a chunk before event time is applied to them.
pub(super) struct Prepared {
    rows: ZBatch,
    watermarks: Option<Int64Array>,
    offsets: Offsets,
    pub(super) rejects: Vec<Reject>,
}

impl Input {
    pub(super) fn new(index: usize, scan: ScanInput, source: Box<dyn Source>) -> Result<Self> {
        let number = u8::try_from(index)
            .map_err(|_| Error::new(ErrorKind::Unsupported, "a pipeline has at most 256 inputs"))?;
        let idle_timeout = scan.def.watermark.as_ref().and_then(|w| w.idle_timeout);
        let options = TrackerOptions::new(number, idle_timeout, scan.out_of_orderness);
        Ok(Self {
            tracker: WatermarkTracker::new(options),
            reader: Arc::new(Reader {
                decoder: source.decoder(),
                scan,
            }),
            source,
            names: Vec::new(),
            next: Vec::new(),
            drained: Vec::new(),
            ended: Vec::new(),
            kept: Vec::new(),
        })
    }

    /// Takes in partitions that are new since the last call. `positions` holds offsets read to before, by name.
    pub(super) fn discover(&mut self, positions: &[(String, u64)]) -> Result<()> {
        for partition in self.source.partitions()?.into_iter().skip(self.names.len()) {
            let known = positions.iter().find(|(name, _)| *name == partition.name);
            self.next
                .push(known.map_or(partition.start, |(_, offset)| *offset));
            self.names.push(partition.name);
            self.drained.push(None);
            self.ended.push(false);
        }
        self.tracker.grow(self.names.len())
    }

    /// Where it is read to.
    pub(super) fn positions(&self) -> Vec<(String, u64)> {
        self.names
            .iter()
            .cloned()
            .zip(self.next.iter().copied())
            .collect()
    }

    /// Applies event time to prepared rows, chunk after chunk in their order.
    pub(super) fn track(&mut self, range: &Range, prepared: Prepared) -> Result<ZBatch> {
        let Prepared {
            rows,
            watermarks,
            offsets,
            ..
        } = prepared;
        let Some(watermarks) = watermarks else {
            return Ok(rows);
        };
        if !self.reader.scan.judged {
            self.tracker.advance(range.partition, &watermarks)?;
            return Ok(rows);
        }
        let track = self.tracker.track(range.partition, &watermarks, &offsets)?;
        rows.with_track(Some(track))
    }

    /// The chunk of this epoch that holds an offset.
    pub(super) fn chunk_of(&self, partition: u32, offset: u64) -> Option<&Chunk> {
        self.kept.iter().find(|c| {
            c.range.partition == partition && (c.range.from..c.range.to).contains(&offset)
        })
    }

    /// A record of this epoch as it came.
    pub(super) fn original(
        &self,
        partition: u32,
        offset: u64,
    ) -> Option<crate::connector::OriginalRecord> {
        self.reader
            .decoder
            .original(self.chunk_of(partition, offset)?, offset)
    }

    /// Tells the tracker which partitions are read to their ends.
    pub(super) fn settle_partitions(&mut self) -> Result<()> {
        for p in 0..self.names.len() {
            let number = p as u32;
            if self.ended[p] {
                self.tracker.ended(number)?;
            } else if let Some(since) = self.drained[p] {
                self.tracker.drained(number, since)?;
            }
        }
        if self.names.is_empty() {
            self.tracker.end_input();
        }
        Ok(())
    }
}
