//! `parquet` by name: a format of whole files, not of records.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use headwater_flow::connector::{Format, FormatRequest, OptionSpec, ValueDecoder, ValueEncoder};
use headwater_flow::{Error, ErrorKind, Result};

/// The `parquet` format, which the `filesystem` connector alone can use.
#[derive(Debug, Default)]
pub struct ParquetFormat;

fn refusal() -> Error {
    let text = "parquet is a format of files, not of single records";
    Error::new(ErrorKind::Invalid, text).with_hint("use it with 'connector' = 'filesystem'")
}

impl Format for ParquetFormat {
    fn name(&self) -> &'static str {
        super::NAME
    }

    fn options(&self) -> &'static [OptionSpec] {
        &[]
    }

    fn decoder(&self, _request: &FormatRequest) -> Result<Arc<dyn ValueDecoder>> {
        Err(refusal())
    }

    fn encoder(&self, _request: &FormatRequest) -> Result<Arc<dyn ValueEncoder>> {
        Err(refusal())
    }

    fn infer(&self, _sample: &[&[u8]]) -> Result<SchemaRef> {
        Err(refusal())
    }
}
