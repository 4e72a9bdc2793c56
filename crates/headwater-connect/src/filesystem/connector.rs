//! `'connector' = 'filesystem'`.

use std::sync::Arc;

use arrow::datatypes::Field;
use headwater_flow::Result;
use headwater_flow::connector::{
    Connector, Decoder, FormatRequest, OptionSpec, Options, Sink, SinkRequest, Source,
    SourceRequest,
};

use super::config::{OPTIONS, SourceConfig};
use super::decoder::{FileColumn, FileDecoder, FileNames, physical};
use super::framed::{FramedFile, Framing};
use super::parquet::{self, ParquetDecoder, ParquetFile};
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

    fn is_bounded(&self, options: &Options) -> bool {
        options.get("source.monitor-interval").is_none()
    }

    fn check_metadata(&self, options: &Options, key: &str, column: &Field) -> Result<()> {
        match options.get("format") == Some(parquet::NAME) {
            true => Err(parquet::no_metadata(key)),
            false => FileColumn::of_metadata(key, column).map(drop),
        }
    }

    fn source(&self, request: SourceRequest) -> Result<Box<dyn Source>> {
        let SourceConfig {
            path,
            format,
            monitor,
        } = SourceConfig::new(&request.options)?;
        let clock = Arc::clone(&request.clock);
        if format == parquet::NAME {
            let decoder = Arc::new(ParquetDecoder::new(&request)?);
            let reading = Arc::clone(&request.schema);
            let decodes = (decoder as Arc<dyn Decoder>, FileNames::default());
            let source = FileSource::<ParquetFile>::open(path, monitor, clock, reading, decodes)?;
            return Ok(Box::new(source.recorded(request.is_recorded)));
        }
        let format = request.registry.format(&format)?;
        let values = format.decoder(&FormatRequest {
            schema: physical(&request),
            metadata: Vec::new(),
            is_keyed: !request.primary_key.is_empty(),
            declared: request.declared.clone(),
            options: request.options.clone(),
        })?;
        let decoder = FileDecoder::new(&request, values.clone())?;
        let names = decoder.names();
        let decodes = (Arc::new(decoder) as Arc<dyn Decoder>, names);
        let framing = Framing::new(values);
        let source = FileSource::<FramedFile>::open(path, monitor, clock, framing, decodes)?;
        Ok(Box::new(source.recorded(request.is_recorded)))
    }

    fn sink(&self, request: SinkRequest) -> Result<Box<dyn Sink>> {
        Ok(Box::new(FileSink::new(&request)?))
    }
}
