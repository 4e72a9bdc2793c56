//! Metadata columns of topics: what a record is besides its value.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, Int32Array, Int64Array, MapBuilder, MapFieldNames, StringArray,
    StringBuilder, TimestampMillisecondArray,
};
use arrow::compute;
use arrow::datatypes::{DataType, Field};
use headwater_flow::plan::type_name;
use headwater_flow::{Error, ErrorKind, Result};
use headwater_log::RecordRef;

use super::records::Records;

/// What the names of metadata begin with that the value's format reads.
pub(super) const OF_VALUE: &str = "value.";

/// A metadata key that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MetadataKey {
    /// `topic` STRING.
    Topic,
    /// `partition` INT.
    Partition,
    /// `offset` BIGINT.
    Offset,
    /// `timestamp` TIMESTAMP_LTZ(3).
    Timestamp,
    /// `key` BYTES.
    Key,
    /// `headers` MAP<STRING, BYTES>.
    Headers,
}

impl MetadataKey {
    /// The key called `name`, for a column.
    ///
    /// # Errors
    /// `Invalid` if topics have no such metadata, or if it does not fit the column's type.
    pub(super) fn new(name: &str, column: &Field) -> Result<Self> {
        let key = match name {
            "topic" => Self::Topic,
            "partition" => Self::Partition,
            "offset" => Self::Offset,
            "timestamp" => Self::Timestamp,
            "key" => Self::Key,
            "headers" => Self::Headers,
            _ => {
                let text = format!("topics have no metadata '{name}'");
                return Err(Error::new(ErrorKind::Invalid, text)
                    .with_hint(
                    "they have topic, partition, offset, timestamp, key and headers, and value.… of formats that have metadata",
                ));
            }
        };
        let sample = key.column("", 0, &Records::default(), &[]);
        // Arrow makes a list of a value.
        let is_alike = sample.data_type().is_nested() == column.data_type().is_nested();
        if !is_alike || !compute::can_cast_types(sample.data_type(), column.data_type()) {
            let text = format!(
                "metadata column '{}' cannot have type {}",
                column.name(),
                type_name(column.data_type())
            );
            return Err(Error::new(ErrorKind::Invalid, text).with_hint(format!(
                "'{name}' has type {}",
                type_name(sample.data_type())
            )));
        }
        Ok(key)
    }

    /// Its values for the records at `rows`.
    pub(super) fn column(
        self,
        topic: &str,
        partition: u32,
        records: &Records<'_>,
        rows: &[u32],
    ) -> ArrayRef {
        let at = |i: &u32| *records.get(*i);
        match self {
            Self::Topic => {
                let topics = std::iter::repeat_n(topic, rows.len());
                Arc::new(StringArray::from_iter_values(topics))
            }
            Self::Partition => Arc::new(Int32Array::from(vec![partition as i32; rows.len()])),
            Self::Offset => {
                let offsets = rows.iter().map(|i| at(i).offset.0 as i64);
                Arc::new(offsets.collect::<Int64Array>())
            }
            Self::Timestamp => {
                let times = rows.iter().map(|i| at(i).timestamp.0);
                let times = TimestampMillisecondArray::from_iter_values(times);
                Arc::new(times.with_timezone("UTC"))
            }
            Self::Key => {
                let mut keys = BinaryBuilder::new();
                rows.iter().for_each(|i| keys.append_option(at(i).key));
                Arc::new(keys.finish())
            }
            Self::Headers => headers(rows.iter().map(at)),
        }
    }
}

fn headers<'a>(records: impl Iterator<Item = RecordRef<'a>>) -> ArrayRef {
    let names = MapFieldNames {
        entry: "entries".into(),
        key: "keys".into(),
        value: "values".into(),
    };
    let mut map = MapBuilder::new(Some(names), StringBuilder::new(), BinaryBuilder::new());
    for record in records {
        for (key, value) in record.headers.iter() {
            map.keys().append_value(key);
            map.values().append_option(value);
        }
        map.append(true).expect("each key has a value");
    }
    Arc::new(map.finish())
}

/// `column` as the declared type.
///
/// # Errors
/// `Invalid` if a value does not fit (keys that are not UTF-8 in a STRING column become null).
pub(super) fn fit(column: ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    if column.data_type() == data_type {
        return Ok(column);
    }
    Ok(compute::cast(&column, data_type)?)
}
