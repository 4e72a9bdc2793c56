//! Columns that are about to be written: their types looked at once a batch, not once a value.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, PrimitiveArray, StringArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Fields, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimeUnit,
};

use super::escape::quote;

/// A column, ready to be written row by row.
pub(super) struct Bound<'a> {
    nulls: Option<&'a NullBuffer>,
    /// Its values.
    pub(super) values: Values<'a>,
}

/// The values of a column.
pub(super) enum Values<'a> {
    Bool(&'a BooleanArray),
    I8(&'a PrimitiveArray<Int8Type>),
    I16(&'a PrimitiveArray<Int16Type>),
    I32(&'a PrimitiveArray<Int32Type>),
    I64(&'a PrimitiveArray<Int64Type>),
    F32(&'a PrimitiveArray<Float32Type>),
    F64(&'a PrimitiveArray<Float64Type>),
    Decimal(&'a PrimitiveArray<Decimal128Type>, i8),
    Text(&'a StringArray),
    Binary(&'a BinaryArray),
    Date(&'a PrimitiveArray<Date32Type>),
    Time(&'a dyn Array, TimeUnit),
    Timestamp {
        column: &'a dyn Array,
        unit: TimeUnit,
        is_zoned: bool,
    },
    Struct(Vec<Member<'a>>),
    List(&'a [i32], Box<Bound<'a>>),
    Map(&'a [i32], Box<(Bound<'a>, Bound<'a>)>),
    /// A type that the encoder's constructor has refused.
    Unknown,
}

/// A field of an object.
pub(super) struct Member<'a> {
    /// Its quoted name and the colon.
    pub(super) key: Vec<u8>,
    /// Its values.
    pub(super) column: Bound<'a>,
}

/// The fields of an object.
pub(super) fn members<'a>(fields: &Fields, columns: &'a [ArrayRef]) -> Vec<Member<'a>> {
    let member = |(field, column): (&arrow::datatypes::FieldRef, &'a ArrayRef)| {
        let mut key = Vec::new();
        quote(field.name().as_bytes(), &mut key);
        key.push(b':');
        Member {
            key,
            column: Bound::new(column.as_ref()),
        }
    };
    fields.iter().zip(columns).map(member).collect()
}

impl<'a> Bound<'a> {
    fn new(column: &'a dyn Array) -> Self {
        let values = match column.data_type() {
            DataType::Boolean => Values::Bool(column.as_boolean()),
            DataType::Int8 => Values::I8(column.as_primitive()),
            DataType::Int16 => Values::I16(column.as_primitive()),
            DataType::Int32 => Values::I32(column.as_primitive()),
            DataType::Int64 => Values::I64(column.as_primitive()),
            DataType::Float32 => Values::F32(column.as_primitive()),
            DataType::Float64 => Values::F64(column.as_primitive()),
            DataType::Decimal128(_, scale) => Values::Decimal(column.as_primitive(), *scale),
            DataType::Utf8 => Values::Text(column.as_string()),
            DataType::Binary => Values::Binary(column.as_binary()),
            DataType::Date32 => Values::Date(column.as_primitive()),
            DataType::Time32(unit) | DataType::Time64(unit) => Values::Time(column, *unit),
            DataType::Timestamp(unit, zone) => Values::Timestamp {
                column,
                unit: *unit,
                is_zoned: zone.is_some(),
            },
            DataType::Struct(fields) => {
                Values::Struct(members(fields, column.as_struct().columns()))
            }
            DataType::List(_) => {
                let list = column.as_list::<i32>();
                Values::List(list.value_offsets(), Box::new(Self::new(list.values())))
            }
            DataType::Map(_, _) => {
                let map = column.as_map();
                let entry = (Self::new(map.keys()), Self::new(map.values()));
                Values::Map(map.value_offsets(), Box::new(entry))
            }
            _ => Values::Unknown,
        };
        Self {
            nulls: column.nulls(),
            values,
        }
    }

    /// Whether the value of a row is null.
    #[inline]
    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|n| n.is_null(row))
    }
}
