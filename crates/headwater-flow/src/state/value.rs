//! Values that state columns hold, and the Arrow arrays that snapshots hold of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, ListArray, PrimitiveArray, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{
    DataType, Decimal128Type, Decimal256Type, Field, Float64Type, Int32Type, Int64Type, UInt8Type,
    UInt32Type, UInt64Type, i256,
};

use crate::error::{Error, ErrorKind, Result};

/// A value that a [`Paged`](super::Paged) column can hold.
pub trait StateValue: Clone + Default + Send + Sync + 'static {
    /// The values as an array.
    ///
    /// # Errors
    /// `Unsupported` if a page outgrows the array's offsets.
    fn to_array(values: &[Self]) -> Result<ArrayRef>;

    /// The inverse of [`StateValue::to_array`].
    ///
    /// # Errors
    /// `Corrupt` if the array has another type.
    fn from_array(array: &ArrayRef) -> Result<Vec<Self>>;
}

fn corrupt(array: &ArrayRef, wanted: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("a snapshot column is {}, not {wanted}", array.data_type()),
    )
}

macro_rules! primitive_value {
    ($($native:ty => $arrow:ty),*) => {$(
        impl StateValue for $native {
            fn to_array(values: &[Self]) -> Result<ArrayRef> {
                Ok(Arc::new(PrimitiveArray::<$arrow>::from_iter_values(values.iter().copied())))
            }

            fn from_array(array: &ArrayRef) -> Result<Vec<Self>> {
                let array = array
                    .as_primitive_opt::<$arrow>()
                    .ok_or_else(|| corrupt(array, stringify!($native)))?;
                Ok(array.values().to_vec())
            }
        }
    )*};
}

primitive_value!(i64 => Int64Type, u64 => UInt64Type, i32 => Int32Type, u32 => UInt32Type, u8 => UInt8Type, f64 => Float64Type);

/// Whole numbers that older snapshots hold with fewer bits.
macro_rules! decimal_value {
    ($native:ty => $arrow:ty, $data_type:expr, $($older:ty),*) => {
        impl StateValue for $native {
            fn to_array(values: &[Self]) -> Result<ArrayRef> {
                let array = PrimitiveArray::<$arrow>::from_iter_values(values.iter().copied());
                Ok(Arc::new(array.with_data_type($data_type)))
            }

            fn from_array(array: &ArrayRef) -> Result<Vec<Self>> {
                $(if let Some(older) = array.as_primitive_opt::<$older>() {
                    return Ok(older.values().iter().map(|v| Self::from(*v)).collect());
                })*
                let array = array
                    .as_primitive_opt::<$arrow>()
                    .ok_or_else(|| corrupt(array, "decimal"))?;
                Ok(array.values().to_vec())
            }
        }
    };
}

decimal_value!(i128 => Decimal128Type, DataType::Decimal128(38, 0), Int64Type, UInt64Type);
decimal_value!(i256 => Decimal256Type, DataType::Decimal256(76, 0), Decimal128Type);

impl StateValue for bool {
    fn to_array(values: &[Self]) -> Result<ArrayRef> {
        Ok(Arc::new(BooleanArray::from(values.to_vec())))
    }

    fn from_array(array: &ArrayRef) -> Result<Vec<Self>> {
        let array = array
            .as_boolean_opt()
            .ok_or_else(|| corrupt(array, "bool"))?;
        Ok(array.values().iter().collect())
    }
}

impl StateValue for Box<[u8]> {
    fn to_array(values: &[Self]) -> Result<ArrayRef> {
        offsets_fit(values.iter().map(|v| v.len()))?;
        Ok(Arc::new(BinaryArray::from_iter_values(values.iter())))
    }

    fn from_array(array: &ArrayRef) -> Result<Vec<Self>> {
        let array = array
            .as_binary_opt::<i32>()
            .ok_or_else(|| corrupt(array, "binary"))?;
        Ok(array.iter().map(|v| v.unwrap_or_default().into()).collect())
    }
}

macro_rules! tuple_value {
    ($($name:ident $index:tt),*) => {
        impl<$($name: StateValue),*> StateValue for ($($name,)*) {
            fn to_array(values: &[Self]) -> Result<ArrayRef> {
                let columns: Vec<ArrayRef> = vec![$({
                    let column: Vec<$name> = values.iter().map(|v| v.$index.clone()).collect();
                    $name::to_array(&column)?
                }),*];
                let fields: Vec<Field> = columns
                    .iter()
                    .enumerate()
                    .map(|(i, c)| Field::new(i.to_string(), c.data_type().clone(), true))
                    .collect();
                Ok(Arc::new(StructArray::try_new(fields.into(), columns, None)?))
            }

            fn from_array(array: &ArrayRef) -> Result<Vec<Self>> {
                const WIDTH: usize = [$($index),*].len();
                let array = array
                    .as_struct_opt()
                    .filter(|a| a.num_columns() == WIDTH)
                    .ok_or_else(|| corrupt(array, "struct"))?;
                $(#[expect(non_snake_case, reason = "named after the type parameter")]
                let mut $name = <$name>::from_array(array.column($index))?.into_iter();)*
                Ok(std::iter::from_fn(|| Some(($($name.next()?,)*))).collect())
            }
        }
    };
}

tuple_value!(A 0, B 1);
tuple_value!(A 0, B 1, C 2);
tuple_value!(A 0, B 1, C 2, D 3);

impl<T: StateValue> StateValue for Vec<T> {
    fn to_array(values: &[Self]) -> Result<ArrayRef> {
        offsets_fit(values.iter().map(Vec::len))?;
        let offsets = OffsetBuffer::from_lengths(values.iter().map(Vec::len));
        let items = T::to_array(&values.concat())?;
        let field = Arc::new(Field::new("item", items.data_type().clone(), true));
        Ok(Arc::new(ListArray::try_new(field, offsets, items, None)?))
    }

    fn from_array(array: &ArrayRef) -> Result<Vec<Self>> {
        let list = array
            .as_list_opt::<i32>()
            .ok_or_else(|| corrupt(array, "list"))?;
        let mut items = T::from_array(list.values())?.into_iter();
        Ok((0..list.len())
            .map(|i| items.by_ref().take(list.value_length(i) as usize).collect())
            .collect())
    }
}

impl<K: StateValue + Ord, V: StateValue> StateValue for BTreeMap<K, V> {
    fn to_array(values: &[Self]) -> Result<ArrayRef> {
        let lists: Vec<Vec<(K, V)>> = values
            .iter()
            .map(|m| m.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
            .collect();
        StateValue::to_array(&lists)
    }

    fn from_array(array: &ArrayRef) -> Result<Vec<Self>> {
        let lists: Vec<Vec<(K, V)>> = StateValue::from_array(array)?;
        Ok(lists.into_iter().map(|l| l.into_iter().collect()).collect())
    }
}

fn offsets_fit(lengths: impl Iterator<Item = usize>) -> Result<()> {
    if lengths.sum::<usize>() > i32::MAX as usize {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "a page of state outgrew 2 GiB",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: StateValue + PartialEq + std::fmt::Debug>(values: Vec<T>) {
        let array = T::to_array(&values).expect("encodes");
        assert_eq!(T::from_array(&array).expect("decodes"), values);
    }

    #[test]
    fn values_survive_a_round_trip() {
        check(vec![1_i64, -5, i64::MAX]);
        check(vec![i128::MAX, i128::MIN, 0]);
        check(vec![i256::MAX, i256::MIN, i256::ZERO]);
        check(vec![(true, 1.5_f64), (false, f64::INFINITY)]);
        check(vec![vec![1_u32, 2], vec![], vec![3]]);
        check(vec![Box::<[u8]>::from([1, 2]), Box::from([])]);
        check(vec![
            BTreeMap::from([(Box::<[u8]>::from([7]), 2_i64)]),
            BTreeMap::new(),
        ]);
    }

    #[test]
    fn sums_of_older_snapshots_are_read() {
        let older = i64::to_array(&[-1, i64::MAX]).expect("encodes");
        let sums = i128::from_array(&older).expect("decodes");
        assert_eq!(sums, [-1, i128::from(i64::MAX)]);
    }

    #[test]
    fn another_type_is_corrupt() {
        let array = i64::to_array(&[1]).expect("encodes");
        let error = f64::from_array(&array).expect_err("is not a float");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
}
