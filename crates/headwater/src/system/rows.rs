//! Rows as they are made: column by column.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use headwater_log::Timestamp;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Time,
}

const UTC: &str = "UTC";

impl Kind {
    pub(super) fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Number => DataType::UInt64,
            Self::Time => DataType::Timestamp(TimeUnit::Millisecond, Some(UTC.into())),
        }
    }
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Text(String),
    Number(u64),
    Time(Timestamp),
    Nothing,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<Timestamp> for Cell {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

/// The rows of a table whose columns are these; each row has a cell for each.
pub(super) fn batch(
    columns: &[(&str, Kind)],
    rows: &[Vec<Cell>],
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let field = |(name, kind): &(&str, Kind)| Field::new(*name, kind.data_type(), true);
    let fields: Vec<Field> = columns.iter().map(field).collect();
    let arrays = columns.iter().enumerate().map(|(at, (_, kind))| {
        let cells = rows
            .iter()
            .map(move |row| row.get(at).unwrap_or(&Cell::Nothing));
        array(*kind, cells)
    });
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays.collect())
}

fn array<'a>(kind: Kind, cells: impl Iterator<Item = &'a Cell>) -> ArrayRef {
    match kind {
        Kind::Text => Arc::new(StringArray::from_iter(cells.map(|cell| match cell {
            Cell::Text(text) => Some(text.as_str()),
            _ => None,
        }))),
        Kind::Number => Arc::new(UInt64Array::from_iter(cells.map(|cell| match cell {
            Cell::Number(number) => Some(*number),
            _ => None,
        }))),
        Kind::Time => {
            let times = cells.map(|cell| match cell {
                Cell::Time(time) => Some(time.0),
                _ => None,
            });
            Arc::new(TimestampMillisecondArray::from_iter(times).with_timezone(UTC))
        }
    }
}
