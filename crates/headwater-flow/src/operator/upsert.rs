//! A keyed changelog as a Z-set: a row replaces the last one of its key (−old, +new), a row of negative weight (a
//! tombstone, of which only the key counts) deletes it. Changes are judged late as the record is that made them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::SchemaRef;

use super::{EpochContext, Operator, Outbox};
use crate::batch::{RowTrack, ZBatch};
use crate::error::Result;
use crate::state::{KeyCodec, KeyTable, Paged, StateVisitor};

/// One shard of an upsert: the last row by key.
pub struct Upsert {
    keys: Vec<usize>,
    key_codec: KeyCodec,
    row_codec: KeyCodec,
    schema: SchemaRef,
    table: KeyTable,
    last: Paged<Box<[u8]>>,
    /// By key the watermark that its row was judged by, where rows are. The row's deletion is judged by no lower one, so
    /// that it is late for all windows that the row was late for.
    judged: Paged<i64>,
}

impl Upsert {
    /// A shard over rows of `schema` whose primary key is the columns `keys`.
    ///
    /// # Errors
    /// `Invalid` if a column has a type that cannot be kept.
    pub fn new(keys: Vec<usize>, schema: SchemaRef) -> Result<Self> {
        let key_codec = KeyCodec::of(&schema, &keys)?;
        Ok(Self {
            table: KeyTable::new(key_codec.width()),
            key_codec,
            row_codec: row_codec(&schema)?,
            last: Paged::new(),
            judged: Paged::new(),
            keys,
            schema,
        })
    }

    /// The changes that a record makes, as encoded rows.
    fn change(&mut self, key: &[u8], row: Option<&[u8]>, record: Record, changes: &mut Changes) {
        match row {
            Some(row) => {
                let (slot, is_new) = self.table.intern_new(key);
                self.last.grow(self.table.slots());
                let last = self.last.get_mut(slot);
                if !is_new && &last[..] == row {
                    return;
                }
                let last = std::mem::replace(last, row.into());
                let record = self.judge(slot, is_new, record);
                if !is_new {
                    changes.push(last, -1, record);
                }
                changes.push(row.into(), 1, record);
            }
            None => {
                if let Some(slot) = self.table.find(key) {
                    let record = self.judge(slot, false, record);
                    changes.push(std::mem::take(self.last.get_mut(slot)), -1, record);
                    self.table.remove(slot);
                }
            }
        }
    }

    /// The record with what its changes are judged by.
    fn judge(&mut self, slot: u32, is_new: bool, record: Record) -> Record {
        let Some(bound) = record.bound else {
            return record;
        };
        self.judged.grow(self.table.slots());
        let judged = self.judged.get_mut(slot);
        *judged = if is_new { bound } else { bound.max(*judged) };
        Record {
            bound: Some(*judged),
            ..record
        }
    }
}

/// A record of a batch: its place in it, and what it is judged by, if it is.
#[derive(Debug, Clone, Copy)]
struct Record {
    at: u32,
    bound: Option<i64>,
}

#[derive(Default)]
struct Changes {
    rows: Vec<Box<[u8]>>,
    weights: Vec<i64>,
    /// The records that made them.
    records: Vec<Record>,
}

impl Changes {
    fn push(&mut self, row: Box<[u8]>, weight: i64, record: Record) {
        self.rows.push(row);
        self.weights.push(weight);
        self.records.push(record);
    }

    /// The track of the changes, given that of the records.
    fn track(&self, track: &RowTrack) -> RowTrack {
        let records = self.records.iter();
        let origins = records.clone().map(|r| track.origins.value(r.at as usize));
        RowTrack {
            bounds: records.map(|r| r.bound).collect(),
            origins: UInt64Array::from_iter_values(origins),
            derived: true,
        }
    }
}

impl Operator for Upsert {
    fn push(
        &mut self,
        _context: &EpochContext,
        _port: usize,
        rows: ZBatch,
        out: &mut Outbox,
    ) -> Result<()> {
        let columns = rows.rows().columns();
        let keys: Vec<ArrayRef> = self.keys.iter().map(|i| Arc::clone(&columns[*i])).collect();
        let keys = self.key_codec.encode(&keys, rows.num_rows())?;
        let encoded = self.row_codec.encode(columns, rows.num_rows())?;
        let mut changes = Changes::default();
        for i in 0..rows.num_rows() {
            let row = (rows.weight(i) > 0).then(|| encoded.key(i));
            let record = Record {
                at: i as u32,
                bound: rows.track().map(|t| t.bounds.value(i)),
            };
            self.change(keys.key(i), row, record, &mut changes);
        }
        if !changes.rows.is_empty() {
            let batch = decode(
                &self.row_codec,
                &self.schema,
                changes.rows.iter().map(|r| &r[..]),
            )?;
            let track = rows.track().map(|track| changes.track(track));
            let weights = Int64Array::from(changes.weights);
            out.rows
                .push(ZBatch::new(batch, Some(weights))?.with_track(track)?);
        }
        Ok(())
    }

    fn finish(&mut self, _context: &EpochContext, _out: &mut Outbox) -> Result<()> {
        Ok(())
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("keys", &mut self.table)?;
        visitor.column("last", &mut self.last)?;
        visitor.column("judged", &mut self.judged)
    }
}

/// A codec of whole rows.
pub(super) fn row_codec(schema: &SchemaRef) -> Result<KeyCodec> {
    KeyCodec::new(schema.fields().iter().map(|f| f.data_type().clone()))
}

/// Decodes whole rows.
pub(super) fn decode<'a>(
    codec: &KeyCodec,
    schema: &SchemaRef,
    rows: impl Iterator<Item = &'a [u8]>,
) -> Result<RecordBatch> {
    let columns = codec.decode(rows)?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

#[cfg(test)]
mod tests;
