//! CSV records into rows.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use headwater_flow::connector::{DecodedValues, FormatRequest, ValueDecoder};
use headwater_flow::{Error, ErrorKind, Result};

use super::config::Dialect;
use super::fields::{Field, Fields};
use super::frame;
use crate::column::{Column, Refusal, Shape, ShapeKind, StructColumn, StructShape, Values};
use crate::kept::Kept;

/// Decodes CSV records for one schema.
#[derive(Debug)]
pub(super) struct CsvDecoder {
    schema: SchemaRef,
    shape: Arc<StructShape>,
    dialect: Dialect,
    /// For each field of a record the column it goes to.
    places: Vec<Option<usize>>,
}

impl CsvDecoder {
    /// A decoder for the columns that are asked for.
    ///
    /// # Errors
    /// `Unsupported` for a column type that CSV cannot carry, `Invalid` for a wrong option.
    pub(super) fn new(request: &FormatRequest) -> Result<Self> {
        let shape = StructShape::new(request.schema.fields(), 0)?;
        for (name, field) in shape.names.iter().zip(&shape.fields) {
            check_type(name, field, 0)?;
        }
        let declared = request.declared.fields().iter();
        Ok(Self {
            schema: Arc::clone(&request.schema),
            places: declared
                .map(|f| shape.index_of(f.name().as_bytes()))
                .collect(),
            shape: Arc::new(shape),
            dialect: Dialect::new(&request.options)?,
        })
    }

    fn record(
        &self,
        bytes: &[u8],
        columns: &mut StructColumn,
        row: usize,
        scratch: &mut Vec<u8>,
    ) -> Result<(), String> {
        let mut fields = Fields::new(bytes, &self.dialect);
        let mut count = 0;
        while let Some(field) = fields.next().map_err(|r| r.0.to_owned())? {
            if let Some(Some(place)) = self.places.get(count) {
                let column = &mut columns.fields[*place];
                column.align(row);
                if let Err(refusal) = self.push(column, field, scratch) {
                    column.truncate(row);
                    if !self.dialect.is_lenient || column.push_null().is_err() {
                        return Err(format!(
                            "field '{}': {}",
                            self.shape.names[*place], refusal.0
                        ));
                    }
                }
            }
            count += 1;
        }
        let expected = self.places.len();
        if count != expected && !self.dialect.is_lenient {
            return Err(format!("expected {expected} fields, found {count}"));
        }
        match columns.missing(row) {
            Some(place) => Err(format!("field '{}': missing", self.shape.names[place])),
            None => Ok(()),
        }
    }

    fn push(
        &self,
        column: &mut Column,
        field: Field<'_>,
        scratch: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let text = field.text(&self.dialect, scratch);
        if !field.is_quoted && self.is_null(column, text) {
            return column.push_null();
        }
        self.push_text(column, text)
    }

    /// An empty field is an empty STRING, as for Flink, and null for every other type.
    fn is_null(&self, column: &Column, text: &[u8]) -> bool {
        match &self.dialect.null {
            Some(null) if text == null.as_slice() => true,
            _ => text.is_empty() && !column.shape().is_text(),
        }
    }

    fn push_text(&self, column: &mut Column, text: &[u8]) -> Result<(), Refusal> {
        let row = column.len();
        match &mut column.values {
            Values::List(ends, item) => {
                if !text.is_empty() {
                    for part in text.split(|b| *b == self.dialect.element) {
                        self.push_element(item, part)?;
                    }
                }
                let end = i32::try_from(item.len());
                ends.push(end.map_err(|_| Refusal("too many elements in one batch"))?);
            }
            Values::Struct(fields) => {
                let mut parts = text.split(|b| *b == self.dialect.element);
                for field in &mut fields.fields {
                    let part = parts.next().ok_or(Refusal("a row with too few fields"))?;
                    field.align(row);
                    self.push_element(field, part)?;
                }
                if parts.next().is_some() {
                    return Err(Refusal("a row with too many fields"));
                }
            }
            _ => return column.push_text(text),
        }
        column.pushed();
        Ok(())
    }

    fn push_element(&self, column: &mut Column, text: &[u8]) -> Result<(), Refusal> {
        if self.is_null(column, text) {
            return column.push_null();
        }
        column.push_text(text)
    }
}

/// Arrays and rows may hold what has no parts; maps have no text.
fn check_type(name: &str, shape: &Shape, depth: usize) -> Result<()> {
    let parts = match &shape.kind {
        ShapeKind::Scalar(_) => return Ok(()),
        ShapeKind::List(item) if depth == 0 => std::slice::from_ref(&**item),
        ShapeKind::Struct(fields) if depth == 0 => fields.fields.as_slice(),
        _ => {
            let text = format!("column '{name}' has a type that CSV cannot carry");
            return Err(Error::new(ErrorKind::Unsupported, text).with_hint(
                "CSV has arrays and rows of plain values, no maps and nothing nested deeper",
            ));
        }
    };
    parts
        .iter()
        .try_for_each(|p| check_type(name, p, depth + 1))
}

impl ValueDecoder for CsvDecoder {
    fn decode(&self, values: &[Option<&[u8]>]) -> Result<DecodedValues> {
        let mut columns = StructColumn::new(&self.shape, values.len());
        let mut kept = Kept::default();
        let mut scratch = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let Some(bytes) = value else {
                kept.reject(index, "a record without a value".to_owned());
                continue;
            };
            match self.record(bytes, &mut columns, kept.rows, &mut scratch) {
                Ok(()) => kept.keep(index),
                Err(reason) => {
                    columns.truncate(kept.rows);
                    kept.reject(index, reason);
                }
            }
        }
        let rows = columns.finish(&self.schema, kept.rows);
        let rows = rows
            .map_err(|e| Error::new(ErrorKind::Bug, "decoded columns do not fit").with_source(e))?;
        Ok(DecodedValues {
            rows,
            weights: None,
            sources: kept.sources,
            rejects: kept.rejects,
        })
    }

    fn split(&self, bytes: &[u8], first: bool) -> Vec<Range<usize>> {
        frame::split(bytes, first, &self.dialect)
    }

    fn frame(&self, bytes: &[u8]) -> usize {
        frame::frame(bytes, &self.dialect)
    }
}
