//! What a file says of a capture.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use headwater_cdc::{
    Binary, Debezium, Decimals, Format, Heartbeats, Intervals, Matching, OnLoss, Settings, Times,
    Unsigned, mysql, postgres,
};

use super::filtered::{Beats, Columns, LogicalMessages, patterns};
use crate::cli::exit::{Code, Failure, Outcome};

mod address;

pub(crate) use address::{Address, mysql_table, postgres_address, postgres_table};

/// The capture, and with PostgreSQL its slot, unless said.
const NAME: &str = "headwater";

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    url: String,
    #[serde(default)]
    tables: Vec<String>,
    #[serde(default)]
    tables_matching: Vec<String>,
    #[serde(default)]
    tables_except: Vec<String>,
    #[serde(default)]
    schemas: Vec<String>,
    #[serde(default)]
    databases: Vec<String>,
    name: Option<String>,
    server_id: Option<u32>,
    slot: Option<String>,
    publication: Option<String>,
    create_publication: Option<bool>,
    backfill: Option<bool>,
    backfill_only: Option<bool>,
    #[serde(default)]
    backfill_always: bool,
    #[serde(default)]
    backfill_tables: Vec<String>,
    skip: Option<String>,
    columns: Option<Columns>,
    #[serde(rename = "where")]
    conditions: Option<BTreeMap<String, String>>,
    #[serde(default)]
    backfill_where: BTreeMap<String, String>,
    logical_messages: Option<LogicalMessages>,
    heartbeat: Option<Beats>,
    #[serde(default)]
    on_loss: Loss,
    topic_prefix: Option<String>,
    #[serde(default)]
    format: Form,
    debezium: Option<Events>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Form {
    #[default]
    Rows,
    DebeziumJson,
    MaxwellJson,
    CanalJson,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Events {
    schemas: Option<bool>,
    tombstones: Option<bool>,
    unwrapped: Option<bool>,
    decimals: Option<Numbers>,
    transactions: Option<bool>,
    transaction_topic: Option<String>,
    heartbeat_ms: Option<u64>,
    heartbeat_topic: Option<String>,
    times: Option<EventTimes>,
    intervals: Option<EventIntervals>,
    binary: Option<BytesAs>,
    unsigned: Option<UnsignedNumbers>,
}

#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum EventTimes {
    Adaptive,
    Connect,
    #[serde(rename = "isostring")]
    IsoString,
}

#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum EventIntervals {
    Numeric,
    String,
}

#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum BytesAs {
    Bytes,
    Base64,
    Base64UrlSafe,
    Hex,
}

#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum UnsignedNumbers {
    Long,
    Precise,
}

#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Numbers {
    Precise,
    String,
    Double,
}

impl Events {
    fn of(self, name: &str) -> Debezium {
        let usual = Debezium::new(name);
        let topic = self.transaction_topic.as_deref().unwrap_or("transaction");
        let beats = self
            .heartbeat_topic
            .as_deref()
            .unwrap_or("__debezium-heartbeat");
        let is_told = self.transactions.unwrap_or(false);
        Debezium {
            transactions: is_told.then(|| format!("{name}.{topic}")),
            heartbeats: self.heartbeat_ms.map(|ms| Heartbeats {
                topic: format!("{beats}.{name}"),
                interval: Duration::from_millis(ms),
            }),
            schemas: self.schemas.unwrap_or(usual.schemas),
            tombstones: self.tombstones.unwrap_or(usual.tombstones),
            unwrapped: self.unwrapped.unwrap_or(usual.unwrapped),
            decimals: match self.decimals {
                None => usual.decimals,
                Some(Numbers::Precise) => Decimals::Precise,
                Some(Numbers::String) => Decimals::String,
                Some(Numbers::Double) => Decimals::Double,
            },
            times: match self.times {
                None | Some(EventTimes::Adaptive) => Times::Adaptive,
                Some(EventTimes::Connect) => Times::Connect,
                Some(EventTimes::IsoString) => Times::Iso,
            },
            intervals: match self.intervals {
                None | Some(EventIntervals::Numeric) => Intervals::Numeric,
                Some(EventIntervals::String) => Intervals::String,
            },
            binary: match self.binary {
                None | Some(BytesAs::Bytes) => Binary::Bytes,
                Some(BytesAs::Base64) => Binary::Base64,
                Some(BytesAs::Base64UrlSafe) => Binary::Base64UrlSafe,
                Some(BytesAs::Hex) => Binary::Hex,
            },
            unsigned: match self.unsigned {
                None | Some(UnsignedNumbers::Long) => Unsigned::Long,
                Some(UnsignedNumbers::Precise) => Unsigned::Precise,
            },
            ..usual
        }
    }
}

#[derive(Debug, Default, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Loss {
    #[default]
    Stop,
    Backfill,
}

impl From<Loss> for OnLoss {
    fn from(loss: Loss) -> Self {
        match loss {
            Loss::Stop => Self::Stop,
            Loss::Backfill => Self::Backfill,
        }
    }
}

/// A file of ours, as it is or as the configuration of a connector of Debezium says it.
pub(crate) fn ours(text: &str) -> Outcome<Cow<'_, str>> {
    let translated = headwater_cdc::translated(text).map_err(config)?;
    Ok(translated.map_or(Cow::Borrowed(text), Cow::Owned))
}

/// The settings of a capture.
pub(crate) fn settings(text: &str) -> Outcome<Settings> {
    let file: File = toml::from_str(text).map_err(|e| {
        // The error of the parser shows lines, and one may hold a password.
        wrong(
            format!("the file is not understood: {}", e.message()),
            "see headwater cdc run --help",
        )
    })?;
    match Address::of(&file.url)? {
        Address::PostgreSql(address) => postgres(file, address),
        Address::MySql(address) => mysql(file, address),
    }
}

fn wrong(message: impl Into<String>, hint: &str) -> Failure {
    Failure::new(Code::Config, message).with_hint(hint)
}

fn postgres(mut file: File, address: postgres::Address) -> Outcome<Settings> {
    let prefix = file.topic_prefix.clone();
    let prefix = prefix.unwrap_or_else(|| address.database.clone());
    file.refuse(&[
        (
            "name",
            file.name.is_some(),
            "the capture is called as its slot",
        ),
        (
            "server-id",
            file.server_id.is_some(),
            "readers of PostgreSQL have none",
        ),
        (
            "databases",
            !file.databases.is_empty(),
            "a capture of PostgreSQL is of one: the key 'schemas' names parts of it",
        ),
    ])?;
    let mut settings = postgres::Settings::new(address, file.slot.as_deref().unwrap_or(NAME));
    settings.format = file.format(&prefix)?;
    if let Some(publication) = &file.publication {
        settings.publication.clone_from(publication);
    }
    settings.makes_publication = file.create_publication.unwrap_or(true);
    settings.backfills = file.backfill.unwrap_or(true);
    settings.on_loss = file.on_loss.into();
    settings.ends_when_read = file.backfill_only.unwrap_or(false);
    settings.reads_again = file.backfill_always;
    settings.backfilled = patterns(&file.backfill_tables)?;
    settings.matching = file.matching(&file.schemas, format!("{prefix}."))?;
    let columns = file.columns.unwrap_or_default();
    settings.filters = columns.filters(file.skip.as_deref())?;
    let conditions = file.conditions.unwrap_or_default().into_iter();
    let conditions = conditions.map(|(table, condition)| (postgres_table(&table), condition));
    settings.conditions = conditions.collect();
    let conditions = std::mem::take(&mut file.backfill_where).into_iter();
    let conditions = conditions.map(|(table, condition)| (postgres_table(&table), condition));
    settings.read_conditions = conditions.collect();
    let messages = file.logical_messages.map(LogicalMessages::messages);
    settings.messages = messages.transpose()?;
    settings.heartbeat = file.heartbeat.map(Beats::heartbeat);
    let topic = |t: postgres::TableName| (t.clone(), format!("{prefix}.{t}"));
    let named = file.tables.iter().map(|t| postgres_table(t));
    settings.tables = named.map(topic).collect();
    Ok(settings.into())
}

fn mysql(mut file: File, address: mysql::Address) -> Outcome<Settings> {
    refuse_what_mysql_lacks(&file)?;
    let name = file.name.take().unwrap_or_else(|| NAME.to_owned());
    // Topics of Debezium begin with the name of the server.
    let prefix = match (file.topic_prefix.take(), file.format) {
        (Some(prefix), _) => Some(prefix),
        (None, Form::DebeziumJson) => Some(name.clone()),
        (None, Form::Rows | Form::MaxwellJson | Form::CanalJson) => None,
    };
    let format = file.format(prefix.as_ref().unwrap_or(&name))?;
    let prefix = prefix.map_or_else(String::new, |prefix| format!("{prefix}."));
    let named = file
        .tables
        .iter()
        .map(|t| mysql_table(t, &address.database));
    let named = named.collect::<Outcome<Vec<_>>>()?;
    let of_tables = |conditions: BTreeMap<String, String>| {
        let conditions = conditions.into_iter();
        let of_table = |(table, condition): (String, String)| {
            Ok((mysql_table(&table, &address.database)?, condition))
        };
        conditions.map(of_table).collect::<Outcome<Vec<_>>>()
    };
    let conditions = of_tables(file.conditions.take().unwrap_or_default())?;
    let read_conditions = of_tables(std::mem::take(&mut file.backfill_where))?;
    let mut settings = mysql::Settings::new(address, name);
    (settings.conditions, settings.read_conditions) = (conditions, read_conditions);
    settings.matching = file.matching(&file.databases, prefix.clone())?;
    settings.ends_when_read = file.backfill_only.unwrap_or(false);
    settings.reads_again = file.backfill_always;
    settings.backfilled = patterns(&file.backfill_tables)?;
    let columns = file.columns.unwrap_or_default();
    settings.filters = columns.filters(file.skip.as_deref())?;
    settings.format = format;
    settings.heartbeat = file.heartbeat.take().map(Beats::heartbeat);
    settings.server_id = file.server_id;
    settings.backfills = file.backfill.unwrap_or(true);
    settings.on_loss = file.on_loss.into();
    settings.tables = named
        .into_iter()
        .map(|t| (t.clone(), format!("{prefix}{t}")))
        .collect();
    Ok(settings.into())
}

/// # Errors
/// A key that says nothing about MariaDB and MySQL is there.
fn refuse_what_mysql_lacks(file: &File) -> Outcome {
    let has_none = "MariaDB and MySQL have none";
    file.refuse(&[
        (
            "slot",
            file.slot.is_some(),
            "the key 'name' names a capture of MariaDB or MySQL",
        ),
        ("publication", file.publication.is_some(), has_none),
        (
            "schemas",
            !file.schemas.is_empty(),
            "the key 'databases' names databases of MariaDB or MySQL",
        ),
        (
            "logical-messages",
            file.logical_messages.is_some(),
            has_none,
        ),
        (
            "heartbeat",
            file.heartbeat
                .as_ref()
                .is_some_and(|beats| beats.statement.is_none()),
            "the log of MariaDB and MySQL needs none: it can have a statement",
        ),
        (
            "create-publication",
            file.create_publication.is_some(),
            has_none,
        ),
    ])
}

impl File {
    /// # Errors
    /// A key that says nothing about this kind of server is there.
    fn refuse(&self, keys: &[(&str, bool, &str)]) -> Outcome {
        match keys.iter().find(|(_, is_there, _)| *is_there) {
            None => Ok(()),
            Some((key, _, why)) => Err(wrong(format!("the key '{key}' does not apply"), why)),
        }
    }

    /// Which tables are captured besides those that are named; `None`: no others.
    fn matching(&self, scopes: &[String], topic_prefix: String) -> Outcome<Option<Matching>> {
        let lists = [scopes, &self.tables_matching, &self.tables_except];
        if lists.iter().all(|list| list.is_empty()) {
            return Ok(None);
        }
        Ok(Some(Matching {
            scopes: patterns(scopes)?,
            included: patterns(&self.tables_matching)?,
            excluded: patterns(&self.tables_except)?,
            topic_prefix,
        }))
    }

    fn format(&mut self, name: &str) -> Outcome<Format> {
        match (self.format, self.debezium.take()) {
            (Form::Rows, None) => Ok(Format::Rows),
            (Form::DebeziumJson, events) => {
                Ok(Format::Debezium(events.unwrap_or_default().of(name)))
            }
            (Form::MaxwellJson, None) => Ok(Format::Maxwell),
            (Form::CanalJson, None) => Ok(Format::Canal),
            (_, Some(_)) => Err(wrong(
                "the file has a part 'debezium' but another format",
                "format = \"debezium-json\"",
            )),
        }
    }
}

pub(super) fn config(error: headwater_cdc::Error) -> Failure {
    Failure {
        code: Code::Config,
        ..Failure::from(error)
    }
}

#[cfg(test)]
mod tests;
