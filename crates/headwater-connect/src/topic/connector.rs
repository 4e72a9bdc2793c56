//! Tables without `connector`: topics of the embedded log.

use arrow::datatypes::Field;
use headwater_flow::connector::{
    Connector, OptionSpec, Options, Sink, SinkRequest, Source, SourceRequest,
};
use headwater_flow::{Error, ErrorKind, Result};

use super::config::{OPTIONS, Place, ensure_topic, topic_name};
use super::decoder::TopicDecoder;
use super::metadata::{MetadataKey, OF_VALUE};
use super::sink::{TopicSink, written_keys};
use super::source::TopicSource;
use super::upsert;
use crate::json;

/// Reads and writes topics; makes them when they are first used.
#[derive(Debug, Default)]
pub struct TopicConnector;

impl Connector for TopicConnector {
    fn name(&self) -> &'static str {
        "topic"
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn check_metadata(&self, options: &Options, key: &str, column: &Field) -> Result<()> {
        match key.strip_prefix(OF_VALUE) {
            Some(key) => {
                let format = options.get("value.format").or(options.get("format"));
                json::check_metadata(format.unwrap_or("json"), key, column)
            }
            None => MetadataKey::new(key, column).map(drop),
        }
    }

    fn source(&self, request: SourceRequest) -> Result<Box<dyn Source>> {
        let startup = Place::startup(&request.options)?;
        let bounded = Place::bounded(&request.options)?;
        let topic = topic_name(&request.table, &request.options).to_owned();
        if !request.primary_key.is_empty() {
            check_blanks(&request)?;
        }
        let decoder = TopicDecoder::new(&request, &topic)?;
        ensure_topic(
            &request.log,
            &request.table,
            &request.options,
            &request.primary_key,
        )?;
        let source = TopicSource::open(
            request.log.clone(),
            topic.clone(),
            startup,
            bounded,
            decoder,
        )?;
        // Asked for by queries, which add the rest up; not an option of tables.
        if request.options.flag("scan.newest", false)? && !request.primary_key.is_empty() {
            let decoder = TopicDecoder::new(&request, &topic)?;
            let keys = request.keys.as_ref();
            let keys = keys.map(|keys| written_keys(keys, &request)).transpose()?;
            return Ok(Box::new(source.only_newest(decoder, keys.as_ref())?));
        }
        Ok(Box::new(source))
    }

    fn sink(&self, request: SinkRequest) -> Result<Box<dyn Sink>> {
        let topic = topic_name(&request.table, &request.options);
        ensure_topic(
            &request.log,
            &request.table,
            &request.options,
            &request.primary_key,
        )?;
        Ok(Box::new(TopicSink::new(&request, topic)?))
    }
}

/// A tombstone has no values for columns that are not in the key; those must have something to stand there.
///
/// # Errors
/// `Unsupported` for a column that has nothing to stand there.
pub(crate) fn check_blanks(request: &SourceRequest) -> Result<()> {
    let odd = request.schema.fields().iter().find(|f| {
        let is_key = request.primary_key.iter().any(|k| k == f.name());
        !f.is_nullable() && !is_key && !upsert::is_fillable(f.data_type())
    });
    match odd {
        None => Ok(()),
        Some(field) => {
            let text = format!(
                "column '{}' of a keyed table cannot be NOT NULL",
                field.name()
            );
            Err(Error::new(ErrorKind::Unsupported, text))
        }
    }
}
