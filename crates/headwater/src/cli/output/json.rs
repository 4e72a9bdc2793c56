//! Rows as JSON objects: every column present, decimals exact, times in RFC 3339.

use arrow::array::RecordBatch;
use arrow::json::WriterBuilder;
use arrow::json::writer::LineDelimited;

use crate::cli::exit::{Failure, Outcome};

/// One object a row, without line ends.
pub(super) fn lines(batch: &RecordBatch) -> Outcome<Vec<Vec<u8>>> {
    let builder = WriterBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.build::<_, LineDelimited>(Vec::new());
    let wrong =
        |e: arrow::error::ArrowError| Failure::failed(format!("cannot write rows as JSON: {e}"));
    writer.write(batch).map_err(wrong)?;
    writer.finish().map_err(wrong)?;
    let text = writer.into_inner();
    let lines = text.split(|b| *b == b'\n').filter(|l| !l.is_empty());
    Ok(lines.map(<[u8]>::to_vec).collect())
}
