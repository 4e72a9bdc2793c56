//! UNNEST: each row once an element of its lists, side by side. What was one row with a weight is several with the same.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, RecordBatch, RecordBatchOptions, UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use datafusion_common::NullHandling;

use super::Stateless;
use crate::batch::ZBatch;
use crate::error::{Error, ErrorKind, Result};

/// Repeats rows for the elements of list columns, which take the place of the lists.
///
/// A row is there as often as its longest list has elements; shorter ones are filled up with nulls. Lists that are null or
/// empty have no element, or, as `nulls` says, one: null.
#[derive(Debug)]
pub struct Unnest {
    lists: Vec<usize>,
    nulls: NullHandling,
    schema: SchemaRef,
}

impl Unnest {
    /// Takes apart the lists in the columns `lists`; the rows are then those of `schema`.
    pub fn new(lists: Vec<usize>, nulls: NullHandling, schema: SchemaRef) -> Self {
        Self {
            lists,
            nulls,
            schema,
        }
    }

    fn lists<'a>(&self, rows: &'a RecordBatch) -> Result<Vec<&'a ListArray>> {
        let lists = self.lists.iter();
        let lists = lists.map(|i| rows.column(*i).as_list_opt::<i32>());
        let lists: Option<Vec<&ListArray>> = lists.collect();
        lists.ok_or_else(|| Error::new(ErrorKind::Bug, "what is unnested is no list"))
    }

    fn length(&self, list: &ListArray, row: usize) -> usize {
        let is_one = match (list.is_null(row), self.nulls) {
            (true, nulls) => nulls != NullHandling::Drop,
            (false, nulls) => nulls == NullHandling::PreserveAndExpandEmpty,
        };
        match list.is_valid(row) {
            true => (list.value_length(row) as usize).max(usize::from(is_one)),
            false => usize::from(is_one),
        }
    }
}

impl Stateless for Unnest {
    fn apply(&self, input: ZBatch) -> Result<ZBatch> {
        let rows = input.rows();
        let lists = self.lists(rows)?;
        let mut picks: Vec<u32> = Vec::new();
        let mut elements: Vec<Vec<Option<u32>>> = vec![Vec::new(); lists.len()];
        for row in 0..rows.num_rows() {
            let lengths = lists.iter().map(|list| self.length(list, row));
            let longest = lengths.max().unwrap_or(0);
            picks.extend(std::iter::repeat_n(row as u32, longest));
            for (list, elements) in lists.iter().zip(&mut elements) {
                elements.extend((0..longest).map(|i| element(list, row, i)));
            }
        }
        let others: Vec<usize> = (0..rows.num_columns())
            .filter(|i| !self.lists.contains(i))
            .collect();
        let kept = input.with_rows(rows.project(&others)?)?;
        let kept = kept.take(&UInt32Array::from(picks))?;
        let mut others = kept.rows().columns().iter();
        let columns = (0..rows.num_columns()).map(|i| -> Result<ArrayRef> {
            match self.lists.iter().position(|list| *list == i) {
                Some(at) => {
                    let picks = UInt32Array::from(std::mem::take(&mut elements[at]));
                    Ok(take(lists[at].values(), &picks, None)?)
                }
                None => others
                    .next()
                    .cloned()
                    .ok_or_else(|| Error::new(ErrorKind::Bug, "a column got lost")),
            }
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(kept.num_rows()));
        let schema = Arc::clone(&self.schema);
        kept.with_rows(RecordBatch::try_new_with_options(
            schema, columns, &options,
        )?)
    }
}

/// Where element `i` of a row's list is among the values of all lists.
fn element(list: &ListArray, row: usize, i: usize) -> Option<u32> {
    let is_there = list.is_valid(row) && i < list.value_length(row) as usize;
    is_there.then(|| list.value_offsets()[row] as u32 + i as u32)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};

    use super::*;

    fn field(name: &str, data_type: DataType) -> Field {
        Field::new(name, data_type, true)
    }

    fn input() -> ZBatch {
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([
            Some(vec![Some(1), None, Some(3)]),
            Some(vec![]),
            None,
            Some(vec![Some(4)]),
        ]);
        let schema = Schema::new(vec![
            field("k", DataType::Utf8),
            field("l", lists.data_type().clone()),
        ]);
        let rows = RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(StringArray::from(vec!["a", "b", "c", "d"])),
                Arc::new(lists),
            ],
        );
        let weights = Int64Array::from(vec![1, 1, 1, -2]);
        ZBatch::new(rows.expect("fits"), Some(weights)).expect("fits")
    }

    /// Key, element and weight of each row.
    fn check(nulls: NullHandling, want: &[(&str, Option<i64>, i64)]) {
        let schema = Schema::new(vec![
            field("k", DataType::Utf8),
            field("l", DataType::Int64),
        ]);
        let unnest = Unnest::new(vec![1], nulls, Arc::new(schema));
        let output = unnest.apply(input()).expect("unnests");
        let (keys, values) = (output.rows().column(0), output.rows().column(1));
        let (keys, values) = (keys.as_string::<i32>(), values.as_primitive::<Int64Type>());
        let rows = keys.iter().zip(values).enumerate();
        let rows: Vec<_> = rows
            .map(|(i, (k, v))| (k.unwrap_or_default(), v, output.weight(i)))
            .collect();
        assert_eq!(rows, want);
    }

    #[test]
    fn a_row_is_there_once_an_element_with_its_weight() {
        let all = [
            ("a", Some(1), 1),
            ("a", None, 1),
            ("a", Some(3), 1),
            ("d", Some(4), -2),
        ];
        check(NullHandling::Drop, &all);
    }

    #[test]
    fn lists_that_are_null_or_empty_may_stand_for_one_element() {
        let mut all = vec![
            ("a", Some(1), 1),
            ("a", None, 1),
            ("a", Some(3), 1),
            ("c", None, 1),
            ("d", Some(4), -2),
        ];
        check(NullHandling::Preserve, &all);
        all.insert(3, ("b", None, 1));
        check(NullHandling::PreserveAndExpandEmpty, &all);
    }

    #[test]
    fn rows_may_be_nothing_but_their_lists() {
        let all = input();
        let only = all
            .with_rows(all.rows().project(&[1]).expect("fits"))
            .expect("fits");
        let schema = Arc::new(Schema::new(vec![field("l", DataType::Int64)]));
        let output = Unnest::new(vec![0], NullHandling::Drop, schema).apply(only);
        let output = output.expect("unnests");
        assert_eq!((output.num_rows(), output.weight(3)), (4, -2));
    }
}
