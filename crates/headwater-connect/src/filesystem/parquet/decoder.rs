//! The decoder of Parquet files: the reader has decoded the rows already.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use headwater_flow::connector::{
    Chunk, Decoded, Decoder, Offsets, OriginalRecord, Payload, SourceRequest,
};
use headwater_flow::{Error, ErrorKind, Result};

/// Hands on the rows that the source has read.
pub(in crate::filesystem) struct ParquetDecoder(SchemaRef);

impl ParquetDecoder {
    /// For the columns of a request.
    ///
    /// # Errors
    /// `Invalid` if there are metadata columns.
    pub(in crate::filesystem) fn new(request: &SourceRequest) -> Result<Self> {
        if let Some(key) = request.metadata.iter().flatten().next() {
            let text = format!("parquet files have no metadata '{key}'");
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        Ok(Self(Arc::clone(&request.schema)))
    }
}

impl Decoder for ParquetDecoder {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0)
    }

    fn decode(&self, chunk: &Chunk) -> Result<Decoded> {
        let Payload::Rows(rows) = &chunk.payload else {
            return Err(Error::new(ErrorKind::Bug, "a parquet chunk without rows"));
        };
        Ok(Decoded {
            rows: rows.clone(),
            weights: None,
            offsets: Offsets::From(chunk.range.from),
            rejects: Vec::new(),
        })
    }

    fn original(&self, _chunk: &Chunk, _offset: u64) -> Option<OriginalRecord> {
        None
    }
}
