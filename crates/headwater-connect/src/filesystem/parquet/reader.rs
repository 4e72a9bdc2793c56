//! One Parquet file: what it holds, and its rows by number.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute;
use arrow::datatypes::{Field, Schema, SchemaRef};
use headwater_flow::{Error, ErrorKind, Result};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::errors::ParquetError;

use super::super::listing;

/// A Parquet file.
pub(super) struct ParquetFile {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    rows: u64,
    /// The reader that reads on, and the row that it reads next.
    reading: Option<(u64, ParquetRecordBatchReader)>,
}

impl ParquetFile {
    /// Reads the footer of a file.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`, or `Corrupt` if it is no Parquet file.
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        let file = File::open(&path).map_err(|e| listing::failed(&path, e))?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
            .map_err(|e| damaged(&path, e))?;
        let rows = metadata.metadata().file_metadata().num_rows().max(0) as u64;
        Ok(Self {
            path,
            metadata,
            rows,
            reading: None,
        })
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How many rows it has.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// At most `count` rows from row `from` on, with the columns of `schema`; fewer only at the end of a batch.
    ///
    /// # Errors
    /// `Corrupt` if the file is damaged, `Invalid` if a column does not fit.
    pub(super) fn read(
        &mut self,
        from: u64,
        count: usize,
        schema: &SchemaRef,
    ) -> Result<Option<RecordBatch>> {
        if from >= self.rows {
            return Ok(None);
        }
        let mut reader = match self.reading.take() {
            Some((next, reader)) if next == from => reader,
            _ => self.reader(from, count, schema)?,
        };
        let batch = match reader.next() {
            Some(Ok(batch)) => batch,
            Some(Err(e)) => return Err(damaged(&self.path, e.into())),
            None => return Ok(None),
        };
        self.reading = Some((from + batch.num_rows() as u64, reader));
        let slice = batch.slice(0, batch.num_rows().min(count));
        if slice.num_rows() < batch.num_rows() {
            self.reading = None;
        }
        conform(&slice, schema).map(Some)
    }

    fn reader(
        &self,
        from: u64,
        count: usize,
        schema: &SchemaRef,
    ) -> Result<ParquetRecordBatchReader> {
        let file = File::open(&self.path).map_err(|e| listing::failed(&self.path, e))?;
        let whole = self.metadata.schema().fields();
        let wanted = whole.iter().enumerate();
        let wanted = wanted.filter(|(_, f)| schema.field_with_name(f.name()).is_ok());
        let roots: Vec<usize> = wanted.map(|(i, _)| i).collect();
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), roots);
        let (skip, select) = (from as usize, (self.rows - from) as usize);
        let selection =
            RowSelection::from(vec![RowSelector::skip(skip), RowSelector::select(select)]);
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let builder = builder
            .with_projection(mask)
            .with_batch_size(count)
            .with_row_selection(selection);
        builder.build().map_err(|e| damaged(&self.path, e))
    }
}

fn damaged(path: &Path, e: ParquetError) -> Error {
    let text = format!("'{}' is no sound parquet file", path.display());
    Error::new(ErrorKind::Corrupt, text).with_source(e)
}

/// The rows as the table declares them: columns in its order and types, missing ones null.
fn conform(rows: &RecordBatch, schema: &Schema) -> Result<RecordBatch> {
    let column = |field: &Arc<Field>| -> Result<ArrayRef> {
        let Some(found) = rows.column_by_name(field.name()) else {
            return Ok(new_null_array(field.data_type(), rows.num_rows()));
        };
        if found.data_type() == field.data_type() {
            return Ok(Arc::clone(found));
        }
        Ok(compute::cast(found, field.data_type())?)
    };
    let columns = schema.fields().iter().map(column).collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(schema.clone()), columns, &options).map_err(|e| {
        Error::new(ErrorKind::Invalid, "parquet columns do not fit the table's").with_source(e)
    })
}
