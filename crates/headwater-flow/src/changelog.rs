//! An epoch's weighted rows as the changes that a person or a sink reads: `+I`, `-U`, `+U`, `-D`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::{concat_batches, interleave_record_batch};
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, Rows, SortField};

use crate::batch::ZBatch;
use crate::error::Result;

/// What happens to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowKind {
    /// It is new.
    Insert,
    /// It was what is now something else.
    UpdateBefore,
    /// It is what was something else.
    UpdateAfter,
    /// It is gone.
    Delete,
}

impl RowKind {
    /// As Flink writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "+I",
            Self::UpdateBefore => "-U",
            Self::UpdateAfter => "+U",
            Self::Delete => "-D",
        }
    }
}

impl fmt::Display for RowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Turns the rows of epochs into changes.
#[derive(Debug)]
pub struct Changelog {
    schema: SchemaRef,
    key: Option<Vec<usize>>,
}

impl Changelog {
    /// A changelog of rows of `schema`, of which the columns `key` identify one; `None`: only all of them together do, so
    /// that there are no updates.
    pub fn new(schema: SchemaRef, key: Option<Vec<usize>>) -> Self {
        Self { schema, key }
    }

    /// The changes that an epoch makes, one row each. What an epoch puts in and takes back again is no change.
    ///
    /// # Ordering
    /// Keys in the order in which the epoch first touched them; of each key first what is gone, then what is there.
    ///
    /// # Errors
    /// `Bug` for rows of another schema.
    pub fn changes(&self, epoch: &[ZBatch]) -> Result<(Vec<RowKind>, RecordBatch)> {
        let batches: Vec<&RecordBatch> = epoch.iter().map(ZBatch::rows).collect();
        if epoch.iter().all(|b| b.weights().is_none()) {
            let rows = concat_batches(&self.schema, batches)?;
            return Ok((vec![RowKind::Insert; rows.num_rows()], rows));
        }
        let mut kinds = Vec::new();
        let mut indices = Vec::new();
        for rows in self.net(epoch)? {
            let (gone, there): (Vec<Net>, Vec<Net>) = rows.into_iter().partition(|r| r.weight < 0);
            let is_update = self.key.is_some() && !gone.is_empty() && !there.is_empty();
            let (before, after) = match is_update {
                true => (RowKind::UpdateBefore, RowKind::UpdateAfter),
                false => (RowKind::Delete, RowKind::Insert),
            };
            for (kind, row) in gone
                .iter()
                .map(|r| (before, r))
                .chain(there.iter().map(|r| (after, r)))
            {
                for _ in 0..row.weight.unsigned_abs() {
                    kinds.push(kind);
                    indices.push(row.at);
                }
            }
        }
        if indices.is_empty() {
            return Ok((kinds, RecordBatch::new_empty(self.schema.clone())));
        }
        if self.schema.fields().is_empty() {
            let options = RecordBatchOptions::new().with_row_count(Some(indices.len()));
            let rows =
                RecordBatch::try_new_with_options(self.schema.clone(), Vec::new(), &options)?;
            return Ok((kinds, rows));
        }
        let columns = interleave_record_batch(&batches, &indices)?
            .columns()
            .to_vec();
        Ok((kinds, RecordBatch::try_new(self.schema.clone(), columns)?))
    }

    /// The rows that the epoch leaves changed, by key.
    fn net(&self, epoch: &[ZBatch]) -> Result<Vec<Vec<Net>>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let whole = Encoder::new(&self.schema, &all)?;
        let keys = Encoder::new(&self.schema, self.key.as_deref().unwrap_or(&all))?;
        let mut of_row: BTreeMap<Vec<u8>, (usize, usize)> = BTreeMap::new();
        let mut of_key: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        let mut groups: Vec<Vec<Net>> = Vec::new();
        for (b, batch) in epoch.iter().enumerate() {
            let (rows, key_rows) = (whole.encode(batch.rows())?, keys.encode(batch.rows())?);
            for i in 0..batch.num_rows() {
                let weight = batch.weight(i);
                match of_row.entry(rows.row(i)) {
                    Entry::Occupied(found) => {
                        let (group, place) = *found.get();
                        groups[group][place].weight += weight;
                    }
                    Entry::Vacant(new) => {
                        let group = *of_key.entry(key_rows.row(i)).or_insert_with(|| {
                            groups.push(Vec::new());
                            groups.len() - 1
                        });
                        new.insert((group, groups[group].len()));
                        groups[group].push(Net { at: (b, i), weight });
                    }
                }
            }
        }
        for group in &mut groups {
            group.retain(|row| row.weight != 0);
        }
        Ok(groups)
    }
}

/// A row of the epoch and what its weights add up to.
struct Net {
    /// Batch and row.
    at: (usize, usize),
    weight: i64,
}

/// Columns as bytes that are equal where the values are.
struct Encoder<'a> {
    converter: RowConverter,
    columns: &'a [usize],
}

/// The encoded rows of a batch; without columns all rows are equal.
struct Encoded(Option<Rows>);

impl<'a> Encoder<'a> {
    fn new(schema: &SchemaRef, columns: &'a [usize]) -> Result<Self> {
        let fields = columns
            .iter()
            .map(|c| SortField::new(schema.field(*c).data_type().clone()));
        Ok(Self {
            converter: RowConverter::new(fields.collect())?,
            columns,
        })
    }

    fn encode(&self, rows: &RecordBatch) -> Result<Encoded> {
        if self.columns.is_empty() {
            return Ok(Encoded(None));
        }
        let columns = self.columns.iter().map(|c| rows.column(*c).clone());
        let columns: Vec<_> = columns.collect();
        Ok(Encoded(Some(self.converter.convert_columns(&columns)?)))
    }
}

impl Encoded {
    fn row(&self, i: usize) -> Vec<u8> {
        let bytes = self.0.as_ref().map(|rows| rows.row(i).as_ref().to_vec());
        bytes.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};

    use super::*;

    /// Rows of a key, a value and a weight, each inner slice a batch; as `+I1:2`.
    fn check(batches: &[&[(i64, i64, i64)]], key: Option<Vec<usize>>) -> String {
        let field = |name| Field::new(name, DataType::Int64, true);
        let schema = Arc::new(Schema::new(vec![field("k"), field("v")]));
        let batch = |rows: &&[(i64, i64, i64)]| {
            let column = |f: fn(&(i64, i64, i64)) -> i64| {
                Arc::new(Int64Array::from_iter_values(rows.iter().map(f))) as _
            };
            let columns = vec![column(|r| r.0), column(|r| r.1)];
            let weights = Int64Array::from_iter_values(rows.iter().map(|r| r.2));
            let weights = (weights.iter().any(|w| w != Some(1))).then_some(weights);
            let rows = RecordBatch::try_new(schema.clone(), columns).expect("fits");
            ZBatch::new(rows, weights).expect("fits")
        };
        let epoch: Vec<ZBatch> = batches.iter().map(batch).collect();
        let changelog = Changelog::new(schema.clone(), key);
        let (kinds, rows) = changelog.changes(&epoch).expect("has changes");
        let column = |i: usize| rows.column(i).as_primitive::<Int64Type>().clone();
        let (k, v) = (column(0), column(1));
        let shown = kinds.iter().enumerate();
        let shown = shown.map(|(i, kind)| format!("{kind}{}:{}", k.value(i), v.value(i)));
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn rows_without_weights_are_inserts() {
        assert_eq!(check(&[&[(1, 2, 1)], &[(3, 4, 1)]], None), "+I1:2 +I3:4");
    }

    #[test]
    fn a_key_that_loses_a_row_and_gets_another_is_updated() {
        let epoch: &[&[(i64, i64, i64)]] = &[&[(1, 2, -1), (2, 5, 1)], &[(1, 3, 1), (3, 0, -1)]];
        let updates = "-U1:2 +U1:3 +I2:5 -D3:0";
        assert_eq!(check(epoch, Some(vec![0])), updates);
        assert_eq!(check(epoch, None), "-D1:2 +I2:5 +I1:3 -D3:0");
    }

    #[test]
    fn what_an_epoch_takes_back_is_no_change() {
        assert_eq!(check(&[&[(1, 2, 1), (1, 2, -1)]], Some(vec![0])), "");
        assert_eq!(check(&[&[(1, 2, -1)], &[(1, 2, 1)]], None), "");
        let passing: &[&[(i64, i64, i64)]] = &[&[(1, 0, -1), (1, 1, 1), (1, 1, -1), (1, 2, 1)]];
        assert_eq!(check(passing, Some(vec![0])), "-U1:0 +U1:2");
    }

    #[test]
    fn the_one_row_of_a_query_without_keys_is_updated() {
        assert_eq!(
            check(&[&[(1, 2, -1), (1, 3, 1)]], Some(vec![])),
            "-U1:2 +U1:3"
        );
    }

    #[test]
    fn a_weight_of_two_is_two_rows() {
        assert_eq!(
            check(&[&[(1, 2, 2), (3, 3, -2)]], None),
            "+I1:2 +I1:2 -D3:3 -D3:3"
        );
    }
}
