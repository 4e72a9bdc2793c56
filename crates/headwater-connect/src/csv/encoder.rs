//! Rows as CSV records, quoted only where they must be.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Schema};
use headwater_flow::connector::{FormatRequest, Options, ValueEncoder};
use headwater_flow::{Result, ZBatch};

use super::config::Dialect;
use super::decoder::CsvDecoder;
use crate::plain;
use crate::temporal::TimestampStyle;

/// Encodes rows as CSV.
#[derive(Debug)]
pub(super) struct CsvEncoder {
    dialect: Dialect,
}

impl CsvEncoder {
    /// An encoder for rows of the request's schema.
    ///
    /// # Errors
    /// As the decoder's.
    pub(super) fn new(request: &FormatRequest) -> Result<Self> {
        CsvDecoder::new(request)?;
        Ok(Self {
            dialect: Dialect::new(&request.options)?,
        })
    }

    fn field(&self, column: &ArrayRef, row: usize, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
        if column.is_null(row) {
            return out.extend_from_slice(self.dialect.null.as_deref().unwrap_or_default());
        }
        scratch.clear();
        match column.data_type() {
            DataType::List(_) => self.elements(column.as_list::<i32>().value(row), scratch),
            DataType::Struct(_) => {
                for (i, field) in column.as_struct().columns().iter().enumerate() {
                    if i > 0 {
                        scratch.push(self.dialect.element);
                    }
                    self.element(field.as_ref(), row, scratch);
                }
            }
            _ => {
                plain::write(column.as_ref(), row, TimestampStyle::Sql, scratch);
            }
        }
        quote(scratch, &self.dialect, out);
    }

    fn elements(&self, items: ArrayRef, out: &mut Vec<u8>) {
        for i in 0..items.len() {
            if i > 0 {
                out.push(self.dialect.element);
            }
            self.element(items.as_ref(), i, out);
        }
    }

    fn element(&self, column: &dyn Array, row: usize, out: &mut Vec<u8>) {
        if column.is_null(row) {
            out.extend_from_slice(self.dialect.null.as_deref().unwrap_or_default());
        } else {
            plain::write(column, row, TimestampStyle::Sql, out);
        }
    }
}

/// Appends `text`, in quotes if it would not read back without.
fn quote(text: &[u8], dialect: &Dialect, out: &mut Vec<u8>) {
    let special = |b: &u8| {
        *b == dialect.delimiter
            || Some(*b) == dialect.quote
            || Some(*b) == dialect.escape
            || matches!(b, b'\n' | b'\r')
    };
    let looks_null = dialect.null.as_deref() == Some(text) || text.is_empty();
    let looks_comment = dialect.has_comments && text.first() == Some(&b'#');
    let Some(quote) = dialect.quote else {
        return out.extend_from_slice(text);
    };
    if !looks_null && !looks_comment && !text.iter().any(special) {
        return out.extend_from_slice(text);
    }
    out.push(quote);
    for byte in text {
        if *byte == quote {
            out.push(quote);
        } else if Some(*byte) == dialect.escape {
            out.push(*byte);
        }
        out.push(*byte);
    }
    out.push(quote);
}

impl ValueEncoder for CsvEncoder {
    fn encode(&self, rows: &ZBatch, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> Result<()> {
        let mut scratch = Vec::new();
        for row in 0..rows.num_rows() {
            for (i, column) in rows.rows().columns().iter().enumerate() {
                if i > 0 {
                    out.push(self.dialect.delimiter);
                }
                self.field(column, row, &mut scratch, out);
            }
            ends.push(out.len());
        }
        Ok(())
    }
}

/// The first line of a file, if it is to have a header.
///
/// # Errors
/// `Invalid` for wrong options.
pub(crate) fn header(schema: &Schema, options: &Options) -> Result<Option<Vec<u8>>> {
    let dialect = Dialect::new(options)?;
    if !dialect.has_header {
        return Ok(None);
    }
    let mut out = Vec::new();
    for (i, field) in schema.fields().iter().enumerate() {
        if i > 0 {
            out.push(dialect.delimiter);
        }
        quote(field.name().as_bytes(), &dialect, &mut out);
    }
    out.push(b'\n');
    Ok(Some(out))
}
