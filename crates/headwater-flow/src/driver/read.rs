//! How chunks become rows: the pure half of an input, shared by threads.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, RecordBatchOptions};
use rayon::prelude::*;

use crate::batch::ZBatch;
use crate::connector::{Chunk, Decoder, Offsets, OriginalRecord, Reject};
use crate::error::Result;
use crate::operator::Stateless;
use crate::plan::ScanInput;
use crate::time::to_micros;

/// The pure half of an input, shared by threads.
pub(super) struct Reader {
    pub(super) scan: ScanInput,
    decoder: Arc<dyn Decoder>,
}

impl Reader {
    pub(super) fn new(scan: ScanInput, decoder: Arc<dyn Decoder>) -> Self {
        Self { scan, decoder }
    }

    /// The record at an offset of a chunk as it came.
    pub(super) fn original(&self, chunk: &Chunk, offset: u64) -> Option<OriginalRecord> {
        self.decoder.original(chunk, offset)
    }

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
    pub(super) rows: ZBatch,
    pub(super) watermarks: Option<Int64Array>,
    pub(super) offsets: Offsets,
    pub(super) rejects: Vec<Reject>,
}
