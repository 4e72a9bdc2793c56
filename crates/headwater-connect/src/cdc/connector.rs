//! [`CdcConnector`].

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use headwater_cdc::{Capture, Running};
use headwater_flow::connector::{
    Connector, OptionSpec, Options, Sink, SinkRequest, Source, SourceRequest, WAITS,
};
use headwater_flow::{Error, ErrorKind, Result};
use headwater_log::Log;

use super::captures::Captures;
use super::database::{Database, Environment};
use super::source::CdcSource;
use crate::topic::{Place, TopicDecoder, TopicSource, check_blanks};
use crate::{mysql, postgres};

/// Follows tables of a database.
pub struct CdcConnector {
    database: &'static Database,
    environment: Environment,
    captures: Captures,
    /// If the log ends with this process: what tells its captures from those of other logs.
    temporary: Option<String>,
}

impl fmt::Debug for CdcConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CdcConnector")
            .field(&self.database.name)
            .finish()
    }
}

impl CdcConnector {
    /// `postgres-cdc`, which takes the variables that options name from `environment`.
    pub fn postgres(environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::of(&postgres::DATABASE, environment)
    }

    /// `mysql-cdc` for MariaDB and MySQL, which takes the variables that options name from `environment`.
    pub fn mysql(environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::of(&mysql::DATABASE, environment)
    }

    /// Its captures leave nothing behind on servers, for the log that they capture into ends with this process.
    #[must_use]
    pub fn temporary(self) -> Self {
        let own = RandomState::new().hash_one(()) as u32;
        Self {
            temporary: Some(format!("{own:08x}")),
            ..self
        }
    }

    /// Its captures are among `running` while they run.
    #[must_use]
    pub fn told_to(mut self, running: &Running<Capture>) -> Self {
        self.captures.tell(running);
        self
    }

    fn of(
        database: &'static Database,
        environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            database,
            environment: Arc::new(environment),
            captures: Captures::default(),
            temporary: None,
        }
    }
}

impl Connector for CdcConnector {
    fn name(&self) -> &'static str {
        self.database.name
    }

    fn options(&self) -> &'static [OptionSpec] {
        self.database.options
    }

    fn describe(&self, options: &Options) -> Result<Option<(SchemaRef, Vec<String>)>> {
        (self.database.columns)(options, &self.environment).map(Some)
    }

    fn source(&self, request: SourceRequest) -> Result<Box<dyn Source>> {
        if request.primary_key.is_empty() {
            let text = format!("table '{}' has no primary key", request.table);
            return Err(Error::new(ErrorKind::Invalid, text).with_hint(
                "declare that of the database: PRIMARY KEY (…) NOT ENFORCED, or leave all columns out",
            ));
        }
        check_blanks(&request)?;
        let settings = (self.database.settings)(&request.options, &self.environment)?;
        let mut settings = settings.identified_by(request.primary_key.clone());
        if let Some(own) = &self.temporary {
            settings = settings.temporary(own);
        }
        let topic = settings.topics().next().unwrap_or_default().to_owned();
        let decoder = TopicDecoder::new(&request, &topic)?;
        let is_bounded = self.is_bounded(&request.options);
        let name = self.database.capture_option;
        let capture = self.captures.get(&request.log, settings.clone(), name)?;
        let end = is_bounded.then(|| settings.log_end()).transpose()?;
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

    fn forget(&self, log: &Log, options: &Options, others: &[Options]) -> Result<()> {
        let settings = |options: &Options| (self.database.settings)(options, &self.environment);
        let ours = settings(options)?;
        let is_ours = |other: &Options| settings(other).is_ok_and(|s| s.name() == ours.name());
        match others.iter().any(is_ours) {
            true => Ok(()),
            false => self.captures.give_up(log, &ours),
        }
    }
}
