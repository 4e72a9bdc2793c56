//! The decoder of Parquet files: the reader has decoded the columns already; here they become those of the table, and a
//! row with a value that its column cannot hold becomes a reject.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, UInt64Array, new_null_array,
};
use arrow::compute;
use arrow::datatypes::{Field, SchemaRef};
use arrow::json::LineDelimitedWriter;
use bytes::Bytes;
use headwater_flow::connector::{
    Chunk, Decoded, Decoder, Offsets, OriginalRecord, Payload, Reject, SourceRequest,
};
use headwater_flow::{Error, ErrorKind, Result};

use super::conform::conform;

/// Nothing is known of rows besides their values.
pub(in crate::filesystem) fn no_metadata(key: &str) -> Error {
    let text = format!("parquet files have no metadata '{key}'");
    Error::new(ErrorKind::Unsupported, text)
}

/// Makes the rows of the table.
pub(in crate::filesystem) struct ParquetDecoder(SchemaRef);

impl ParquetDecoder {
    /// For the columns of a request.
    ///
    /// # Errors
    /// `Invalid` if there are metadata columns.
    pub(in crate::filesystem) fn new(request: &SourceRequest) -> Result<Self> {
        if let Some(key) = request.metadata.iter().flatten().next() {
            return Err(no_metadata(key));
        }
        Ok(Self(Arc::clone(&request.schema)))
    }
}

/// Rows of a table, some of which cannot be.
struct Conformed {
    columns: Vec<ArrayRef>,
    /// Why rows cannot be.
    refused: BTreeMap<u32, String>,
}

impl Conformed {
    fn new(rows: &RecordBatch, schema: &SchemaRef) -> Result<Self> {
        let mut conformed = Self {
            columns: Vec::new(),
            refused: BTreeMap::new(),
        };
        for field in schema.fields() {
            let column = conformed.column(rows, field)?;
            conformed.columns.push(column);
        }
        Ok(conformed)
    }

    /// A column of the table; one that the file does not have is null.
    fn column(&mut self, rows: &RecordBatch, field: &Field) -> Result<ArrayRef> {
        let wanted = field.data_type();
        let Some(found) = rows.column_by_name(field.name()) else {
            self.refuse_nulls(field, rows.num_rows(), |_| true, "missing");
            return Ok(new_null_array(wanted, rows.num_rows()));
        };
        let column = match conform(found, wanted, true) {
            Ok(column) => column,
            Err(_) => self.without_misfits(found, field)?,
        };
        self.refuse_nulls(
            field,
            column.len(),
            |row| column.is_null(row),
            "null in a NOT NULL column",
        );
        Ok(column)
    }

    /// A column some values of which do not fit: their rows cannot be.
    fn without_misfits(&mut self, found: &ArrayRef, field: &Field) -> Result<ArrayRef> {
        for row in 0..found.len() {
            if conform(&found.slice(row, 1), field.data_type(), true).is_err() {
                let why = format!(
                    "field '{}': a value that its type cannot hold",
                    field.name()
                );
                self.refused.entry(row as u32).or_insert(why);
            }
        }
        Ok(conform(found, field.data_type(), false)?)
    }

    fn refuse_nulls(
        &mut self,
        field: &Field,
        rows: usize,
        is_null: impl Fn(usize) -> bool,
        why: &str,
    ) {
        if field.is_nullable() {
            return;
        }
        for row in (0..rows).filter(|row| is_null(*row)) {
            let why = format!("field '{}': {why}", field.name());
            self.refused.entry(row as u32).or_insert(why);
        }
    }

    /// The rows that can be, and the others.
    fn finish(self, schema: &SchemaRef, count: usize, from: u64) -> Result<Decoded> {
        let offset = |row: u32| from + u64::from(row);
        let (columns, offsets, count) = if self.refused.is_empty() {
            (self.columns, Offsets::From(from), count)
        } else {
            let kept = (0..count as u32).filter(|row| !self.refused.contains_key(row));
            let kept: UInt32Array = kept.collect();
            let columns = self.columns.iter().map(|c| compute::take(c, &kept, None));
            let offsets: UInt64Array = kept.values().iter().map(|row| offset(*row)).collect();
            let columns = columns.collect::<Result<_, _>>()?;
            (columns, Offsets::Each(offsets), kept.len())
        };
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let rejects = self.refused.into_iter().map(|(row, reason)| Reject {
            offset: offset(row),
            reason,
        });
        Ok(Decoded {
            rows: RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?,
            weights: None,
            offsets,
            rejects: rejects.collect(),
        })
    }
}

fn rows(chunk: &Chunk) -> Result<&RecordBatch> {
    match &chunk.payload {
        Payload::Rows(rows) => Ok(rows),
        _ => Err(Error::new(ErrorKind::Bug, "a parquet chunk without rows")),
    }
}

impl Decoder for ParquetDecoder {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0)
    }

    fn decode(&self, chunk: &Chunk) -> Result<Decoded> {
        let found = rows(chunk)?;
        let conformed = Conformed::new(found, &self.0)?;
        conformed.finish(&self.0, found.num_rows(), chunk.range.from)
    }

    /// The columns of the row that were read, as JSON: a row of a Parquet file has no bytes of its own.
    fn original(&self, chunk: &Chunk, offset: u64) -> Option<OriginalRecord> {
        let rows = rows(chunk).ok()?;
        let row = usize::try_from(offset.checked_sub(chunk.range.from)?).ok()?;
        let row = (row < rows.num_rows()).then(|| rows.slice(row, 1))?;
        let mut writer = LineDelimitedWriter::new(Vec::new());
        writer.write(&row).and_then(|()| writer.finish()).ok()?;
        let mut text = writer.into_inner();
        text.truncate(text.trim_ascii_end().len());
        Some(OriginalRecord {
            key: None,
            value: Some(Bytes::from(text)),
            headers: Vec::new(),
        })
    }
}
