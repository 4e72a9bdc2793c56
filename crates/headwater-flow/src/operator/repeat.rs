//! Rows that say how often they are there: the last column becomes part of the weight. What a changelog of a view
//! without a key is read through.

use std::sync::Arc;

use arrow::array::{AsArray, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Int64Type, SchemaRef};

use super::Stateless;
use crate::batch::ZBatch;
use crate::error::{Error, ErrorKind, Result};

/// Multiplies weights by the last column, and leaves it out.
#[derive(Debug)]
pub struct Repeat {
    schema: SchemaRef,
}

impl Repeat {
    /// Gives rows of `schema`, which the input has and the count behind it.
    pub fn new(schema: SchemaRef) -> Self {
        Self { schema }
    }
}

impl Stateless for Repeat {
    fn apply(&self, input: ZBatch) -> Result<ZBatch> {
        let (columns, counts) = match input.rows().columns().split_last() {
            Some((counts, columns)) => (columns, counts.as_primitive_opt::<Int64Type>()),
            None => (&[][..], None),
        };
        let counts = counts.ok_or_else(|| Error::new(ErrorKind::Bug, "rows without a count"))?;
        let weights = counts.iter().enumerate();
        let weights = weights.map(|(i, count)| count.unwrap_or(1) * input.weight(i));
        let weights = Int64Array::from_iter_values(weights);
        let options = RecordBatchOptions::new().with_row_count(Some(input.num_rows()));
        let schema = Arc::clone(&self.schema);
        let rows = RecordBatch::try_new_with_options(schema, columns.to_vec(), &options)?;
        ZBatch::new(rows, Some(weights))?.with_track(input.track().cloned())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    #[test]
    fn counts_become_weights() {
        let field = |name: &str, t| Field::new(name, t, true);
        let (a, n) = (field("a", DataType::Utf8), field("n", DataType::Int64));
        let rows = RecordBatch::try_new(
            Arc::new(Schema::new(vec![a.clone(), n])),
            vec![
                Arc::new(StringArray::from(vec!["x", "x", "y"])),
                Arc::new(Int64Array::from(vec![2, 3, 1])),
            ],
        );
        let weights = Int64Array::from(vec![-1, 1, 1]);
        let input = ZBatch::new(rows.expect("fits"), Some(weights)).expect("fits");
        let repeat = Repeat::new(Arc::new(Schema::new(vec![a])));
        let output = repeat.apply(input).expect("repeats");
        assert_eq!(output.rows().num_columns(), 1);
        let weights: Vec<i64> = (0..3).map(|i| output.weight(i)).collect();
        assert_eq!(weights, [-2, 3, 1]);
    }
}
