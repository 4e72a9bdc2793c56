//! A column of any type while it grows. It may lag behind its rows: who pushes first calls [`Column::align`], and
//! [`Column::finish`] fills up, so a field that is missing in a thousand rows costs one run of nulls.

use std::sync::Arc;

use arrow::array::{BooleanBufferBuilder, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::nulls::NullRuns;
use super::order::KeyOrder;
use super::shape::{Scalar, Shape, ShapeKind, StructShape};
use super::text::Refusal;
use crate::temporal::DayCache;

/// Bytes of varying length one after the other.
#[derive(Debug)]
pub(crate) struct Varlen {
    /// Where each value ends.
    pub(crate) ends: Vec<i32>,
    /// The values.
    pub(crate) data: Vec<u8>,
}

impl Varlen {
    fn with_capacity(rows: usize) -> Self {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        Self {
            ends,
            data: Vec::new(),
        }
    }

    /// Ends the value that was appended to `data`.
    #[inline]
    pub(crate) fn end(&mut self) -> Result<(), Refusal> {
        let end = i32::try_from(self.data.len())
            .map_err(|_| Refusal("the values of one batch are longer than 2 GiB"))?;
        self.ends.push(end);
        Ok(())
    }

    fn fill(&mut self, count: usize) {
        let last = self.ends.last().copied().unwrap_or(0);
        self.ends.resize(self.ends.len() + count, last);
    }

    fn truncate(&mut self, len: usize) {
        self.ends.truncate(len + 1);
        let end = self.ends.last().copied().unwrap_or(0);
        self.data.truncate(end as usize);
    }
}

/// The children of a struct column.
#[derive(Debug)]
pub(crate) struct StructColumn {
    /// One column a field, in the order of the shape.
    pub(crate) fields: Vec<Column>,
    /// The fields' names and where to find them.
    pub(crate) shape: Arc<StructShape>,
    /// In which order they came last.
    pub(crate) order: KeyOrder,
}

impl StructColumn {
    /// Empty columns for the fields of `shape`, with room for `rows`.
    pub(crate) fn new(shape: &Arc<StructShape>, rows: usize) -> Self {
        Self {
            fields: shape.fields.iter().map(|f| Column::new(f, rows)).collect(),
            shape: Arc::clone(shape),
            order: KeyOrder::default(),
        }
    }

    /// Takes back everything after the first `len` rows.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.fields.iter_mut().for_each(|f| f.truncate(len));
    }

    /// The first field that must be there in row `row` and is not.
    #[inline]
    pub(crate) fn missing(&self, row: usize) -> Option<usize> {
        let required = self.shape.required.iter().copied();
        required.into_iter().find(|f| self.fields[*f].len() <= row)
    }

    /// The columns as a batch of `len` rows.
    ///
    /// # Errors
    /// If the buffers do not fit the schema, which would be a bug.
    pub(crate) fn finish(self, schema: &SchemaRef, len: usize) -> Result<RecordBatch, ArrowError> {
        let columns = self.fields.into_iter().map(|f| f.finish(len));
        let options = RecordBatchOptions::new().with_row_count(Some(len));
        let columns = columns.collect::<Result<_, _>>()?;
        RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
    }
}

/// The buffers of a column.
#[derive(Debug)]
pub(crate) enum Values {
    Bool(BooleanBufferBuilder),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    I128(Vec<i128>),
    Bytes(Varlen),
    Struct(StructColumn),
    List(Vec<i32>, Box<Column>),
    Map(Vec<i32>, Box<(Column, Column)>),
}

/// A column under construction.
#[derive(Debug)]
pub(crate) struct Column {
    len: usize,
    pub(super) nulls: NullRuns,
    /// The buffers.
    pub(crate) values: Values,
    pub(super) shape: Shape,
    pub(super) days: DayCache,
}

impl Column {
    /// An empty column of `shape` with room for `rows`.
    pub(crate) fn new(shape: &Shape, rows: usize) -> Self {
        let values = match &shape.kind {
            ShapeKind::Scalar(scalar) => scalar_values(scalar, rows),
            ShapeKind::Struct(s) => Values::Struct(StructColumn::new(s, rows)),
            ShapeKind::List(item) => Values::List(vec![0], Box::new(Self::new(item, rows))),
            ShapeKind::Map(entry) => Values::Map(
                vec![0],
                Box::new((Self::new(&entry.0, rows), Self::new(&entry.1, rows))),
            ),
        };
        Self {
            len: 0,
            nulls: NullRuns::default(),
            values,
            shape: shape.clone(),
            days: DayCache::default(),
        }
    }

    /// How many values it has.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// What it is made of.
    #[inline]
    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Whether it may hold nulls.
    #[inline]
    pub(crate) fn is_nullable(&self) -> bool {
        self.shape.nullable
    }

    /// Counts a value whose buffers the caller has filled.
    #[inline]
    pub(crate) fn pushed(&mut self) {
        self.len += 1;
    }

    /// Makes it `len` long: fills with nulls what is missing, takes back what is too much.
    #[inline]
    pub(crate) fn align(&mut self, len: usize) {
        if self.len < len {
            self.push_nulls(len - self.len);
        } else if self.len > len {
            self.truncate(len);
        }
    }

    /// Appends a null.
    ///
    /// # Errors
    /// If the column is declared NOT NULL.
    pub(crate) fn push_null(&mut self) -> Result<(), Refusal> {
        if !self.shape.nullable {
            return Err(Refusal("null in a NOT NULL column"));
        }
        self.push_nulls(1);
        Ok(())
    }

    /// Appends zeros or empty values; the fields of structs are blank as well.
    pub(crate) fn push_blanks(&mut self, count: usize) {
        if let Values::Struct(s) = &mut self.values {
            s.fields.iter_mut().for_each(|f| f.push_blanks(count));
        }
        self.fill(count);
    }

    fn push_nulls(&mut self, count: usize) {
        self.nulls.push(self.len, count);
        self.fill(count);
    }

    fn fill(&mut self, count: usize) {
        let len = self.len + count;
        match &mut self.values {
            Values::Bool(v) => v.append_n(count, false),
            Values::I8(v) => v.resize(len, 0),
            Values::I16(v) => v.resize(len, 0),
            Values::I32(v) => v.resize(len, 0),
            Values::I64(v) => v.resize(len, 0),
            Values::F32(v) => v.resize(len, 0.0),
            Values::F64(v) => v.resize(len, 0.0),
            Values::I128(v) => v.resize(len, 0),
            Values::Bytes(v) => v.fill(count),
            // The fields lag until they are pushed to or finished.
            Values::Struct(_) => {}
            Values::List(ends, _) | Values::Map(ends, _) => {
                let last = ends.last().copied().unwrap_or(0);
                ends.resize(len + 1, last);
            }
        }
        self.len = len;
    }

    /// Takes back everything after the first `len` values.
    pub(crate) fn truncate(&mut self, len: usize) {
        if self.len > len {
            self.nulls.truncate(len);
            self.len = len;
        }
        match &mut self.values {
            Values::Bool(v) => v.truncate(len),
            Values::I8(v) => v.truncate(len),
            Values::I16(v) => v.truncate(len),
            Values::I32(v) => v.truncate(len),
            Values::I64(v) => v.truncate(len),
            Values::F32(v) => v.truncate(len),
            Values::F64(v) => v.truncate(len),
            Values::I128(v) => v.truncate(len),
            Values::Bytes(v) => v.truncate(len),
            Values::Struct(s) => s.truncate(len),
            Values::List(ends, item) => {
                item.truncate(cut(ends, len));
            }
            Values::Map(ends, entry) => {
                let end = cut(ends, len);
                entry.0.truncate(end);
                entry.1.truncate(end);
            }
        }
    }
}

/// Cuts `ends` to `len` values and says where the last of them ends.
fn cut(ends: &mut Vec<i32>, len: usize) -> usize {
    ends.truncate(len + 1);
    ends.last().copied().unwrap_or(0) as usize
}

fn scalar_values(scalar: &Scalar, rows: usize) -> Values {
    match scalar {
        Scalar::Bool => Values::Bool(BooleanBufferBuilder::new(rows)),
        Scalar::I8 => Values::I8(Vec::with_capacity(rows)),
        Scalar::I16 => Values::I16(Vec::with_capacity(rows)),
        Scalar::I32 | Scalar::Date => Values::I32(Vec::with_capacity(rows)),
        Scalar::I64 | Scalar::Time(_) | Scalar::Timestamp { .. } => {
            Values::I64(Vec::with_capacity(rows))
        }
        Scalar::F32 => Values::F32(Vec::with_capacity(rows)),
        Scalar::F64 => Values::F64(Vec::with_capacity(rows)),
        Scalar::Decimal { .. } => Values::I128(Vec::with_capacity(rows)),
        Scalar::Text | Scalar::Binary => Values::Bytes(Varlen::with_capacity(rows)),
    }
}
