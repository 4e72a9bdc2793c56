//! The connectors and formats of a process, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, SchemaRef};
use headwater_log::{Clock, Log};

use super::format::Format;
use super::options::{OptionSpec, Options, nearest};
use super::sink::Sink;
use super::source::Source;
use crate::error::{Error, ErrorKind, Result};

/// Asked for by queries, not an option of tables: a bounded source is opened when all that is in it can be read.
pub const WAITS: &str = "scan.waits";

/// What a source is made for.
#[derive(Clone)]
pub struct SourceRequest {
    /// Name of the table.
    pub table: String,
    /// The columns to produce, in order: physical ones (nested fields pruned to what is used) and metadata ones.
    pub schema: SchemaRef,
    /// All physical columns of the table in declared order, unpruned: formats without names find columns by their
    /// places.
    pub declared: SchemaRef,
    /// For each column of `schema` the metadata key that it is read from, `None` for a physical one.
    pub metadata: Vec<Option<String>>,
    /// Names of the primary-key columns.
    pub primary_key: Vec<String>,
    /// Rows of the primary-key columns: records of other keys are not wanted, and may be left out by a connector that
    /// finds these faster. Without, all are.
    pub keys: Option<RecordBatch>,
    /// The table's options.
    pub options: Options,
    /// Whether what is read is recorded, so that a later process may read it again; if not, nobody looks at
    /// [digests](super::Range::digest) and [seals](super::Source::seal).
    pub is_recorded: bool,
    /// The log of the process.
    pub log: Log,
    /// The clock of the process.
    pub clock: Arc<dyn Clock>,
    /// The formats that connectors may use.
    pub registry: Registry,
}

/// What a sink is made for.
#[derive(Clone)]
pub struct SinkRequest {
    /// Name of the table.
    pub table: String,
    /// The columns of the rows that will be written.
    pub schema: SchemaRef,
    /// For each column of `schema` the metadata key that it is written to, `None` for a physical one.
    pub metadata: Vec<Option<String>>,
    /// Names of the primary-key columns.
    pub primary_key: Vec<String>,
    /// The columns that identify a row of what the query gives, if it changes rows by them.
    pub row_key: Option<Vec<usize>>,
    /// The table's options.
    pub options: Options,
    /// The log of the process.
    pub log: Log,
    /// The clock of the process.
    pub clock: Arc<dyn Clock>,
    /// The formats that connectors may use.
    pub registry: Registry,
}

/// A kind of external system: what `'connector' = '…'` names.
pub trait Connector: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// The options that it reads (those of formats are declared by the formats).
    fn options(&self) -> &'static [OptionSpec];

    /// Whether what is read with these options ends by nature or is cut off, so that a pipeline over it ends by itself.
    fn is_bounded(&self, options: &Options) -> bool {
        options
            .get("scan.bounded.mode")
            .is_some_and(|mode| mode != "unbounded")
    }

    /// The columns and the primary key of a table that is defined without; `None`: they must be declared.
    ///
    /// # Errors
    /// `Invalid` for wrong options; `NotFound`, `Unavailable`.
    fn describe(&self, _options: &Options) -> Result<Option<(SchemaRef, Vec<String>)>> {
        Ok(None)
    }

    /// Checks a metadata column of a table: whether its key is one that can be read, and fits the column's type.
    ///
    /// # Errors
    /// `Invalid` if not.
    fn check_metadata(&self, _options: &Options, key: &str, _column: &Field) -> Result<()> {
        let text = format!("connector '{}' has no metadata '{key}'", self.name());
        Err(Error::new(ErrorKind::Invalid, text).with_hint("it has none"))
    }

    /// Opens a source.
    ///
    /// # Errors
    /// `Unsupported` if the connector cannot be read; `Invalid` for wrong options; `NotFound`.
    fn source(&self, request: SourceRequest) -> Result<Box<dyn Source>>;

    /// Opens a sink.
    ///
    /// # Errors
    /// `Unsupported` if the connector cannot be written; `Invalid` for wrong options.
    fn sink(&self, request: SinkRequest) -> Result<Box<dyn Sink>>;

    /// A table is no more: what is kept elsewhere for it alone goes too. `others` are the options of the connector's other tables.
    ///
    /// # Errors
    /// `Unavailable` if it stays, `Conflict` if the table is still being read.
    fn forget(&self, _log: &Log, _options: &Options, _others: &[Options]) -> Result<()> {
        Ok(())
    }
}

/// Connectors and formats by name. Cheap to clone.
#[derive(Clone, Default)]
pub struct Registry {
    connectors: BTreeMap<&'static str, Arc<dyn Connector>>,
    formats: BTreeMap<&'static str, Arc<dyn Format>>,
}

impl Registry {
    /// Adds a connector.
    pub fn register(&mut self, connector: Arc<dyn Connector>) {
        self.connectors.insert(connector.name(), connector);
    }

    /// Adds a format.
    pub fn register_format(&mut self, format: Arc<dyn Format>) {
        self.formats.insert(format.name(), format);
    }

    /// The connector called `name`.
    ///
    /// # Errors
    /// `NotFound`, with the nearest known name as hint.
    pub fn connector(&self, name: &str) -> Result<&Arc<dyn Connector>> {
        self.connectors
            .get(name)
            .ok_or_else(|| unknown("connector", name, self.connectors.keys()))
    }

    /// The format called `name`.
    ///
    /// # Errors
    /// `NotFound`, with the nearest known name as hint.
    pub fn format(&self, name: &str) -> Result<&Arc<dyn Format>> {
        self.formats
            .get(name)
            .ok_or_else(|| unknown("format", name, self.formats.keys()))
    }

    /// All connectors, by name.
    pub fn connectors(&self) -> impl Iterator<Item = &Arc<dyn Connector>> {
        self.connectors.values()
    }

    /// All formats, by name.
    pub fn formats(&self) -> impl Iterator<Item = &Arc<dyn Format>> {
        self.formats.values()
    }
}

fn unknown<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a &'static str>) -> Error {
    let error = Error::new(ErrorKind::NotFound, format!("unknown {kind} '{name}'"));
    let known: Vec<&str> = known.copied().collect();
    match nearest(name, known.iter().copied()) {
        Some(near) => error.with_hint(format!("did you mean '{near}'?")),
        None => error.with_hint(format!("there are {}", known.join(", "))),
    }
}
