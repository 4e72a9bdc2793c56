//! Generated rows of a range.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use headwater_flow::connector::{Chunk, Decoded, Decoder, Offsets, OriginalRecord};
use headwater_flow::{Error, ErrorKind, Result};

use super::field::{FieldMaker, RowContext};
use super::random::Random;
use crate::column::{StructColumn, StructShape};

/// Makes the rows of a range.
pub(super) struct DatagenDecoder {
    pub(super) schema: SchemaRef,
    pub(super) shape: Arc<StructShape>,
    /// For each column its maker and its place in the declared table, which seeds it.
    pub(super) makers: Vec<(FieldMaker, u64)>,
    pub(super) seed: u64,
    /// Time of the first row, milliseconds.
    pub(super) base_ms: i64,
    pub(super) per_second: u64,
}

impl Decoder for DatagenDecoder {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn decode(&self, chunk: &Chunk) -> Result<Decoded> {
        let count = (chunk.range.to - chunk.range.from) as usize;
        let mut columns = StructColumn::new(&self.shape, count);
        for (column, (maker, place)) in columns.fields.iter_mut().zip(&self.makers) {
            for row in chunk.range.from..chunk.range.to {
                let mut random = Random::new(self.seed, row, *place);
                let ms = u128::from(row) * 1_000 / u128::from(self.per_second);
                let at = RowContext {
                    row,
                    time_ms: self
                        .base_ms
                        .saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)),
                };
                maker.push(column, at, &mut random).map_err(|r| {
                    Error::new(
                        ErrorKind::Invalid,
                        format!("datagen cannot make a value: {}", r.0),
                    )
                })?;
            }
        }
        Ok(Decoded {
            rows: columns.finish(&self.schema, count)?,
            weights: None,
            offsets: Offsets::From(chunk.range.from),
            rejects: Vec::new(),
        })
    }

    fn original(&self, _chunk: &Chunk, _offset: u64) -> Option<OriginalRecord> {
        None
    }
}
