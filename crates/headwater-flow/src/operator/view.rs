//! The content of a materialised view: a multiset of rows. Hands on, at the end of each epoch, only what has changed
//! in it: the rows that are gone and then the rows that are there instead, ordered by key. Where nothing identifies a
//! row but all of it, it hands on rows that say how often they are there, which is what a changelog keeps of them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::upsert::{decode, row_codec};
use super::{EpochContext, Operator, Outbox};
use crate::batch::ZBatch;
use crate::error::Result;
use crate::state::{KeyCodec, KeyTable, Paged, StateVisitor};

/// One shard of a view.
///
/// Invariants: a row has a slot while its weight is not 0; `touched` holds exactly the slots that have a weight of
/// before the epoch.
pub struct View {
    key: Vec<usize>,
    schema: SchemaRef,
    /// The columns and the count behind them, if rows are counted.
    counted: Option<SchemaRef>,
    codec: KeyCodec,
    table: KeyTable,
    weights: Paged<i64>,
    touched: Vec<u32>,
    before: Vec<Option<i64>>,
}

impl View {
    /// A shard of a view over rows of `schema`; `key`: its primary key, empty for the whole row. `counts`: it hands on
    /// each row once, with how often it is there as one more column.
    ///
    /// # Errors
    /// `Invalid` if a column has a type that cannot be kept.
    pub fn new(key: Vec<usize>, schema: SchemaRef, counts: bool) -> Result<Self> {
        let fields = schema.fields().iter().cloned();
        let count = Arc::new(Field::new("count", DataType::Int64, false));
        let counted = Schema::new(fields.chain([count]).collect::<Vec<_>>());
        Ok(Self {
            counted: counts.then(|| Arc::new(counted)),
            key,
            codec: row_codec(&schema)?,
            schema,
            table: KeyTable::new(None),
            weights: Paged::new(),
            touched: Vec::new(),
            before: Vec::new(),
        })
    }

    /// The columns that changes are ordered by.
    fn key_columns(&self, rows: &RecordBatch) -> Vec<ArrayRef> {
        match &self.key[..] {
            [] => rows.columns()[..self.schema.fields().len()].to_vec(),
            key => key.iter().map(|i| rows.column(*i).clone()).collect(),
        }
    }

    /// The changes of the epoch, rows that are gone before rows that came, key by key.
    fn ordered(&self, rows: RecordBatch, weights: Vec<i64>) -> Result<ZBatch> {
        let keys = self.key_columns(&rows);
        let codec = KeyCodec::new(keys.iter().map(|k| k.data_type().clone()))?;
        let keys = codec.encode(&keys, weights.len())?;
        let mut order: Vec<u32> = (0..weights.len() as u32).collect();
        order.sort_by(|a, b| {
            let (a, b) = (*a as usize, *b as usize);
            let by_weight = weights[a].cmp(&weights[b]);
            keys.key(a).cmp(keys.key(b)).then(by_weight)
        });
        ZBatch::new(rows, Some(Int64Array::from(weights)))?.take(&order.into())
    }
}

impl Operator for View {
    fn push(
        &mut self,
        _context: &EpochContext,
        _port: usize,
        rows: ZBatch,
        _out: &mut Outbox,
    ) -> Result<()> {
        let encoded = self.codec.encode(rows.rows().columns(), rows.num_rows())?;
        for (i, row) in encoded.iter().enumerate() {
            let slot = self.table.intern(row);
            self.weights.grow(self.table.slots());
            self.before.resize(self.table.slots(), None);
            let weight = self.weights.get_mut(slot);
            let before = &mut self.before[slot as usize];
            if before.is_none() {
                *before = Some(*weight);
                self.touched.push(slot);
            }
            *weight += rows.weight(i);
        }
        Ok(())
    }

    fn finish(&mut self, _context: &EpochContext, out: &mut Outbox) -> Result<()> {
        let touched = std::mem::take(&mut self.touched);
        let mut changes = Changes::default();
        for slot in &touched {
            let before = self.before[*slot as usize].take().unwrap_or(0).max(0);
            let now = (*self.weights.get(*slot)).max(0);
            match (before == now, self.counted.is_some()) {
                (true, _) => {}
                (false, true) => changes.recount(*slot, before, now),
                (false, false) => changes.push(*slot, 1, now - before),
            }
        }
        if !changes.slots.is_empty() {
            let keys = changes.slots.iter().map(|slot| self.table.key(*slot));
            let rows = decode(&self.codec, &self.schema, keys)?;
            let rows = match &self.counted {
                Some(schema) => with_counts(schema, &rows, changes.counts)?,
                None => rows,
            };
            out.rows.push(self.ordered(rows, changes.weights)?);
        }
        for slot in touched {
            if *self.weights.get(slot) == 0 {
                self.table.remove(slot);
            }
        }
        Ok(())
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("rows", &mut self.table)?;
        visitor.column("weights", &mut self.weights)
    }

    fn restored(&mut self) -> Result<()> {
        self.touched.clear();
        self.before = vec![None; self.table.slots()];
        Ok(())
    }

    fn contents(&self) -> Result<Option<RecordBatch>> {
        let slots = self.table.live_slots();
        let rows =
            slots.flat_map(|slot| (0..*self.weights.get(slot)).map(move |_| self.table.key(slot)));
        decode(&self.codec, &self.schema, rows).map(Some)
    }
}

/// What an epoch has changed: rows by slot, how often each is there where that matters, and weights.
#[derive(Default)]
struct Changes {
    slots: Vec<u32>,
    counts: Vec<i64>,
    weights: Vec<i64>,
}

impl Changes {
    fn push(&mut self, slot: u32, count: i64, weight: i64) {
        self.slots.push(slot);
        self.counts.push(count);
        self.weights.push(weight);
    }

    /// A row is there `now` times instead of `before`.
    fn recount(&mut self, slot: u32, before: i64, now: i64) {
        if before > 0 {
            self.push(slot, before, -1);
        }
        if now > 0 {
            self.push(slot, now, 1);
        }
    }
}

fn with_counts(schema: &SchemaRef, rows: &RecordBatch, counts: Vec<i64>) -> Result<RecordBatch> {
    let mut columns = rows.columns().to_vec();
    columns.push(Arc::new(Int64Array::from(counts)));
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

#[cfg(test)]
mod tests;
