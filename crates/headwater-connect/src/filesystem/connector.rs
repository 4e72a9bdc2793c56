//! `'connector' = 'filesystem'`.

use headwater_flow::Result;
use headwater_flow::connector::{
    Connector, FormatRequest, OptionSpec, Sink, SinkRequest, Source, SourceRequest,
};

use super::config::{OPTIONS, SourceConfig};
use super::decoder::{FileDecoder, physical};
use super::parquet::{self, ParquetDecoder, ParquetSource};
use super::sink::FileSink;
use super::source::FileSource;

/// Reads and writes files.
#[derive(Debug, Default)]
pub struct FilesystemConnector;

impl Connector for FilesystemConnector {
    fn name(&self) -> &'static str {
        "filesystem"
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn source(&self, request: SourceRequest) -> Result<Box<dyn Source>> {
        let config = SourceConfig::new(&request.options)?;
        if config.format == parquet::NAME {
            let decoder = ParquetDecoder::new(&request)?;
            let source = ParquetSource::open(config.path, config.monitor, decoder)?;
            return Ok(Box::new(source));
        }
        let format = request.registry.format(&config.format)?;
        let values = format.decoder(&FormatRequest {
            schema: physical(&request),
            declared: request.declared.clone(),
            options: request.options.clone(),
        })?;
        let decoder = FileDecoder::new(&request, values.clone())?;
        let source = FileSource::open(config.path, config.monitor, values, decoder)?;
        Ok(Box::new(source))
    }

    fn sink(&self, request: SinkRequest) -> Result<Box<dyn Sink>> {
        Ok(Box::new(FileSink::new(&request)?))
    }
}
