//! The rows of an epoch as a Parquet file.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use headwater_flow::{Error, ErrorKind, Result};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

/// Appends a whole Parquet file to `out`.
///
/// # Errors
/// `Invalid` if a type has no Parquet form.
pub(in crate::filesystem) fn write(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    out: &mut Vec<u8>,
) -> Result<()> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build();
    let mut writer = ArrowWriter::try_new(out, schema.clone(), Some(properties)).map_err(failed)?;
    for batch in batches {
        writer.write(batch).map_err(failed)?;
    }
    writer.close().map(drop).map_err(failed)
}

fn failed(e: parquet::errors::ParquetError) -> Error {
    Error::new(ErrorKind::Invalid, "cannot write parquet").with_source(e)
}
