//! Random types, their values, and how those stand in JSON: written here anew, not by the code that is tested.

use std::sync::Arc;

use arrow::array::{ArrayRef, MapArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use datafusion_common::ScalarValue;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// 2024-01-01 in seconds: where the tests' time begins.
pub(crate) const BEGINNING: i64 = 1_704_067_200;

/// A type of SQL that topics carry as JSON.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Type {
    Bool,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Float,
    Double,
    Decimal(u8, i8),
    Text,
    Bytes,
    Date,
    Time(u8),
    Timestamp { precision: u8, zoned: bool },
    Array(Box<Self>),
    Map(Box<Self>),
    Row(Vec<(String, Self)>),
}

impl Type {
    /// Any type; nested ones less deep than `depth`.
    pub(crate) fn random(rng: &mut StdRng, depth: usize) -> Self {
        match rng.random_range(0..if depth == 0 { 15 } else { 19 }) {
            0 => Self::Bool,
            1 => Self::TinyInt,
            2 => Self::SmallInt,
            3 | 4 => Self::Int,
            5 | 6 => Self::BigInt,
            7 => Self::Float,
            8 => Self::Double,
            9 => {
                let scale = rng.random_range(0..5);
                Self::Decimal(rng.random_range(4..19) + scale as u8, scale)
            }
            10 | 11 => Self::Text,
            12 => Self::Bytes,
            13 => {
                let types = [Self::Date, Self::Time(0), Self::Time(3), Self::Time(6)];
                types.choose(rng).unwrap().clone()
            }
            14 => Self::timestamp(rng),
            15 | 16 => Self::Array(Box::new(Self::random(rng, depth - 1))),
            17 => Self::Map(Box::new(Self::random(rng, depth - 1))),
            _ => {
                let names = ["x", "Why", "z z"];
                let fields = names[..rng.random_range(1..=names.len())].iter();
                Self::Row(
                    fields
                        .map(|n| ((*n).to_owned(), Self::random(rng, depth - 1)))
                        .collect(),
                )
            }
        }
    }

    pub(crate) fn timestamp(rng: &mut StdRng) -> Self {
        Self::Timestamp {
            precision: *[0, 3, 3, 6, 9].choose(rng).unwrap(),
            zoned: rng.random_bool(0.3),
        }
    }

    /// As Headwater's SQL writes it.
    pub(crate) fn sql(&self) -> String {
        match self {
            Self::Bool => "BOOLEAN".to_owned(),
            Self::TinyInt => "TINYINT".to_owned(),
            Self::SmallInt => "SMALLINT".to_owned(),
            Self::Int => "INT".to_owned(),
            Self::BigInt => "BIGINT".to_owned(),
            Self::Float => "FLOAT".to_owned(),
            Self::Double => "DOUBLE".to_owned(),
            Self::Decimal(precision, scale) => format!("DECIMAL({precision}, {scale})"),
            Self::Text => "STRING".to_owned(),
            Self::Bytes => "BYTES".to_owned(),
            Self::Date => "DATE".to_owned(),
            Self::Time(precision) => format!("TIME({precision})"),
            Self::Timestamp { precision, zoned } => {
                let zone = if *zoned { "_LTZ" } else { "" };
                format!("TIMESTAMP{zone}({precision})")
            }
            Self::Array(item) => format!("ARRAY<{}>", item.sql()),
            Self::Map(value) => format!("MAP<STRING, {}>", value.sql()),
            Self::Row(fields) => {
                let fields = fields.iter().map(|(n, t)| format!("`{n}` {}", t.sql()));
                format!("ROW<{}>", fields.collect::<Vec<_>>().join(", "))
            }
        }
    }

    pub(crate) fn arrow(&self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::TinyInt => DataType::Int8,
            Self::SmallInt => DataType::Int16,
            Self::Int => DataType::Int32,
            Self::BigInt => DataType::Int64,
            Self::Float => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Decimal(precision, scale) => DataType::Decimal128(*precision, *scale),
            Self::Text => DataType::Utf8,
            Self::Bytes => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Time(0..=3) => DataType::Time32(TimeUnit::Millisecond),
            Self::Time(_) => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp { precision, zoned } => {
                let unit = match precision {
                    0..=3 => TimeUnit::Millisecond,
                    4..=6 => TimeUnit::Microsecond,
                    _ => TimeUnit::Nanosecond,
                };
                DataType::Timestamp(unit, zoned.then(|| "UTC".into()))
            }
            Self::Array(item) => {
                DataType::List(Arc::new(Field::new_list_field(item.arrow(), true)))
            }
            Self::Map(value) => DataType::Map(Arc::new(entries(value)), false),
            Self::Row(fields) => DataType::Struct(struct_fields(fields)),
        }
    }

    /// The type that Arrow's `data_type` has in SQL.
    pub(crate) fn of(data_type: &DataType) -> Self {
        let unit = |unit: &TimeUnit| match unit {
            TimeUnit::Second | TimeUnit::Millisecond => 3,
            TimeUnit::Microsecond => 6,
            TimeUnit::Nanosecond => 9,
        };
        match data_type {
            DataType::Boolean => Self::Bool,
            DataType::Int8 => Self::TinyInt,
            DataType::Int16 => Self::SmallInt,
            DataType::Int32 => Self::Int,
            DataType::Int64 | DataType::UInt64 => Self::BigInt,
            DataType::Float32 => Self::Float,
            DataType::Float64 => Self::Double,
            DataType::Decimal128(precision, scale) => Self::Decimal(*precision, *scale),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Binary => Self::Bytes,
            DataType::Date32 => Self::Date,
            DataType::Time32(_) => Self::Time(3),
            DataType::Time64(_) => Self::Time(6),
            DataType::Timestamp(u, zone) => Self::Timestamp {
                precision: unit(u),
                zoned: zone.is_some(),
            },
            DataType::List(item) => Self::Array(Box::new(Self::of(item.data_type()))),
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(kv) => Self::Map(Box::new(Self::of(kv[1].data_type()))),
                other => panic!("entries are {other}"),
            },
            DataType::Struct(fields) => {
                let fields = fields
                    .iter()
                    .map(|f| (f.name().clone(), Self::of(f.data_type())));
                Self::Row(fields.collect())
            }
            other => panic!("{other} has no SQL type here"),
        }
    }

    /// Whether rows can be grouped by it without anybody asking which of two equal values is meant.
    pub(crate) fn is_key(&self) -> bool {
        !matches!(
            self,
            Self::Float | Self::Double | Self::Array(_) | Self::Map(_) | Self::Row(_)
        )
    }

    pub(crate) fn is_integer(&self) -> bool {
        matches!(
            self,
            Self::TinyInt | Self::SmallInt | Self::Int | Self::BigInt
        )
    }

    pub(crate) fn is_number(&self) -> bool {
        self.is_integer() || matches!(self, Self::Float | Self::Double | Self::Decimal(..))
    }

    pub(crate) fn is_nested(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Map(_) | Self::Row(_))
    }

    /// One of not very many values; times lie around `seconds` after the beginning.
    pub(crate) fn value(&self, rng: &mut StdRng, seconds: i64) -> ScalarValue {
        use ScalarValue as V;
        match self {
            Self::Bool => V::Boolean(Some(rng.random())),
            Self::TinyInt => V::Int8(Some(rng.random_range(-3..4))),
            Self::SmallInt => V::Int16(Some(rng.random_range(-3..4) * 100)),
            Self::Int => V::Int32(Some(rng.random_range(-4..5))),
            Self::BigInt => V::Int64(Some(rng.random_range(-3..4) * 1_000_000_007)),
            Self::Float => V::Float32(Some(rng.random_range(-40..40) as f32 / 8.0)),
            Self::Double => V::Float64(Some(f64::from(rng.random_range(-999..999)) / 8.0)),
            Self::Decimal(precision, scale) => {
                let value = rng.random_range(-8..9) * 1_111 + 5;
                V::Decimal128(Some(value), *precision, *scale)
            }
            Self::Text => {
                let texts = ["", "a", "b", "B", "ä😀", "say \"no\" \\ \n\t", "null"];
                V::Utf8(Some((*texts.choose(rng).unwrap()).to_owned()))
            }
            Self::Bytes => {
                let bytes: [&[u8]; 4] = [b"", b"a", b"\0\xff", b"abc"];
                V::Binary(Some(bytes.choose(rng).unwrap().to_vec()))
            }
            Self::Date => V::Date32(Some(19_723 + rng.random_range(-400..400) / 100 * 7)),
            Self::Time(precision) => time(*precision, rng),
            Self::Timestamp { .. } => {
                let nanos = rng.random_range(-3..4) * 1_234_567_891;
                self.instant(seconds * 1_000_000_000 + nanos)
            }
            Self::Array(item) => {
                let len = rng.random_range(0..3);
                let items: Vec<V> = (0..len).map(|_| item.nullable(rng, seconds)).collect();
                V::List(V::new_list(&items, &item.arrow(), true))
            }
            Self::Map(value) => map(value, rng, seconds),
            Self::Row(fields) => {
                let values = fields
                    .iter()
                    .map(|(_, t)| t.nullable(rng, seconds).to_array().unwrap());
                let fields = struct_fields(fields);
                V::Struct(Arc::new(StructArray::new(fields, values.collect(), None)))
            }
        }
    }

    /// The timestamp so many nanoseconds after the beginning, cut to what the type can hold.
    pub(crate) fn instant(&self, nanos: i64) -> ScalarValue {
        let Self::Timestamp { precision, .. } = self else {
            panic!("{self:?} is no timestamp");
        };
        let nanos = BEGINNING * 1_000_000_000 + nanos;
        let kept = 10_i64.pow(9 - u32::from(*precision));
        let nanos = nanos.div_euclid(kept) * kept;
        let DataType::Timestamp(unit, zone) = self.arrow() else {
            unreachable!("it is a timestamp");
        };
        match unit {
            TimeUnit::Millisecond => {
                ScalarValue::TimestampMillisecond(Some(nanos.div_euclid(1_000_000)), zone)
            }
            TimeUnit::Microsecond => {
                ScalarValue::TimestampMicrosecond(Some(nanos.div_euclid(1_000)), zone)
            }
            _ => ScalarValue::TimestampNanosecond(Some(nanos), zone),
        }
    }

    pub(crate) fn null(&self) -> ScalarValue {
        ScalarValue::try_from(&self.arrow()).unwrap()
    }

    pub(crate) fn nullable(&self, rng: &mut StdRng, seconds: i64) -> ScalarValue {
        match rng.random_bool(0.15) {
            true => self.null(),
            false => self.value(rng, seconds),
        }
    }
}

fn struct_fields(fields: &[(String, Type)]) -> Fields {
    fields
        .iter()
        .map(|(n, t)| Field::new(n, t.arrow(), true))
        .collect()
}

fn entries(value: &Type) -> Field {
    let fields = vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", value.arrow(), true),
    ];
    Field::new("entries", DataType::Struct(Fields::from(fields)), false)
}

fn time(precision: u8, rng: &mut StdRng) -> ScalarValue {
    let seconds = rng.random_range(0..4) * 21_599;
    match precision {
        0..=2 => ScalarValue::Time32Millisecond(Some(seconds * 1_000)),
        3 => ScalarValue::Time32Millisecond(Some(seconds * 1_000 + 7)),
        _ => ScalarValue::Time64Microsecond(Some(i64::from(seconds) * 1_000_000 + 7)),
    }
}

fn map(value: &Type, rng: &mut StdRng, seconds: i64) -> ScalarValue {
    let keys = ["a", "b", "c"];
    let len = rng.random_range(0..=keys.len());
    let keys = keys[..len]
        .iter()
        .map(|k| ScalarValue::Utf8(Some((*k).to_owned())));
    let columns: Vec<ArrayRef> = match len {
        0 => vec![
            arrow::array::new_empty_array(&DataType::Utf8),
            arrow::array::new_empty_array(&value.arrow()),
        ],
        _ => vec![
            ScalarValue::iter_to_array(keys).unwrap(),
            ScalarValue::iter_to_array((0..len).map(|_| value.nullable(rng, seconds))).unwrap(),
        ],
    };
    let field = entries(value);
    let DataType::Struct(fields) = field.data_type().clone() else {
        unreachable!("entries are structs");
    };
    let rows = StructArray::new(fields, columns, None);
    let offsets = OffsetBuffer::from_lengths([len]);
    ScalarValue::Map(Arc::new(MapArray::new(
        Arc::new(field),
        offsets,
        rows,
        None,
        false,
    )))
}
