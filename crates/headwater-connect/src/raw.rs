//! The `raw` format: a value is one column, as it is.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use headwater_flow::connector::{
    DecodedValues, Format, FormatRequest, OptionKind, OptionSpec, ValueDecoder, ValueEncoder,
};
use headwater_flow::{Error, ErrorKind, Result, ZBatch};

use crate::column::{StructColumn, StructShape};
use crate::kept::Kept;
use crate::lines;

/// The `raw` format.
#[derive(Debug, Default)]
pub struct RawFormat;

const OPTIONS: &[OptionSpec] = &[OptionSpec::new(
    "raw.charset",
    OptionKind::OneOf(&["UTF-8"]),
    "Text is UTF-8.",
)];

impl Format for RawFormat {
    fn name(&self) -> &'static str {
        "raw"
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn decoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueDecoder>> {
        check(request)?;
        Ok(Arc::new(RawDecoder {
            schema: Arc::clone(&request.schema),
            shape: Arc::new(StructShape::new(request.schema.fields(), 0)?),
        }))
    }

    fn encoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueEncoder>> {
        check(request)?;
        Ok(Arc::new(RawEncoder))
    }

    fn infer(&self, sample: &[&[u8]]) -> Result<SchemaRef> {
        let is_text = sample.iter().all(|s| std::str::from_utf8(s).is_ok());
        let data_type = if is_text {
            DataType::Utf8
        } else {
            DataType::Binary
        };
        Ok(Arc::new(Schema::new(vec![Field::new(
            "value", data_type, true,
        )])))
    }
}

fn check(request: &FormatRequest) -> Result<()> {
    let is_plain = |f: &Arc<Field>| matches!(f.data_type(), DataType::Utf8 | DataType::Binary);
    if request.declared.fields().len() == 1 && request.schema.fields().iter().all(is_plain) {
        return Ok(());
    }
    let text = "the raw format has exactly one column, of type STRING or BYTES";
    Err(Error::new(ErrorKind::Invalid, text))
}

struct RawDecoder {
    schema: SchemaRef,
    shape: Arc<StructShape>,
}

impl ValueDecoder for RawDecoder {
    fn decode(&self, values: &[Option<&[u8]>]) -> Result<DecodedValues> {
        let mut columns = StructColumn::new(&self.shape, values.len());
        let mut kept = Kept::default();
        for (index, value) in values.iter().enumerate() {
            let pushed = match (columns.fields.first_mut(), value) {
                (None, _) => Ok(()),
                (Some(column), Some(bytes)) => column.push_bytes(bytes),
                (Some(column), None) => column.push_null(),
            };
            match pushed {
                Ok(()) => kept.keep(index),
                Err(refusal) => kept.reject(index, refusal.0.to_owned()),
            }
        }
        Ok(DecodedValues {
            rows: columns.finish(&self.schema, kept.rows)?,
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

struct RawEncoder;

impl ValueEncoder for RawEncoder {
    fn encode(&self, rows: &ZBatch, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> Result<()> {
        let column = rows.rows().column(0);
        for row in 0..rows.num_rows() {
            if column.is_valid(row) {
                match column.data_type() {
                    DataType::Utf8 => {
                        out.extend_from_slice(column.as_string::<i32>().value(row).as_bytes());
                    }
                    _ => out.extend_from_slice(column.as_binary::<i32>().value(row)),
                }
            }
            ends.push(out.len());
        }
        Ok(())
    }
}
