//! `'format' = 'csv'`.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use headwater_flow::connector::{Format, FormatRequest, OptionSpec, ValueDecoder, ValueEncoder};
use headwater_flow::{Error, ErrorKind, Result};

use super::config::OPTIONS;
use super::decoder::CsvDecoder;
use super::encoder::CsvEncoder;

/// The `csv` format.
#[derive(Debug, Default)]
pub struct CsvFormat;

impl Format for CsvFormat {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn decoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueDecoder>> {
        Ok(Arc::new(CsvDecoder::new(request)?))
    }

    fn encoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueEncoder>> {
        Ok(Arc::new(CsvEncoder::new(request)?))
    }

    fn infer(&self, _sample: &[&[u8]]) -> Result<SchemaRef> {
        Err(Error::new(
            ErrorKind::Invalid,
            "the columns of CSV records cannot be told from the records",
        )
        .with_hint("declare the table with CREATE TABLE"))
    }
}
