//! What is said of how rows become records: the options of Debezium's event router, by its names.

use headwater_log::{Error, ErrorKind, Result};
use regex::Regex;

/// Where a further column of a row goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A header of the record.
    Header,
    /// A member of the value, beside the payload.
    Envelope,
    /// The number of the record's partition.
    Partition,
}

/// A further column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placement {
    /// The column.
    pub(super) column: String,
    /// Where it goes.
    pub(super) place: Place,
    /// What it is called there.
    pub(super) alias: String,
}

/// How rows become records.
#[derive(Debug, Clone)]
pub struct Router {
    /// The columns.
    pub(super) id: String,
    pub(super) key: String,
    pub(super) payload: String,
    pub(super) timestamp: Option<String>,
    pub(super) route_by: String,
    /// Which topics: what of the routing column, and what for.
    pub(super) regex: Regex,
    pub(super) replacement: String,
    /// Whether a row without payload is a tombstone, else an empty value.
    pub(super) tombstones: bool,
    /// Whether a payload that is JSON is JSON in an envelope too, else a string.
    pub(super) expands: bool,
    pub(super) placements: Vec<Placement>,
    /// Whether a row that lacks such a column is wrong.
    pub(super) needs_placements: bool,
}

/// The options and what they are unless said.
const OPTIONS: &[(&str, &str)] = &[
    ("table.field.event.id", "id"),
    ("table.field.event.key", "aggregateid"),
    ("table.field.event.payload", "payload"),
    ("table.field.event.timestamp", ""),
    ("table.fields.additional.placement", ""),
    ("table.fields.additional.error.on.missing", "true"),
    ("table.expand.json.payload", "false"),
    ("route.by.field", "aggregatetype"),
    ("route.topic.regex", "(?<routedByValue>.*)"),
    ("route.topic.replacement", "outbox.event.${routedByValue}"),
    ("route.tombstone.on.empty.payload", "false"),
];

impl Router {
    /// The router that these options make, called as Debezium calls them.
    ///
    /// # Errors
    /// `Invalid` for an option that is unknown, with the nearest one, or that is not understood.
    pub fn new<'a>(given: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let mut values: Vec<&str> = OPTIONS.iter().map(|(_, usual)| *usual).collect();
        for (name, value) in given {
            match OPTIONS.iter().position(|(known, _)| *known == name) {
                Some(at) => values[at] = value,
                None => return Err(unknown(name)),
            }
        }
        let value = |name: &str| {
            let at = OPTIONS.iter().position(|(known, _)| *known == name);
            at.map_or("", |at| values[at])
        };
        let flag = |name: &str| match value(name) {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(invalid(name)),
        };
        let regex = format!("^(?:{})$", value("route.topic.regex"));
        let timestamp = value("table.field.event.timestamp");
        Ok(Self {
            id: value("table.field.event.id").to_owned(),
            key: value("table.field.event.key").to_owned(),
            payload: value("table.field.event.payload").to_owned(),
            timestamp: (!timestamp.is_empty()).then(|| timestamp.to_owned()),
            route_by: value("route.by.field").to_owned(),
            regex: Regex::new(&regex).map_err(|e| invalid("route.topic.regex").with_source(e))?,
            replacement: value("route.topic.replacement").to_owned(),
            tombstones: flag("route.tombstone.on.empty.payload")?,
            expands: flag("table.expand.json.payload")?,
            placements: placements(value("table.fields.additional.placement"))?,
            needs_placements: flag("table.fields.additional.error.on.missing")?,
        })
    }

    /// The columns that a row must have.
    pub(super) fn columns(&self) -> Vec<&str> {
        let mut columns = vec![&self.id, &self.route_by, &self.key, &self.payload];
        columns.extend(&self.timestamp);
        if self.needs_placements {
            columns.extend(self.placements.iter().map(|p| &p.column));
        }
        let mut names: Vec<&str> = columns.into_iter().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Default for Router {
    fn default() -> Self {
        Self::new([]).unwrap_or_else(|e| unreachable!("what is usual is understood: {e}"))
    }
}

/// `column:header:alias,column:envelope,column:partition`.
fn placements(text: &str) -> Result<Vec<Placement>> {
    const NAME: &str = "table.fields.additional.placement";
    let one = |part: &str| {
        let mut parts = part.split(':').map(str::trim);
        let column = parts.next().filter(|c| !c.is_empty())?;
        let place = match parts.next()? {
            "header" => Place::Header,
            "envelope" => Place::Envelope,
            "partition" => Place::Partition,
            _ => return None,
        };
        let alias = parts.next().unwrap_or(column);
        parts.next().is_none().then(|| Placement {
            column: column.to_owned(),
            place,
            alias: alias.to_owned(),
        })
    };
    let parts = text.split(',').filter(|p| !p.trim().is_empty());
    let placements: Option<Vec<_>> = parts.map(|p| one(p.trim())).collect();
    placements.ok_or_else(|| invalid(NAME).with_hint("write column:header:alias,column:envelope"))
}

fn invalid(name: &str) -> Error {
    let text = format!("option '{name}' of the router is not understood");
    Error::new(ErrorKind::Invalid, text)
}

fn unknown(name: &str) -> Error {
    let text = format!("the router has no option '{name}'");
    let names: Vec<&str> = OPTIONS.iter().map(|(name, _)| *name).collect();
    Error::new(ErrorKind::Invalid, text).with_hint(format!("it has {}", names.join(", ")))
}
