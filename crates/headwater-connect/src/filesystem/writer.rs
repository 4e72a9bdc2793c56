//! The rows of an epoch as the bytes of a file.

use std::io::Write;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use flate2::write::GzEncoder;
use headwater_flow::connector::{FormatRequest, SinkRequest, ValueEncoder, is_changelog};
use headwater_flow::{Error, ErrorKind, Result, ZBatch};

use super::config::Compression;
use super::parquet;
use crate::csv;
use crate::netted::{encoded, netted};

/// How rows become the bytes of a file.
pub(super) enum FileWriter {
    /// Records, one a line.
    Lines {
        /// Encodes a record.
        encoder: Arc<dyn ValueEncoder>,
        /// What a file begins with.
        header: Vec<u8>,
        /// Whether records say that rows go, too.
        is_changelog: bool,
    },
    /// A whole Parquet file an epoch.
    Parquet(SchemaRef),
}

impl FileWriter {
    /// The writer of a table's format.
    ///
    /// # Errors
    /// `NotFound` for an unknown format, `Unsupported` for types that it cannot carry.
    pub(super) fn new(request: &SinkRequest) -> Result<Self> {
        let name = request.options.require("format")?;
        if name == parquet::NAME {
            return Ok(Self::Parquet(Arc::clone(&request.schema)));
        }
        let format = request.registry.format(name)?;
        let header = match name {
            "csv" => csv::header(&request.schema, &request.options)?.unwrap_or_default(),
            _ => Vec::new(),
        };
        Ok(Self::Lines {
            encoder: format.encoder(&FormatRequest {
                schema: Arc::clone(&request.schema),
                metadata: Vec::new(),
                is_keyed: false,
                declared: Arc::clone(&request.schema),
                options: request.options.clone(),
            })?,
            header,
            is_changelog: is_changelog(&request.options),
        })
    }

    /// What a file begins with.
    pub(super) fn header(&self) -> &[u8] {
        match self {
            Self::Lines { header, .. } => header,
            Self::Parquet(_) => &[],
        }
    }

    /// Whether what comes later can be put behind what is there.
    pub(super) fn can_append(&self) -> bool {
        matches!(self, Self::Lines { .. })
    }

    /// The bytes of `rows`; none if there is no row.
    ///
    /// # Errors
    /// `Invalid` for a row that is taken back, unless records can say so.
    pub(super) fn encode(&self, table: &str, rows: &[ZBatch]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut whole: Vec<RecordBatch> = Vec::new();
        if let Self::Lines {
            encoder,
            is_changelog: true,
            ..
        } = self
        {
            for batch in netted(rows, |same| encoded(encoder.as_ref(), same))? {
                lines(encoder.as_ref(), &batch, &mut out)?;
            }
            return Ok(out);
        }
        for batch in rows {
            check_weights(table, batch)?;
            match self {
                Self::Parquet(_) => whole.push(repeated(batch)?),
                Self::Lines { encoder, .. } => lines(encoder.as_ref(), batch, &mut out)?,
            }
        }
        if let Self::Parquet(schema) = self
            && whole.iter().any(|b| b.num_rows() > 0)
        {
            parquet::write(schema, &whole, &mut out)?;
        }
        Ok(out)
    }
}

fn lines(encoder: &dyn ValueEncoder, batch: &ZBatch, out: &mut Vec<u8>) -> Result<()> {
    let (mut text, mut ends) = (Vec::new(), Vec::new());
    encoder.encode(batch, &mut text, &mut ends)?;
    let mut start = 0;
    for (row, end) in ends.into_iter().enumerate() {
        for _ in 0..batch.weight(row).unsigned_abs() {
            out.extend_from_slice(&text[start..end]);
            out.push(b'\n');
        }
        start = end;
    }
    Ok(())
}

/// Rows with a weight above one, as often as that.
fn repeated(batch: &ZBatch) -> Result<RecordBatch> {
    if (0..batch.num_rows()).all(|row| batch.weight(row) == 1) {
        return Ok(batch.rows().clone());
    }
    let times = |row: usize| std::iter::repeat_n(row as u32, batch.weight(row).max(0) as usize);
    let rows = (0..batch.num_rows()).flat_map(times).collect();
    Ok(batch.take(&rows)?.rows().clone())
}

fn check_weights(table: &str, batch: &ZBatch) -> Result<()> {
    if (0..batch.num_rows()).all(|row| batch.weight(row) >= 0) {
        return Ok(());
    }
    let text =
        format!("the query changes rows that it has written, but files of table '{table}' cannot");
    Err(Error::new(ErrorKind::Invalid, text).with_hint(
        "write in format 'debezium-json', aggregate over windows, which emit once, or write to a topic with a primary key",
    ))
}

/// `bytes`, compressed.
///
/// # Errors
/// `Bug`: memory takes every byte.
pub(super) fn compress(bytes: Vec<u8>, compression: Compression) -> Result<Vec<u8>> {
    let packed = match compression {
        Compression::None => Ok(bytes),
        Compression::Zstd => zstd::encode_all(bytes.as_slice(), 0),
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(&bytes).and_then(|()| encoder.finish())
        }
    };
    packed.map_err(|e| Error::new(ErrorKind::Bug, "cannot compress").with_source(e))
}
