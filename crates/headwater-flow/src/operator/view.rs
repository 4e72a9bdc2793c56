//! The content of a materialised view: a multiset of rows. Hands on, at the end of each epoch, only what has changed
//! in it: the rows that are gone and then the rows that are there instead, ordered by key.

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::row::RowConverter;

use super::upsert::{decode, row_converter};
use super::{EpochContext, Operator, Outbox};
use crate::batch::ZBatch;
use crate::error::Result;
use crate::state::{KeyTable, Paged, StateVisitor};

/// One shard of a view.
///
/// Invariants: a row has a slot while its weight is not 0; `touched` holds exactly the slots that have a weight of
/// before the epoch.
pub struct View {
    key: Vec<usize>,
    schema: SchemaRef,
    converter: RowConverter,
    table: KeyTable,
    weights: Paged<i64>,
    touched: Vec<u32>,
    before: Vec<Option<i64>>,
}

impl View {
    /// A shard of a view over rows of `schema`; `key`: its primary key, empty for the whole row.
    ///
    /// # Errors
    /// `Invalid` if a column has a type that cannot be kept.
    pub fn new(key: Vec<usize>, schema: SchemaRef) -> Result<Self> {
        Ok(Self {
            key,
            converter: row_converter(&schema)?,
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
            [] => rows.columns().to_vec(),
            key => key.iter().map(|i| rows.column(*i).clone()).collect(),
        }
    }

    /// The changes of the epoch, rows that are gone before rows that came, key by key.
    fn ordered(&self, rows: RecordBatch, weights: Vec<i64>) -> Result<ZBatch> {
        let keys = self.key_columns(&rows);
        let fields = keys
            .iter()
            .map(|k| arrow::row::SortField::new(k.data_type().clone()));
        let converter = RowConverter::new(fields.collect())?;
        let keys = converter.convert_columns(&keys)?;
        let mut order: Vec<u32> = (0..weights.len() as u32).collect();
        order.sort_by(|a, b| {
            let (a, b) = (*a as usize, *b as usize);
            let by_weight = weights[a].cmp(&weights[b]);
            keys.row(a).cmp(&keys.row(b)).then(by_weight)
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
        let encoded = self.converter.convert_columns(rows.rows().columns())?;
        for (i, row) in encoded.iter().enumerate() {
            let slot = self.table.intern(row.data());
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
        let mut changed: Vec<(u32, i64)> = Vec::with_capacity(touched.len());
        for slot in &touched {
            let before = self.before[*slot as usize].take().unwrap_or(0);
            let change = (*self.weights.get(*slot)).max(0) - before.max(0);
            if change != 0 {
                changed.push((*slot, change));
            }
        }
        if !changed.is_empty() {
            let rows = changed.iter().map(|(slot, _)| self.table.key(*slot));
            let rows = decode(&self.converter, &self.schema, rows)?;
            let weights = changed.iter().map(|(_, change)| *change).collect();
            out.rows.push(self.ordered(rows, weights)?);
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
        decode(&self.converter, &self.schema, rows).map(Some)
    }
}
