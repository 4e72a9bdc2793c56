//! GROUPING SETS, CUBE and ROLLUP: each row once a set, with the keys that the set leaves out as nulls and the number
//! of the set as one more key.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array, UInt64Array, new_null_array};
use arrow::compute::{cast, concat};
use arrow::datatypes::SchemaRef;

use super::Stateless;
use crate::batch::ZBatch;
use crate::error::Result;

/// A set of keys to group by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupingSet {
    /// By key whether the set has it.
    pub keeps: Vec<bool>,
    /// How often the same set was there before.
    pub ordinal: usize,
}

impl GroupingSet {
    /// The number of the set, as DataFusion's `__grouping_id` has it: a bit a key, the last key lowest, 1 for a key
    /// that is left out; above them the ordinal.
    pub fn id(&self) -> u64 {
        let bits = self.keeps.iter();
        let bits = bits.fold(0, |id, keeps| id << 1 | u64::from(!keeps));
        bits | (self.ordinal as u64) << self.keeps.len()
    }
}

/// Repeats rows for grouping sets. Input: the keys, then other columns; output: the keys, the set's number, the others.
#[derive(Debug)]
pub struct Expand {
    sets: Vec<GroupingSet>,
    schema: SchemaRef,
}

impl Expand {
    /// An expansion to rows of `schema`.
    pub fn new(sets: Vec<GroupingSet>, schema: SchemaRef) -> Self {
        Self { sets, schema }
    }

    fn keys(&self) -> usize {
        self.sets.first().map_or(0, |s| s.keeps.len())
    }

    /// Key `k` for all sets.
    fn key(&self, column: &ArrayRef, k: usize) -> Result<ArrayRef> {
        let null = new_null_array(column.data_type(), column.len());
        let parts = self.sets.iter().map(|set| match set.keeps[k] {
            true => column.as_ref(),
            false => null.as_ref(),
        });
        Ok(concat(&parts.collect::<Vec<_>>())?)
    }

    fn numbers(&self, rows: usize) -> Result<ArrayRef> {
        let ids = self.sets.iter().map(GroupingSet::id);
        let ids = UInt64Array::from_iter_values(ids.flat_map(|id| vec![id; rows]));
        let data_type = self.schema.field(self.keys()).data_type();
        Ok(cast(&ids, data_type)?)
    }
}

impl Stateless for Expand {
    fn apply(&self, input: ZBatch) -> Result<ZBatch> {
        let count = input.num_rows() as u32;
        let picks = self.sets.iter().flat_map(|_| 0..count);
        let repeated = input.take(&UInt32Array::from_iter_values(picks))?;
        let keys = self.keys();
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for k in 0..keys {
            columns.push(self.key(input.rows().column(k), k)?);
        }
        columns.push(self.numbers(count as usize)?);
        columns.extend_from_slice(&repeated.rows().columns()[keys..]);
        repeated.with_rows(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema, UInt8Type};

    use super::*;

    #[test]
    fn a_row_is_there_once_a_set() {
        let field = |name: &str, t| Field::new(name, t, true);
        let rows = RecordBatch::try_new(
            Arc::new(Schema::new(vec![
                field("a", DataType::Utf8),
                field("b", DataType::Int64),
                field("v", DataType::Int64),
            ])),
            vec![
                Arc::new(StringArray::from(vec!["x", "y"])),
                Arc::new(Int64Array::from(vec![1, 2])),
                Arc::new(Int64Array::from(vec![10, 20])),
            ],
        );
        let schema = Arc::new(Schema::new(vec![
            field("a", DataType::Utf8),
            field("b", DataType::Int64),
            field("__grouping_id", DataType::UInt8),
            field("v", DataType::Int64),
        ]));
        let set = |keeps: &[bool]| GroupingSet {
            keeps: keeps.to_vec(),
            ordinal: 0,
        };
        let sets = vec![
            set(&[true, true]),
            set(&[true, false]),
            set(&[false, false]),
        ];
        let expand = Expand::new(sets, schema);
        let rows = rows.expect("fits");
        let weights = Int64Array::from(vec![1, -1]);
        let input = ZBatch::new(rows, Some(weights)).expect("fits");
        let output = expand.apply(input).expect("expands");
        assert_eq!(output.num_rows(), 6);
        let ids = output.rows().column(2).as_primitive::<UInt8Type>();
        assert_eq!(ids.values(), &[0, 0, 1, 1, 3, 3]);
        let b = output.rows().column(1).as_primitive::<Int64Type>();
        let b: Vec<_> = b.iter().collect();
        assert_eq!(b, [Some(1), Some(2), None, None, None, None]);
        assert_eq!((output.weight(4), output.weight(5)), (1, -1));
    }
}
