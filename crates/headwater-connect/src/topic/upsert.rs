//! Keyed tables: what a tombstone looks like as a row, and what an epoch leaves of each key.

use std::sync::Arc;

use ahash::AHashMap;
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, Field, SchemaRef};
use bytes::Bytes;
use headwater_flow::Result;

use crate::column::{Column, Shape};

/// Rows that have only the key's columns.
///
/// # Errors
/// Those of `metadata`.
pub(super) fn tombstones(
    schema: &SchemaRef,
    key_places: &[Option<usize>],
    keys: &RecordBatch,
    metadata: impl Fn(usize, &Field) -> Result<Option<ArrayRef>>,
) -> Result<RecordBatch> {
    let count = keys.num_rows();
    let mut columns = Vec::with_capacity(key_places.len());
    for (place, field) in schema.fields().iter().enumerate() {
        columns.push(match (key_places[place], metadata(place, field)?) {
            (Some(key), _) => Arc::clone(keys.column(key)),
            (None, Some(column)) => column,
            (None, None) if field.is_nullable() => new_null_array(field.data_type(), count),
            (None, None) => blank(field, count)?,
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}

/// Zeros or empty values, for columns that cannot be null.
fn blank(field: &Arc<Field>, count: usize) -> Result<ArrayRef> {
    let mut column = Column::new(&Shape::new(field, 0)?, count);
    column.push_blanks(count);
    Ok(column.finish(count)?)
}

/// What an epoch did to a key: the values that it inserted and deleted, with how often.
#[derive(Debug, Default)]
struct Touched {
    values: Vec<(Bytes, i64)>,
}

/// The changes of an epoch, by key.
#[derive(Debug, Default)]
pub(super) struct KeyChanges {
    keys: AHashMap<Bytes, usize>,
    touched: Vec<(Bytes, Touched)>,
}

impl KeyChanges {
    /// A row with this key and value was inserted (`weight` > 0) or deleted.
    pub(super) fn add(&mut self, key: Bytes, value: Bytes, weight: i64) {
        let next = self.touched.len();
        let index = *self.keys.entry(key.clone()).or_insert(next);
        if index == next {
            self.touched.push((key, Touched::default()));
        }
        let values = &mut self.touched[index].1.values;
        match values.iter_mut().find(|(v, _)| *v == value) {
            Some((_, sum)) => *sum += weight,
            None => values.push((value, weight)),
        }
    }

    /// What is left: for each key its new value, or `None` if it is deleted; keys that are as they were are left
    /// out. In the order in which the keys were first touched.
    pub(super) fn finish(self) -> impl Iterator<Item = (Bytes, Option<Bytes>)> {
        self.touched.into_iter().filter_map(|(key, touched)| {
            let newest = touched.values.iter().rev().find(|(_, sum)| *sum > 0);
            match newest {
                Some((value, _)) => Some((key, Some(value.clone()))),
                None if touched.values.iter().any(|(_, sum)| *sum < 0) => Some((key, None)),
                None => None,
            }
        })
    }
}

/// Whether a type is one that [`tombstones`] can fill in.
pub(super) fn is_fillable(data_type: &DataType) -> bool {
    let field = Arc::new(Field::new("", data_type.clone(), false));
    Shape::new(&field, 0).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(changes: &[(&'static str, &'static str, i64)], want: &[(&str, Option<&str>)]) {
        let mut keys = KeyChanges::default();
        for (key, value, weight) in changes {
            keys.add(Bytes::from(*key), Bytes::from(*value), *weight);
        }
        let text = |b: Bytes| String::from_utf8_lossy(&b).into_owned();
        let got: Vec<_> = keys.finish().map(|(k, v)| (text(k), v.map(text))).collect();
        let want: Vec<_> = want
            .iter()
            .map(|(k, v)| ((*k).to_owned(), v.map(str::to_owned)))
            .collect();
        assert_eq!(got, want);
    }

    #[test]
    fn an_epoch_leaves_one_record_a_key() {
        check(&[("a", "1", 1)], &[("a", Some("1"))]);
        check(&[("a", "1", -1), ("a", "2", 1)], &[("a", Some("2"))]);
        check(&[("a", "2", 1), ("a", "1", -1)], &[("a", Some("2"))]);
        check(&[("a", "1", 1), ("a", "1", -1)], &[]);
        check(
            &[("a", "1", -1), ("a", "2", 1), ("a", "2", -1), ("a", "1", 1)],
            &[],
        );
        check(
            &[("b", "1", -1), ("a", "1", 1), ("a", "1", -1), ("a", "2", 1)],
            &[("b", None), ("a", Some("2"))],
        );
    }
}
