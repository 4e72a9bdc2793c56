//! What a table looks like, as the log says before its rows: columns with names, types and the primary key.

use std::collections::HashMap;

use bytes::Bytes;
use headwater_log::{Error, ErrorKind, Result};

use super::charset::{Charset, Charsets};
use super::codes::{kind, real_codes};
use super::description::Description;
use super::kind::Kind;
use super::reader::Reader;
use super::sql::identifier;

/// A table at one place of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its database.
    pub database: String,
    /// Its name.
    pub name: String,
    /// Its columns, in the order of its rows.
    pub columns: Vec<Column>,
    /// Whether the log says more than the types.
    is_described: bool,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// Whether it can be null.
    pub is_nullable: bool,
    /// Its place in the primary key, from 0.
    pub key: Option<u16>,
}

/// What the servers write differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavor {
    MariaDb,
    MySql,
}

impl Table {
    /// A table of which everything is known.
    pub(super) fn described(database: &str, name: &str, columns: Vec<Column>) -> Self {
        Self {
            database: database.to_owned(),
            name: name.to_owned(),
            columns,
            is_described: true,
        }
    }

    /// The number by which events with rows name a table, at the beginning of its event.
    pub(super) fn id(body: &Bytes) -> Result<u64> {
        Reader::new(body.clone(), "table").uint(6)
    }

    pub(super) fn decode(body: Bytes, flavor: Flavor, charsets: &Charsets) -> Result<Self> {
        let mut reader = Reader::new(body, "table");
        reader.take(8)?;
        let database = sized_name(&mut reader)?;
        let name = sized_name(&mut reader)?;
        let count = reader.packed_len()?;
        let codes = reader.take(count)?;
        let mut details = Reader::new(reader.packed_bytes()?, "table");
        let nullable = reader.take(count.div_ceil(8))?;
        let kinds = codes.iter().map(|code| kind(*code, &mut details));
        let columns = kinds.enumerate().map(|(n, kind)| {
            Ok(Column {
                name: String::new(),
                kind: kind?,
                is_nullable: nullable[n / 8] >> (n % 8) & 1 == 1,
                key: None,
            })
        });
        let mut table = Self {
            database,
            name,
            columns: columns.collect::<Result<_>>()?,
            is_described: false,
        };
        Description {
            codes: real_codes(&codes, &table.columns),
            flavor,
            charsets,
        }
        .read(reader, &mut table)?;
        Ok(table)
    }

    /// The columns that identify its rows, in the order of the key.
    pub fn key(&self) -> Vec<&Column> {
        let mut key: Vec<&Column> = self.columns.iter().filter(|c| c.key.is_some()).collect();
        key.sort_by_key(|column| column.key);
        key
    }

    /// The key.
    ///
    /// # Errors
    /// `Unsupported` if it has none: in a topic, of two rows that are the same one would be lost.
    pub fn demand_key(&self) -> Result<Vec<&Column>> {
        let key = self.key();
        if !key.is_empty() {
            return Ok(key);
        }
        let Self { database, name, .. } = self;
        let text = format!(
            "table '{database}.{name}' has no primary key, and no unique index over columns that are NOT NULL: \
             nothing tells its rows apart"
        );
        let table = format!("{}.{}", identifier(database), identifier(name));
        Err(Error::new(ErrorKind::Unsupported, text)
            .with_hint(format!("ALTER TABLE {table} ADD PRIMARY KEY (…)")))
    }

    /// The same with these columns as its key, in this order.
    ///
    /// # Errors
    /// `Unsupported` if not all that identify its rows are among them.
    pub(super) fn keyed_by(&self, wanted: &[String]) -> Result<Self> {
        let own = self.demand_key()?;
        if let Some(lacks) = own.iter().find(|column| !wanted.contains(&column.name)) {
            let Self { database, name, .. } = self;
            let text = format!(
                "the columns {} that table '{database}.{name}' is to be keyed by lack '{}', without which they do not identify rows",
                wanted.join(", "),
                lacks.name
            );
            return Err(Error::new(ErrorKind::Unsupported, text)
                .with_hint("of two rows of one key a topic would keep one: add what is lacking"));
        }
        let mut keyed = self.clone();
        for column in &mut keyed.columns {
            let place = wanted.iter().position(|name| *name == column.name);
            column.key = place.and_then(|place| u16::try_from(place).ok());
        }
        Ok(keyed)
    }

    /// The log has named its columns.
    pub(super) fn set_described(&mut self) {
        self.is_described = true;
    }

    /// Whether the server says enough to know what rows mean.
    pub(super) fn check_described(&self) -> Result<()> {
        if self.is_described {
            return Ok(());
        }
        let Self { database, name, .. } = self;
        let text = format!("the log does not name the columns of '{database}.{name}'");
        Err(Error::new(ErrorKind::Unsupported, text)
            .with_hint("SET GLOBAL binlog_row_metadata = 'FULL', and begin anew with a backfill"))
    }

    /// Whether there may be more to a column than the log says: MariaDB writes `UUID` and `INET6` as `BINARY(16)`.
    pub(super) fn may_hide_types(&self) -> bool {
        self.columns.iter().any(|c| is_hiding(&c.kind))
    }

    /// Tells columns what the catalogue says that they are.
    pub(super) fn reveal(&mut self, types: &HashMap<String, String>) {
        for column in &mut self.columns {
            if !is_hiding(&column.kind) {
                continue;
            }
            match types.get(&column.name).map(String::as_str) {
                Some("uuid") => column.kind = Kind::Uuid,
                Some("inet6") => column.kind = Kind::Inet6,
                Some("inet4") => column.kind = Kind::Inet4,
                _ => {}
            }
        }
    }
}

fn is_hiding(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Char {
            bytes: 4 | 16,
            charset: Charset::Binary
        }
    )
}

fn sized_name(reader: &mut Reader) -> Result<String> {
    let length = usize::from(reader.u8()?);
    let name = reader.text(length)?;
    reader.u8()?;
    Ok(name)
}
