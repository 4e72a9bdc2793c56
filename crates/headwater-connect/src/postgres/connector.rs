//! [`PostgresCdcConnector`].

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use headwater_flow::connector::{
    Connector, OptionSpec, Options, Sink, SinkRequest, Source, SourceRequest, WAITS,
};
use headwater_flow::{Error, ErrorKind, Result};

use super::captures::Captures;
use super::columns;
use super::config::{Environment, OPTIONS, settings};
use super::source::CdcSource;
use crate::topic::{Place, TopicDecoder, TopicSource, check_blanks};

/// Follows tables of PostgreSQL.
pub struct PostgresCdcConnector {
    environment: Environment,
    captures: Captures,
}

impl fmt::Debug for PostgresCdcConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresCdcConnector")
            .finish_non_exhaustive()
    }
}

impl PostgresCdcConnector {
    /// A connector that takes the variables that options name from `environment`.
    pub fn new(environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self {
            environment: Arc::new(environment),
            captures: Captures::default(),
        }
    }
}

impl Connector for PostgresCdcConnector {
    fn name(&self) -> &'static str {
        "postgres-cdc"
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn describe(&self, options: &Options) -> Result<Option<(SchemaRef, Vec<String>)>> {
        columns::of(&settings(options, &self.environment)?).map(Some)
    }

    fn source(&self, request: SourceRequest) -> Result<Box<dyn Source>> {
        if request.primary_key.is_empty() {
            let text = format!("table '{}' has no primary key", request.table);
            return Err(Error::new(ErrorKind::Invalid, text).with_hint(
                "declare that of the database: PRIMARY KEY (…) NOT ENFORCED, or leave all columns out",
            ));
        }
        check_blanks(&request)?;
        let settings = settings(&request.options, &self.environment)?;
        let topic = settings.tables[0].1.clone();
        let decoder = TopicDecoder::new(&request, &topic)?;
        let is_bounded = self.is_bounded(&request.options);
        let address = settings.address.clone();
        let capture = self.captures.get(&request.log, settings)?;
        let end = is_bounded.then(|| address.log_end()).transpose()?;
        if let Some(end) = &end
            && request.options.flag(WAITS, false)?
        {
            capture.wait_until(end)?;
        }
        let source = TopicSource::open(request.log, topic, Place::Earliest, None, decoder)?;
        Ok(Box::new(CdcSource::new(source, capture, end)))
    }

    fn sink(&self, request: SinkRequest) -> Result<Box<dyn Sink>> {
        let text = format!(
            "table '{}' is one of a database and cannot be written",
            request.table
        );
        Err(Error::new(ErrorKind::Unsupported, text))
    }
}
