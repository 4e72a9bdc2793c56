//! Finished columns: buffers become Arrow arrays without being copied.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int8Array, Int16Array,
    Int32Array, Int64Array, ListArray, MapArray, PrimitiveArray, StringArray, StructArray,
    Time32MillisecondArray, Time32SecondArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Time64MicrosecondType,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow::error::ArrowError;

use super::{Column, Values};

type Built = Result<ArrayRef, ArrowError>;

impl Column {
    /// The column as an array of `len` values.
    ///
    /// # Errors
    /// If the buffers do not fit together, which would be a bug.
    pub(crate) fn finish(mut self, len: usize) -> Built {
        self.align(len);
        let nulls = self.nulls.finish(len);
        let data_type = self.shape.data_type;
        Ok(match self.values {
            Values::Bool(mut v) => Arc::new(BooleanArray::new(v.finish(), nulls)),
            Values::I8(v) => Arc::new(Int8Array::try_new(v.into(), nulls)?),
            Values::I16(v) => Arc::new(Int16Array::try_new(v.into(), nulls)?),
            Values::I32(v) if data_type == DataType::Date32 => {
                primitive::<Date32Type>(v.into(), nulls, data_type)?
            }
            Values::I32(v) => Arc::new(Int32Array::try_new(v.into(), nulls)?),
            Values::I64(v) => finish_i64(v, nulls, data_type)?,
            Values::F32(v) => Arc::new(Float32Array::try_new(v.into(), nulls)?),
            Values::F64(v) => Arc::new(Float64Array::try_new(v.into(), nulls)?),
            Values::I128(v) => primitive::<Decimal128Type>(v.into(), nulls, data_type)?,
            Values::Bytes(v) => {
                let ends = OffsetBuffer::new(ScalarBuffer::from(v.ends));
                let data = Buffer::from_vec(v.data);
                if data_type == DataType::Binary {
                    Arc::new(BinaryArray::try_new(ends, data, nulls)?)
                } else {
                    Arc::new(StringArray::try_new(ends, data, nulls)?)
                }
            }
            Values::Struct(s) => {
                let columns = s.fields.into_iter().map(|f| f.finish(len));
                finish_struct(&data_type, columns.collect::<Result<_, _>>()?, nulls, len)?
            }
            Values::List(ends, item) => finish_list(&data_type, ends, *item, nulls)?,
            Values::Map(ends, entry) => finish_map(&data_type, ends, *entry, nulls)?,
        })
    }
}

fn finish_i64(values: Vec<i64>, nulls: Option<NullBuffer>, data_type: DataType) -> Built {
    let buffer = |values: Vec<i64>| ScalarBuffer::<i64>::from(values);
    match &data_type {
        DataType::Timestamp(TimeUnit::Second, _) => {
            primitive::<TimestampSecondType>(buffer(values), nulls, data_type)
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            primitive::<TimestampMillisecondType>(buffer(values), nulls, data_type)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            primitive::<TimestampMicrosecondType>(buffer(values), nulls, data_type)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            primitive::<TimestampNanosecondType>(buffer(values), nulls, data_type)
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            primitive::<Time64MicrosecondType>(buffer(values), nulls, data_type)
        }
        DataType::Time64(_) => primitive::<Time64NanosecondType>(buffer(values), nulls, data_type),
        // A time of day in milliseconds or seconds is below 2^31.
        DataType::Time32(unit) => {
            let narrow: ScalarBuffer<i32> = values.iter().map(|v| *v as i32).collect();
            Ok(if *unit == TimeUnit::Second {
                Arc::new(Time32SecondArray::try_new(narrow, nulls)?)
            } else {
                Arc::new(Time32MillisecondArray::try_new(narrow, nulls)?)
            })
        }
        _ => Ok(Arc::new(Int64Array::try_new(buffer(values), nulls)?)),
    }
}

fn primitive<T: ArrowPrimitiveType>(
    values: ScalarBuffer<T::Native>,
    nulls: Option<NullBuffer>,
    data_type: DataType,
) -> Built {
    let array = PrimitiveArray::<T>::try_new(values, nulls)?;
    Ok(Arc::new(array.with_data_type(data_type)))
}

fn finish_struct(
    data_type: &DataType,
    columns: Vec<ArrayRef>,
    nulls: Option<NullBuffer>,
    len: usize,
) -> Built {
    let DataType::Struct(fields) = data_type else {
        return Err(mismatch());
    };
    let array = StructArray::try_new_with_length(fields.clone(), columns, nulls, len)?;
    Ok(Arc::new(array))
}

fn finish_list(
    data_type: &DataType,
    ends: Vec<i32>,
    item: Column,
    nulls: Option<NullBuffer>,
) -> Built {
    let DataType::List(field) = data_type else {
        return Err(mismatch());
    };
    let len = item.len();
    let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
    let array = ListArray::try_new(Arc::clone(field), ends, item.finish(len)?, nulls)?;
    Ok(Arc::new(array))
}

fn finish_map(
    data_type: &DataType,
    ends: Vec<i32>,
    (key, value): (Column, Column),
    nulls: Option<NullBuffer>,
) -> Built {
    let DataType::Map(field, ordered) = data_type else {
        return Err(mismatch());
    };
    let DataType::Struct(fields) = field.data_type() else {
        return Err(mismatch());
    };
    let len = key.len();
    let columns = vec![key.finish(len)?, value.finish(len)?];
    let entries = StructArray::try_new(fields.clone(), columns, None)?;
    let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
    let array = MapArray::try_new(Arc::clone(field), ends, entries, nulls, *ordered)?;
    Ok(Arc::new(array))
}

fn mismatch() -> ArrowError {
    ArrowError::SchemaError("a column's buffers are not those of its type".to_owned())
}
