//! Which bytes stand for which values.

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::row::{RowConverter, SortField};

use super::decode::Builder;
use super::encode::{Column, Keys};
use crate::error::{Error, ErrorKind, Result};

/// Encodes rows of some columns as bytes whose order is that of the rows, nulls first, and decodes them.
///
/// A value is a byte 1 and then, if its type has a fixed width, its bytes from the highest on, the sign inverted; else its
/// bytes, a 0 in them followed by 255, and a 0 at the end. A null is a byte 0, and as many zeros as a fixed width has.
#[derive(Debug)]
pub struct KeyCodec {
    pub(super) columns: Vec<ColumnCodec>,
    width: Option<usize>,
}

/// How the values of a column are encoded.
#[derive(Debug)]
pub(super) enum ColumnCodec {
    /// A number of so many bytes.
    Number {
        width: usize,
        is_signed: bool,
        data_type: DataType,
    },
    /// UTF-8 or bytes with 32-bit offsets.
    Bytes(DataType),
    /// What Arrow's row format makes of it, as bytes.
    Other(RowConverter),
}

impl KeyCodec {
    /// A codec of columns of these types.
    ///
    /// # Errors
    /// `Invalid` for a type without equality.
    pub fn new(types: impl IntoIterator<Item = DataType>) -> Result<Self> {
        let columns = types.into_iter().map(ColumnCodec::new);
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let widths = columns.iter().map(|c| match c {
            ColumnCodec::Number { width, .. } => Some(width + 1),
            _ => None,
        });
        Ok(Self {
            width: widths.sum(),
            columns,
        })
    }

    /// A codec of the columns `keys` of `schema`.
    ///
    /// # Errors
    /// As [`KeyCodec::new`].
    pub fn of(schema: &SchemaRef, keys: &[usize]) -> Result<Self> {
        Self::new(keys.iter().map(|i| schema.field(*i).data_type().clone()))
    }

    /// The length of every key, if they are all equally long.
    pub fn width(&self) -> Option<usize> {
        self.width
    }

    /// The `rows` rows of `columns`.
    ///
    /// # Errors
    /// `Bug` if the columns have other types or lengths.
    pub fn encode(&self, columns: &[ArrayRef], rows: usize) -> Result<Keys> {
        let fits = columns.len() == self.columns.len() && columns.iter().all(|c| c.len() == rows);
        if !fits {
            return Err(misfit());
        }
        let columns = self.columns.iter().zip(columns);
        let columns = columns.map(|(codec, column)| Column::new(codec, column));
        Keys::encode(&columns.collect::<Result<Vec<_>>>()?, rows, self.width)
    }

    /// The columns that keys stand for.
    ///
    /// # Errors
    /// `Corrupt` for bytes that no row was encoded as.
    pub fn decode<'a>(&self, keys: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<ArrayRef>> {
        let mut builders: Vec<Builder<'_>> = self.columns.iter().map(Builder::new).collect();
        for key in keys {
            let mut rest = key;
            for builder in &mut builders {
                rest = builder.take(rest).ok_or_else(damaged)?;
            }
            if !rest.is_empty() {
                return Err(damaged());
            }
        }
        builders.into_iter().map(Builder::finish).collect()
    }
}

impl ColumnCodec {
    fn new(data_type: DataType) -> Result<Self> {
        use DataType as T;
        let number = |width, is_signed, data_type| Self::Number {
            width,
            is_signed,
            data_type,
        };
        Ok(match &data_type {
            T::Int8 => number(1, true, data_type),
            T::Int16 => number(2, true, data_type),
            T::Int32 | T::Date32 | T::Time32(_) => number(4, true, data_type),
            T::Int64 | T::Date64 | T::Time64(_) | T::Timestamp(..) | T::Duration(_) => {
                number(8, true, data_type)
            }
            T::Decimal128(..) => number(16, true, data_type),
            T::UInt8 => number(1, false, data_type),
            T::UInt16 => number(2, false, data_type),
            T::UInt32 => number(4, false, data_type),
            T::UInt64 => number(8, false, data_type),
            T::Utf8 | T::Binary => Self::Bytes(data_type),
            _ => Self::Other(RowConverter::new(vec![SortField::new(data_type)])?),
        })
    }
}

fn damaged() -> Error {
    Error::new(ErrorKind::Corrupt, "a stored key is damaged")
}

pub(super) fn misfit() -> Error {
    Error::new(
        ErrorKind::Bug,
        "key columns have other types than their codec",
    )
}
