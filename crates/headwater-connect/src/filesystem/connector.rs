//! `'connector' = 'filesystem'`.

use headwater_flow::connector::{
    Connector, FormatRequest, OptionSpec, Sink, SinkRequest, Source, SourceRequest,
};
use headwater_flow::{Error, ErrorKind, Result};

use super::config::{OPTIONS, SourceConfig};
use super::decoder::{FileDecoder, physical};
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
        let text = format!("table '{}' cannot be written yet", request.table);
        Err(Error::new(ErrorKind::Unsupported, text))
    }
}
