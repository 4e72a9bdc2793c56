//! Columns as sort keys, and back.

use std::marker::PhantomData;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};

use super::ranked::Ranked;
use crate::error::Result;
use crate::operator::aggregate::rows::{Rows, natives, primitive};
use crate::state::StateValue;

/// Turns a column into sort keys and back.
pub(in crate::operator::aggregate) trait Codec: Send {
    type Key: StateValue + Ord;

    /// Calls `f` with each selected row that is not null.
    fn each(
        &self,
        rows: &Rows<'_>,
        arg: usize,
        f: impl FnMut(u32, Found<'_, Self::Key>, i64),
    ) -> Result<()>;

    fn array(&self, keys: &[Option<&Self::Key>]) -> Result<ArrayRef>;
}

/// A key that is made only when it is kept.
pub(in crate::operator::aggregate) enum Found<'a, K> {
    Value(K),
    Bytes(&'a [u8]),
}

/// Keys of primitive types.
#[derive(Debug)]
pub(in crate::operator::aggregate) struct Primitive<N> {
    data_type: DataType,
    native: PhantomData<N>,
}

impl<N> Primitive<N> {
    pub(in crate::operator::aggregate) fn new(data_type: DataType) -> Self {
        Self {
            data_type,
            native: PhantomData,
        }
    }
}

impl<N: Ranked> Codec for Primitive<N> {
    type Key = N::Key;

    #[inline]
    fn each(
        &self,
        rows: &Rows<'_>,
        arg: usize,
        mut f: impl FnMut(u32, Found<'_, N::Key>, i64),
    ) -> Result<()> {
        let column = &rows.columns[arg];
        let values = natives::<N>(column)?;
        rows.each(column.nulls(), |i, slot, weight| {
            f(slot, Found::Value(values[i].key()), weight);
        });
        Ok(())
    }

    fn array(&self, keys: &[Option<&N::Key>]) -> Result<ArrayRef> {
        primitive(&self.data_type, keys.iter().map(|k| k.map(|k| N::of(*k))))
    }
}

/// Keys of all other types: Arrow's row format, which sorts as the values do.
#[derive(Debug)]
pub(in crate::operator::aggregate) struct Encoded {
    converter: RowConverter,
}

impl Encoded {
    pub(in crate::operator::aggregate) fn new(data_type: DataType) -> Result<Self> {
        Ok(Self {
            converter: RowConverter::new(vec![SortField::new(data_type)])?,
        })
    }
}

impl Codec for Encoded {
    type Key = Box<[u8]>;

    fn each(
        &self,
        rows: &Rows<'_>,
        arg: usize,
        mut f: impl FnMut(u32, Found<'_, Self::Key>, i64),
    ) -> Result<()> {
        let column = &rows.columns[arg];
        let encoded = self
            .converter
            .convert_columns(std::slice::from_ref(column))?;
        let nulls = column.logical_nulls();
        rows.each(nulls.as_ref(), |i, slot, weight| {
            f(slot, Found::Bytes(encoded.row(i).data()), weight);
        });
        Ok(())
    }

    fn array(&self, keys: &[Option<&Box<[u8]>>]) -> Result<ArrayRef> {
        let parser = self.converter.parser();
        let null = self.null()?;
        let rows = keys
            .iter()
            .map(|k| parser.parse(k.map_or(&null[..], |k| &k[..])));
        let mut columns = self.converter.convert_rows(rows)?;
        Ok(columns.remove(0))
    }
}

impl Encoded {
    /// The row of a null.
    fn null(&self) -> Result<Box<[u8]>> {
        let data_type = self.converter.convert_rows([])?.remove(0);
        let null = arrow::array::new_null_array(data_type.data_type(), 1);
        let rows = self.converter.convert_columns(&[null])?;
        Ok(rows.row(0).data().into())
    }
}

/// Makes a kept key of a found one; `Found::Bytes` come of [`Encoded`] only.
pub(in crate::operator::aggregate) trait Keep: Sized {
    fn keep(found: Found<'_, Self>) -> Self;
    fn beats(found: &Found<'_, Self>, best: &Self, greatest: bool) -> bool;
}

macro_rules! keep_value {
    ($($key:ty),*) => {$(
        impl Keep for $key {
            #[inline]
            fn keep(found: Found<'_, Self>) -> Self {
                match found {
                    Found::Value(value) => value,
                    Found::Bytes(_) => unreachable!("primitive keys are values"),
                }
            }

            #[inline]
            fn beats(found: &Found<'_, Self>, best: &Self, greatest: bool) -> bool {
                match found {
                    Found::Value(value) => if greatest { value > best } else { value < best },
                    Found::Bytes(_) => unreachable!("primitive keys are values"),
                }
            }
        }
    )*};
}

keep_value!(i64, u64, i128);

impl Keep for Box<[u8]> {
    fn keep(found: Found<'_, Self>) -> Self {
        match found {
            Found::Value(value) => value,
            Found::Bytes(bytes) => bytes.into(),
        }
    }

    fn beats(found: &Found<'_, Self>, best: &Self, greatest: bool) -> bool {
        let bytes = match found {
            Found::Value(value) => &value[..],
            Found::Bytes(bytes) => bytes,
        };
        if greatest {
            bytes > &best[..]
        } else {
            bytes < &best[..]
        }
    }
}
