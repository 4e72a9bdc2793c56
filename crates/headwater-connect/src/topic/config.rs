//! The options of a table over a topic.

use std::collections::BTreeMap;

use arrow::datatypes::{Schema, SchemaRef};
use headwater_flow::connector::{OptionKind, OptionSpec, Options, is_changelog};
use headwater_flow::{Error, ErrorKind, Result};
use headwater_log::{Log, Offset, TopicConfig, TopicPartition};

pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "topic",
        OptionKind::Text,
        "Name of the topic (default: the table's name).",
    ),
    OptionSpec::new(
        "format",
        OptionKind::Text,
        "Format of the value; the same as value.format (default json).",
    ),
    OptionSpec::new("value.format", OptionKind::Text, "Format of the value."),
    OptionSpec::new(
        "key.format",
        OptionKind::Text,
        "Format of the key (default: that of the value).",
    ),
    OptionSpec::new(
        "key.fields",
        OptionKind::Text,
        "Columns that make up the key, separated by ';' (default: the primary key).",
    ),
    OptionSpec::new(
        "key.fields-prefix",
        OptionKind::Text,
        "A prefix that key columns have in the table and not in the key.",
    ),
    OptionSpec::new(
        "value.fields-include",
        OptionKind::OneOf(&["ALL", "EXCEPT_KEY"]),
        "ALL (default), or EXCEPT_KEY: the value leaves the key's columns out.",
    ),
    OptionSpec::new(
        "partitions",
        OptionKind::Count,
        "Number of partitions of a topic that is made for the table (default 1).",
    ),
    OptionSpec::new(
        "key.index",
        OptionKind::Flag,
        "Whether a topic that is made for a view has an index of its keys, by which a query that names keys finds their records (default false).",
    ),
    OptionSpec::new(
        "scan.startup.mode",
        OptionKind::OneOf(&[
            "earliest-offset",
            "latest-offset",
            "group-offsets",
            "timestamp",
            "specific-offsets",
        ]),
        "earliest-offset (default), latest-offset, timestamp or specific-offsets.",
    ),
    OptionSpec::new(
        "scan.startup.timestamp-millis",
        OptionKind::Number,
        "Where mode timestamp starts.",
    ),
    OptionSpec::new(
        "scan.startup.specific-offsets",
        OptionKind::Text,
        "Where mode specific-offsets starts: partition:0,offset:42;partition:1,offset:300.",
    ),
    OptionSpec::new(
        "scan.bounded.mode",
        OptionKind::OneOf(&[
            "unbounded",
            "latest-offset",
            "timestamp",
            "specific-offsets",
        ]),
        "unbounded (default), latest-offset, timestamp or specific-offsets.",
    ),
    OptionSpec::new(
        "scan.bounded.timestamp-millis",
        OptionKind::Number,
        "Where mode timestamp stops.",
    ),
    OptionSpec::new(
        "scan.bounded.specific-offsets",
        OptionKind::Text,
        "Where mode specific-offsets stops.",
    ),
    OptionSpec::new(
        "sink.partitioner",
        OptionKind::OneOf(&["default", "round-robin", "fixed"]),
        "default: by key, else a partition an epoch; round-robin: a partition a row; fixed: partition 0.",
    ),
];

/// A place in a topic that options name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Where each partition begins.
    Earliest,
    /// Where each partition ends now.
    Latest,
    /// At the first record that is not older (milliseconds).
    Timestamp(i64),
    /// At these offsets.
    Offsets(BTreeMap<u32, u64>),
}

impl Place {
    /// Where reading starts.
    ///
    /// # Errors
    /// `Invalid` for a wrong option.
    pub(super) fn startup(options: &Options) -> Result<Self> {
        let mode = options.get_or("scan.startup.mode", "earliest-offset");
        match mode {
            // Kafka's group offsets are what an epoch has recorded; a new pipeline has none.
            "earliest-offset" | "group-offsets" => Ok(Self::Earliest),
            _ => Self::parse(options, "scan.startup", mode),
        }
    }

    /// Where reading stops; `None`: never.
    ///
    /// # Errors
    /// `Invalid` for a wrong option.
    pub(super) fn bounded(options: &Options) -> Result<Option<Self>> {
        match options.get_or("scan.bounded.mode", "unbounded") {
            "unbounded" => Ok(None),
            mode => Self::parse(options, "scan.bounded", mode).map(Some),
        }
    }

    fn parse(options: &Options, prefix: &str, mode: &str) -> Result<Self> {
        match mode {
            "latest-offset" => Ok(Self::Latest),
            "timestamp" => {
                let name = format!("{prefix}.timestamp-millis");
                options.require(&name)?;
                Ok(Self::Timestamp(options.parse(&name)?.unwrap_or(0)))
            }
            "specific-offsets" => {
                let name = format!("{prefix}.specific-offsets");
                offsets(&name, options.require(&name)?).map(Self::Offsets)
            }
            other => Err(invalid(format!(
                "option '{prefix}.mode' does not understand '{other}'"
            ))),
        }
    }

    /// The offset in a partition.
    ///
    /// # Errors
    /// `NotFound` if the topic is gone.
    pub(super) fn resolve(&self, log: &Log, of: &TopicPartition) -> Result<u64> {
        let bounds = log.bounds(of)?;
        let Offset(offset) = match self {
            Self::Earliest => bounds.start,
            Self::Latest => bounds.end,
            Self::Timestamp(time) => log.offset_at(of, headwater_log::Timestamp(*time))?,
            Self::Offsets(offsets) => match offsets.get(&of.partition) {
                Some(offset) => Offset(*offset),
                None => bounds.start,
            },
        };
        Ok(offset)
    }
}

fn offsets(name: &str, text: &str) -> Result<BTreeMap<u32, u64>> {
    let entry = |entry: &str| {
        let (partition, offset) = entry.split_once(',')?;
        let partition = partition.trim().strip_prefix("partition:")?;
        let offset = offset.trim().strip_prefix("offset:")?;
        Some((partition.trim().parse().ok()?, offset.trim().parse().ok()?))
    };
    let entries = text.split(';').filter(|e| !e.trim().is_empty());
    entries.map(entry).collect::<Option<_>>().ok_or_else(|| {
        invalid(format!("option '{name}' does not understand '{text}'"))
            .with_hint("write partition:0,offset:42;partition:1,offset:300")
    })
}

/// How keys and values of a table's records are made up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// Format of the value.
    pub(super) value_format: String,
    /// Format of the key.
    pub(super) key_format: String,
    /// The key's columns, by their names in the table.
    pub(super) key_fields: Vec<String>,
    /// A prefix of these names that the key leaves out.
    pub(super) key_prefix: String,
    /// Whether the key's columns are in the value too.
    pub(super) value_has_key: bool,
}

impl Layout {
    /// Reads the options of a table with this primary key.
    ///
    /// # Errors
    /// `Invalid` for a wrong option.
    pub(super) fn new(options: &Options, primary_key: &[String]) -> Result<Self> {
        let value_format = options.get("value.format").or(options.get("format"));
        let value_format = value_format.unwrap_or("json").to_owned();
        let key_fields = match options.get("key.fields") {
            Some(names) => names
                .split(';')
                .map(|n| n.trim().to_owned())
                .filter(|n| !n.is_empty())
                .collect(),
            None => primary_key.to_vec(),
        };
        let value_has_key = match options.get_or("value.fields-include", "ALL") {
            "ALL" => true,
            "EXCEPT_KEY" => false,
            other => {
                return Err(invalid(format!(
                    "option 'value.fields-include' does not understand '{other}'"
                ))
                .with_hint("write ALL or EXCEPT_KEY"));
            }
        };
        let key_prefix = options.get_or("key.fields-prefix", "").to_owned();
        if value_has_key && !key_prefix.is_empty() {
            let text = "option 'key.fields-prefix' needs 'value.fields-include' = 'EXCEPT_KEY'";
            return Err(invalid(text.to_owned()));
        }
        Ok(Self {
            key_format: options.get_or("key.format", &value_format).to_owned(),
            value_format,
            key_fields,
            key_prefix,
            value_has_key,
        })
    }

    /// Whether a column is part of the key.
    pub(super) fn is_key(&self, column: &str) -> bool {
        self.key_fields.iter().any(|k| k == column)
    }

    /// The schema of the key: the key's columns among `schema`, in the order of the key, as the key names them.
    pub(super) fn key_schema(&self, schema: &Schema) -> SchemaRef {
        let found = self.key_fields.iter().filter_map(|name| {
            let field = schema.field_with_name(name).ok()?;
            let inside = name.strip_prefix(&self.key_prefix).unwrap_or(name);
            Some(field.clone().with_name(inside))
        });
        std::sync::Arc::new(Schema::new(found.collect::<Vec<_>>()))
    }
}

impl Layout {
    /// The schema of the value: `schema` without the key's columns, if the value leaves them out.
    pub(super) fn value_schema(&self, schema: &SchemaRef) -> SchemaRef {
        if self.value_has_key {
            return std::sync::Arc::clone(schema);
        }
        let fields = schema.fields().iter().filter(|f| !self.is_key(f.name()));
        std::sync::Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()))
    }
}

/// Size of the segments of compacted topics. What is in the open one is not compacted yet, and a query of a small view
/// reads all of it.
const COMPACTED_SEGMENT_BYTES: u64 = 16 << 20;

/// The topic behind a table.
pub fn topic_name<'a>(table: &'a str, options: &'a Options) -> &'a str {
    options.get_or("topic", table)
}

/// Makes the topic of a table if it is not there: with its `partitions`, compacted if the table has a primary key and its
/// records are rows.
///
/// # Errors
/// `Invalid` for a name or number that topics cannot have.
pub fn ensure_topic(
    log: &Log,
    table: &str,
    options: &Options,
    primary_key: &[String],
) -> Result<()> {
    let name = topic_name(table, options);
    if log.topic(name).is_some() {
        return Ok(());
    }
    let mut config = TopicConfig {
        partitions: options.parse("partitions")?.unwrap_or(1),
        key_index: options.flag("key.index", false)?,
        ..TopicConfig::default()
    };
    // Of events that say how a row changed none stands for those before it.
    if !primary_key.is_empty() && !is_changelog(options) {
        config.cleanup.compact = true;
        config.segment_bytes = COMPACTED_SEGMENT_BYTES;
    }
    match log.create_topic(name, config) {
        Err(e) if e.kind() == headwater_log::ErrorKind::Conflict => Ok(()),
        other => Ok(other?),
    }
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::Invalid, text)
}
