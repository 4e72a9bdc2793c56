//! How chunks become rows: the pure half of an input, shared by threads.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{BooleanArray, Int64Array, RecordBatch, RecordBatchOptions};
use rayon::prelude::*;

use crate::batch::ZBatch;
use crate::connector::{Chunk, Decoder, Offsets, OriginalRecord, Reject};
use crate::error::{Error, Result};
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
        let (mut offsets, mut rejects) = (decoded.offsets, decoded.rejects);
        let rows = ZBatch::new(decoded.rows, decoded.weights)?;
        let (rows, watermarks) = match self.compute(&rows) {
            Err(error) if error.is_of_rows() => {
                let mut found = BTreeMap::new();
                self.find_failing(&rows, 0, error, &offsets, &mut found)?;
                let rest = |i: &usize| !found.contains_key(&offsets.get(*i));
                let rest: BooleanArray = (0..rows.num_rows()).map(|i| Some(rest(&i))).collect();
                let kept = (0..rows.num_rows()).filter(|i| rest.value(*i));
                let kept = kept.map(|i| offsets.get(i)).collect();
                offsets = Offsets::Each(kept);
                let reject = |(offset, reason)| Reject { offset, reason };
                rejects.extend(found.into_iter().map(reject));
                self.compute(&rows.filter(&rest)?)?
            }
            done => done?,
        };
        Ok(Prepared {
            rows,
            watermarks,
            offsets,
            rejects,
        })
    }

    /// The input's columns of decoded rows, and the watermark after each of them.
    fn compute(&self, decoded: &ZBatch) -> Result<(ZBatch, Option<Int64Array>)> {
        let rows = match &self.scan.prepare {
            Some(calc) => calc.apply(decoded.clone())?,
            None => {
                let options = RecordBatchOptions::new().with_row_count(Some(decoded.num_rows()));
                let columns = decoded.rows().columns().to_vec();
                let schema = Arc::clone(&self.scan.rows);
                let rows = RecordBatch::try_new_with_options(schema, columns, &options)?;
                decoded.with_rows(rows)?
            }
        };
        let Some(expr) = &self.scan.watermark else {
            return Ok((rows, None));
        };
        let values = expr.evaluate(rows.rows())?.into_array(rows.num_rows())?;
        Ok((rows, Some(to_micros(&values)?)))
    }

    /// The offsets of the records among `rows`, from row `first` of the chunk on, whose columns cannot be computed,
    /// and why: `error` says that there is one.
    fn find_failing(
        &self,
        rows: &ZBatch,
        first: usize,
        error: Error,
        offsets: &Offsets,
        found: &mut BTreeMap<u64, String>,
    ) -> Result<()> {
        let count = rows.num_rows();
        if count < 2 {
            let reason = self.scan.reasons.of(error.reason());
            found.insert(offsets.get(first), reason);
            return Ok(());
        }
        for (from, length) in [(0, count / 2), (count / 2, count - count / 2)] {
            let part = rows.slice(from, length);
            match self.compute(&part) {
                Ok(_) => {}
                Err(error) if error.is_of_rows() => {
                    self.find_failing(&part, first + from, error, offsets, found)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The rows of a chunk before event time is applied to them.
pub(super) struct Prepared {
    pub(super) rows: ZBatch,
    pub(super) watermarks: Option<Int64Array>,
    pub(super) offsets: Offsets,
    pub(super) rejects: Vec<Reject>,
}
