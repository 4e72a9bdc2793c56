//! What columns are made of, compiled once from an Arrow schema and shared by all decoding threads.

use std::sync::Arc;

use ahash::AHashMap;
use arrow::datatypes::{DataType, FieldRef, Fields, TimeUnit};
use headwater_flow::{Error, ErrorKind, Result};

/// How deep ROW, ARRAY and MAP may be nested in a declared type.
pub(crate) const TYPE_DEPTH_MAX: usize = 64;

/// A type without parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scalar {
    Bool,
    I8,
    I16,
    I32,
    I64,
    F32,
    F64,
    Decimal { precision: u8, scale: i8 },
    Date,
    Time(TimeUnit),
    Timestamp { unit: TimeUnit, zoned: bool },
    Text,
    Binary,
}

/// A type with its parts.
#[derive(Debug, Clone)]
pub(crate) enum ShapeKind {
    Scalar(Scalar),
    Struct(Arc<StructShape>),
    List(Arc<Shape>),
    Map(Arc<(Shape, Shape)>),
}

/// The type of a column and whether it may be null.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// The type.
    pub(crate) kind: ShapeKind,
    /// Whether it may be null.
    pub(crate) nullable: bool,
    /// Arrow's name for it.
    pub(crate) data_type: DataType,
}

/// The fields of a struct, or the columns of a row.
#[derive(Debug)]
pub(crate) struct StructShape {
    /// Their shapes.
    pub(crate) fields: Vec<Shape>,
    /// Their names.
    pub(crate) names: Vec<String>,
    /// Those that are NOT NULL.
    pub(crate) required: Vec<usize>,
    by_name: AHashMap<Box<[u8]>, usize>,
}

impl StructShape {
    /// The shape of `fields`.
    ///
    /// # Errors
    /// `Unsupported` for a type that text formats cannot carry.
    pub(crate) fn new(fields: &Fields, depth: usize) -> Result<Self> {
        let shapes = fields
            .iter()
            .map(|f| Shape::new(f, depth))
            .collect::<Result<Vec<_>>>()?;
        let names: Vec<String> = fields.iter().map(|f| f.name().clone()).collect();
        Ok(Self {
            required: (0..shapes.len()).filter(|i| !shapes[*i].nullable).collect(),
            by_name: names
                .iter()
                .enumerate()
                .map(|(i, n)| (n.as_bytes().into(), i))
                .collect(),
            fields: shapes,
            names,
        })
    }

    /// The field called `name`.
    pub(crate) fn index_of(&self, name: &[u8]) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

impl Shape {
    /// The shape of a field.
    ///
    /// # Errors
    /// `Unsupported` for a type that text formats cannot carry, `Invalid` for one that is nested too deep.
    pub(crate) fn new(field: &FieldRef, depth: usize) -> Result<Self> {
        if depth >= TYPE_DEPTH_MAX {
            let text = format!("column '{}' is nested deeper than {depth}", field.name());
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        let kind = match field.data_type() {
            DataType::Struct(fields) => {
                ShapeKind::Struct(Arc::new(StructShape::new(fields, depth + 1)?))
            }
            DataType::List(item) => ShapeKind::List(Arc::new(Self::new(item, depth + 1)?)),
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(kv) if kv.len() == 2 => ShapeKind::Map(Arc::new((
                    Self::new(&kv[0], depth + 1)?,
                    Self::new(&kv[1], depth + 1)?,
                ))),
                _ => return Err(unsupported(field)),
            },
            other => ShapeKind::Scalar(scalar(other).ok_or_else(|| unsupported(field))?),
        };
        Ok(Self {
            kind,
            nullable: field.is_nullable(),
            data_type: field.data_type().clone(),
        })
    }
}

impl Shape {
    /// Whether it is STRING.
    #[inline]
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.kind, ShapeKind::Scalar(Scalar::Text))
    }

    /// Whether it is DECIMAL.
    #[inline]
    pub(crate) fn is_decimal(&self) -> bool {
        matches!(self.kind, ShapeKind::Scalar(Scalar::Decimal { .. }))
    }
}

fn scalar(data_type: &DataType) -> Option<Scalar> {
    Some(match data_type {
        DataType::Boolean => Scalar::Bool,
        DataType::Int8 => Scalar::I8,
        DataType::Int16 => Scalar::I16,
        DataType::Int32 => Scalar::I32,
        DataType::Int64 => Scalar::I64,
        DataType::Float32 => Scalar::F32,
        DataType::Float64 => Scalar::F64,
        DataType::Decimal128(precision, scale) if *scale >= 0 => Scalar::Decimal {
            precision: *precision,
            scale: *scale,
        },
        DataType::Date32 => Scalar::Date,
        DataType::Time32(unit) | DataType::Time64(unit) => Scalar::Time(*unit),
        DataType::Timestamp(unit, zone) => Scalar::Timestamp {
            unit: *unit,
            zoned: zone.is_some(),
        },
        DataType::Utf8 => Scalar::Text,
        DataType::Binary => Scalar::Binary,
        _ => return None,
    })
}

fn unsupported(field: &FieldRef) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "column '{}' has type {}, which the format cannot carry",
            field.name(),
            field.data_type()
        ),
    )
}
