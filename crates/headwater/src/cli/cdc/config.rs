//! What a file says of a capture.

use std::borrow::Cow;
use std::collections::BTreeMap;

use headwater_cdc::{Debezium, Decimals, Format, OnLoss, Settings, filled, mysql, postgres};

use super::filtered::{Beats, Columns, LogicalMessages, conditions, patterns};
use crate::cli::exit::{Code, Failure, Outcome};

const NOT_THERE: &str = "only captures of PostgreSQL have it";

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
    name: Option<String>,
    server_id: Option<u32>,
    slot: Option<String>,
    publication: Option<String>,
    create_publication: Option<bool>,
    backfill: Option<bool>,
    backfill_only: Option<bool>,
    skip: Option<String>,
    columns: Option<Columns>,
    #[serde(rename = "where")]
    conditions: Option<BTreeMap<String, String>>,
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

#[derive(Debug, Default, Clone, Copy, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Events {
    schemas: Option<bool>,
    tombstones: Option<bool>,
    unwrapped: Option<bool>,
    decimals: Option<Numbers>,
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
        Debezium {
            schemas: self.schemas.unwrap_or(usual.schemas),
            tombstones: self.tombstones.unwrap_or(usual.tombstones),
            unwrapped: self.unwrapped.unwrap_or(usual.unwrapped),
            decimals: match self.decimals {
                None => usual.decimals,
                Some(Numbers::Precise) => Decimals::Precise,
                Some(Numbers::String) => Decimals::String,
                Some(Numbers::Double) => Decimals::Double,
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

fn postgres(file: File, address: postgres::Address) -> Outcome<Settings> {
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
    ])?;
    let mut settings = postgres::Settings::new(address, file.slot.as_deref().unwrap_or(NAME));
    settings.format = file.format(&prefix)?;
    if let Some(publication) = file.publication {
        settings.publication = publication;
    }
    settings.makes_publication = file.create_publication.unwrap_or(true);
    settings.backfills = file.backfill.unwrap_or(true);
    settings.on_loss = file.on_loss.into();
    settings.ends_when_read = file.backfill_only.unwrap_or(false);
    let columns = file.columns.unwrap_or_default();
    settings.filters = columns.filters(file.skip.as_deref())?;
    settings.conditions = conditions(&file.conditions.unwrap_or_default());
    let messages = file.logical_messages.map(LogicalMessages::messages);
    settings.messages = messages.transpose()?;
    settings.heartbeat = file.heartbeat.map(Beats::heartbeat);
    let mut named: Vec<_> = file.tables.iter().map(|t| postgres_table(t)).collect();
    if !file.tables_matching.is_empty() {
        let (include, exclude) = (
            patterns(&file.tables_matching)?,
            patterns(&file.tables_except)?,
        );
        let mut found = postgres::tables_matching(&settings.address, &include, &exclude)?;
        found.retain(|table| !named.contains(table));
        named.extend(found);
    }
    let topic = |t: postgres::TableName| (t.clone(), format!("{prefix}.{t}"));
    settings.tables = named.into_iter().map(topic).collect();
    Ok(settings.into())
}

fn mysql(file: File, address: mysql::Address) -> Outcome<Settings> {
    let has_none = "MariaDB and MySQL have none";
    file.refuse(&[
        (
            "slot",
            file.slot.is_some(),
            "the key 'name' names a capture of MariaDB or MySQL",
        ),
        ("publication", file.publication.is_some(), has_none),
        (
            "tables-matching",
            !file.tables_matching.is_empty(),
            NOT_THERE,
        ),
        ("backfill-only", file.backfill_only.is_some(), NOT_THERE),
        ("skip", file.skip.is_some(), NOT_THERE),
        ("columns", file.columns.is_some(), NOT_THERE),
        ("where", file.conditions.is_some(), NOT_THERE),
        (
            "logical-messages",
            file.logical_messages.is_some(),
            has_none,
        ),
        ("heartbeat", file.heartbeat.is_some(), has_none),
        (
            "create-publication",
            file.create_publication.is_some(),
            has_none,
        ),
    ])?;
    let name = file.name.as_deref().unwrap_or(NAME);
    // Topics of Debezium begin with the name of the server.
    let prefix = match (&file.topic_prefix, file.format) {
        (Some(prefix), _) => Some(prefix.as_str()),
        (None, Form::DebeziumJson) => Some(name),
        (None, Form::Rows | Form::MaxwellJson | Form::CanalJson) => None,
    };
    let format = file.format(prefix.unwrap_or(name))?;
    let prefix = prefix.map_or_else(String::new, |prefix| format!("{prefix}."));
    let named = file
        .tables
        .iter()
        .map(|t| mysql_table(t, &address.database));
    let named = named.collect::<Outcome<Vec<_>>>()?;
    let mut settings = mysql::Settings::new(address, name);
    settings.format = format;
    settings.server_id = file.server_id;
    settings.backfills = file.backfill.unwrap_or(true);
    settings.on_loss = file.on_loss.into();
    settings.tables = named
        .into_iter()
        .map(|t| (t.clone(), format!("{prefix}{t}")))
        .collect();
    Ok(settings.into())
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

    fn format(&self, name: &str) -> Outcome<Format> {
        match (self.format, self.debezium) {
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

/// The server that a URL names, with variables of the environment.
#[derive(Debug)]
pub(crate) enum Address {
    PostgreSql(postgres::Address),
    MySql(mysql::Address),
}

impl Address {
    /// # Errors
    /// It is not understood, or a variable is not set.
    pub(crate) fn of(url: &str) -> Outcome<Self> {
        match url.split_once("://") {
            Some(("mysql" | "mariadb", _)) => {
                let mut address: mysql::Address = url.parse().map_err(config)?;
                let mysql::Address {
                    host,
                    user,
                    password,
                    database,
                    ..
                } = &mut address;
                fill([host, user, password, database])?;
                Ok(Self::MySql(address))
            }
            _ => postgres_address(url).map(Self::PostgreSql),
        }
    }
}

/// A database of PostgreSQL by its URL, with variables of the environment.
pub(crate) fn postgres_address(url: &str) -> Outcome<postgres::Address> {
    let mut address: postgres::Address = url.parse().map_err(config)?;
    let postgres::Address {
        host,
        user,
        password,
        database,
        ..
    } = &mut address;
    fill([host, user, password, database])?;
    Ok(address)
}

fn fill(fields: [&mut String; 4]) -> Outcome {
    for field in fields {
        *field = filled(field, &|name| std::env::var(name).ok()).map_err(config)?;
    }
    Ok(())
}

pub(super) fn config(error: headwater_cdc::Error) -> Failure {
    Failure {
        code: Code::Config,
        ..Failure::from(error)
    }
}

/// A table of PostgreSQL by its name, with its schema or without.
pub(crate) fn postgres_table(name: &str) -> postgres::TableName {
    let (schema, name) = name.split_once('.').unwrap_or(("public", name));
    postgres::TableName::new(schema, name)
}

/// A table of MariaDB or MySQL by its name, with its database or in that of the URL.
pub(crate) fn mysql_table(name: &str, database: &str) -> Outcome<mysql::TableName> {
    let (database, name) = name.split_once('.').unwrap_or((database, name));
    if database.is_empty() {
        return Err(wrong(
            format!("the table '{name}' is named without its database"),
            "write database.table, or the database into the URL",
        ));
    }
    Ok(mysql::TableName::new(database, name))
}

#[cfg(test)]
mod tests;
