//! What an envelope says besides rows, as metadata columns.

use arrow::datatypes::{DataType, Field, TimeUnit};
use headwater_flow::plan::type_name;
use headwater_flow::{Error, ErrorKind, Result};

use super::super::fault::{Fault, Parsed};
use super::super::members::{is_null, members};
use super::super::reader::{Reader, Strictness};
use crate::column::{Column, Refusal};

/// Metadata of a format: what it is called, where it lies, what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Metadata {
    /// Its key, without `value.`.
    key: &'static str,
    /// The names of the members that lead to it.
    path: &'static [&'static str],
    kind: Kind,
}

/// What a metadata is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// STRING; what is no string is JSON.
    Text,
    /// ARRAY<STRING>.
    Texts,
    /// MAP<STRING, STRING>.
    TextMap,
    /// MAP<STRING, INT>.
    NumberMap,
    /// TIMESTAMP_LTZ(3), from so many milliseconds.
    Time(i64),
}

const fn of(key: &'static str, path: &'static [&'static str], kind: Kind) -> Metadata {
    Metadata { key, path, kind }
}

/// Of `debezium-json`.
pub(super) const DEBEZIUM: &[Metadata] = &[
    of("ingestion-timestamp", &["ts_ms"], Kind::Time(1)),
    of("source.timestamp", &["source", "ts_ms"], Kind::Time(1)),
    of("source.database", &["source", "db"], Kind::Text),
    of("source.schema", &["source", "schema"], Kind::Text),
    of("source.table", &["source", "table"], Kind::Text),
    of("source.properties", &["source"], Kind::TextMap),
];

/// Of `maxwell-json`.
pub(super) const MAXWELL: &[Metadata] = &[
    of("database", &["database"], Kind::Text),
    of("table", &["table"], Kind::Text),
    of("primary-key-columns", &["primary_key_columns"], Kind::Texts),
    of("ingestion-timestamp", &["ts"], Kind::Time(1_000)),
];

/// Of `canal-json`.
pub(super) const CANAL: &[Metadata] = &[
    of("database", &["database"], Kind::Text),
    of("table", &["table"], Kind::Text),
    of("sql-type", &["sqlType"], Kind::NumberMap),
    of("pk-names", &["pkNames"], Kind::Texts),
    of("ingestion-timestamp", &["ts"], Kind::Time(1)),
    of("event-timestamp", &["es"], Kind::Time(1)),
];

/// Checks a metadata column of a table whose values have `format`.
///
/// # Errors
/// `Invalid` if the format has no such metadata, or of another type.
pub(crate) fn check_metadata(format: &str, key: &str, column: &Field) -> Result<()> {
    let known = match format {
        "debezium-json" => DEBEZIUM,
        "maxwell-json" => MAXWELL,
        "canal-json" => CANAL,
        _ => &[],
    };
    Metadata::find(known, format, key, column).map(drop)
}

impl Metadata {
    /// The one called `key`, for a column.
    ///
    /// # Errors
    /// As [`check_metadata`].
    pub(super) fn find(known: &[Self], format: &str, key: &str, column: &Field) -> Result<Self> {
        let invalid = |text, hint| Err(Error::new(ErrorKind::Invalid, text).with_hint(hint));
        let Some(found) = known.iter().find(|m| m.key == key) else {
            let keys: Vec<&str> = known.iter().map(|m| m.key).collect();
            let hint = match keys.is_empty() {
                true => "it has none".to_owned(),
                false => format!("it has {}", keys.join(", ")),
            };
            return invalid(format!("format '{format}' has no metadata '{key}'"), hint);
        };
        if !found.is_of(column.data_type()) {
            let text = format!(
                "metadata column '{}' cannot have type {}",
                column.name(),
                type_name(column.data_type())
            );
            return invalid(
                text,
                format!("'value.{key}' has type {}", found.type_name()),
            );
        }
        Ok(*found)
    }

    fn is_of(&self, data_type: &DataType) -> bool {
        let is_map_to = |value: &DataType| match data_type {
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(kv) => {
                    kv[0].data_type() == &DataType::Utf8 && kv[1].data_type() == value
                }
                _ => false,
            },
            _ => false,
        };
        match self.kind {
            Kind::Text => data_type == &DataType::Utf8,
            Kind::Texts => {
                matches!(data_type, DataType::List(item) if item.data_type() == &DataType::Utf8)
            }
            Kind::TextMap => is_map_to(&DataType::Utf8),
            Kind::NumberMap => is_map_to(&DataType::Int32),
            Kind::Time(_) => {
                matches!(
                    data_type,
                    DataType::Timestamp(TimeUnit::Millisecond, Some(_))
                )
            }
        }
    }

    fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Text => "STRING",
            Kind::Texts => "ARRAY<STRING>",
            Kind::TextMap => "MAP<STRING, STRING>",
            Kind::NumberMap => "MAP<STRING, INT>",
            Kind::Time(_) => "TIMESTAMP_LTZ(3)",
        }
    }

    /// Puts it into row `row`; what the envelope does not have is null.
    pub(super) fn read(&self, envelope: &[u8], column: &mut Column, row: usize) -> Parsed<()> {
        let mut value = envelope;
        for name in self.path {
            let [place] = members(value, [name])?;
            match place.map(|p| &value[p]) {
                Some(inside) if !is_null(inside) => value = inside,
                _ => {
                    column.align(row);
                    return column.push_null().map_err(Fault::conversion);
                }
            }
        }
        if let Kind::Time(millis) = self.kind {
            let count = std::str::from_utf8(value)
                .ok()
                .and_then(|v| v.parse::<i64>().ok());
            let time = count.and_then(|count| count.checked_mul(millis));
            let time = time.ok_or(Refusal("expected a number"));
            column.align(row);
            let pushed = time.and_then(|time| column.push_i64(time));
            return pushed.map_err(|refusal| Fault::conversion(refusal).within(self.key));
        }
        let mut scratch = Vec::new();
        let mut reader = Reader::new(value, &mut scratch, Strictness::default());
        match reader.field(column, row, 0) {
            Ok(_) => Ok(()),
            Err(fault) => Err(fault.within(self.key)),
        }
    }
}
