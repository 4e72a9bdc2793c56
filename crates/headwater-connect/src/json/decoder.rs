//! JSON records into rows.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use headwater_flow::connector::{DecodedValues, FormatRequest, ValueDecoder};
use headwater_flow::{Error, ErrorKind, Result};

use super::reader::{Dialect, Reader, Strictness};
use crate::column::{StructColumn, StructShape};
use crate::kept::Kept;
use crate::lines;

/// Decodes JSON objects, one a record, for one schema.
#[derive(Debug)]
pub struct JsonDecoder {
    schema: SchemaRef,
    shape: Arc<StructShape>,
    strictness: Strictness,
}

impl JsonDecoder {
    /// A decoder for the columns that are asked for.
    ///
    /// # Errors
    /// `Unsupported` for a column type that JSON cannot carry, `Invalid` for a wrong option.
    pub fn new(request: &FormatRequest) -> Result<Self> {
        Self::with(request, Dialect::default())
    }

    /// The same for objects of a dialect.
    ///
    /// # Errors
    /// As [`JsonDecoder::new`].
    pub(super) fn with(request: &FormatRequest, dialect: Dialect) -> Result<Self> {
        let strictness = Strictness {
            is_lenient: request.options.flag("json.ignore-parse-errors", false)?,
            needs_all: request.options.flag("json.fail-on-missing-field", false)?,
            dialect,
        };
        if strictness.is_lenient && strictness.needs_all {
            let text = "options 'json.ignore-parse-errors' and 'json.fail-on-missing-field' contradict each other";
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        Ok(Self {
            schema: Arc::clone(&request.schema),
            shape: Arc::new(StructShape::new(request.schema.fields(), 0)?),
            strictness,
        })
    }
}

impl ValueDecoder for JsonDecoder {
    fn decode(&self, values: &[Option<&[u8]>]) -> Result<DecodedValues> {
        let mut columns = StructColumn::new(&self.shape, values.len());
        let mut kept = Kept::default();
        let mut scratch = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let Some(bytes) = value else {
                kept.reject(index, "a record without a value".to_owned());
                continue;
            };
            let mut reader = Reader::new(bytes, &mut scratch, self.strictness);
            match reader.record(&mut columns, kept.rows) {
                Ok(()) => kept.keep(index),
                Err(fault) => {
                    columns.truncate(kept.rows);
                    kept.reject(index, fault.sentence());
                }
            }
        }
        let rows = columns
            .finish(&self.schema, kept.rows)
            .map_err(|e| Error::new(ErrorKind::Bug, "decoded columns do not fit").with_source(e))?;
        Ok(DecodedValues {
            rows,
            weights: None,
            sources: kept.sources,
            rejects: kept.rejects,
        })
    }

    fn split(&self, bytes: &[u8], first: bool) -> Vec<Range<usize>> {
        lines::split(bytes, first)
    }

    fn frame(&self, bytes: &[u8]) -> usize {
        lines::frame(bytes)
    }
}
