//! What the server's catalogue says of tables and types.

use std::collections::HashMap;
use std::fmt;

use headwater_log::{Error, ErrorKind, Result};

use super::failure::malformed;
use super::kind::Kind;
use super::session::Session;
use super::sql::{identifier, literal};

/// How deep domains and arrays are looked through.
const TYPE_DEPTH_MAX: usize = 8;

/// The name of a table.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct TableName {
    /// Its schema.
    pub schema: String,
    /// Its name in there.
    pub name: String,
}

impl TableName {
    /// A table of a schema.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            name: name.into(),
        }
    }

    /// As it stands in statements.
    pub fn quoted(&self) -> String {
        format!("{}.{}", identifier(&self.schema), identifier(&self.name))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The id of its type.
    pub type_id: u32,
    /// Its type as the server writes it, such as `numeric(10,2)`.
    pub type_name: String,
    /// Whether it is never null.
    pub not_null: bool,
    /// Whether an update may leave its value out of the stream.
    pub is_large: bool,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: TableName,
    /// Its columns, without those that the server computes.
    pub columns: Vec<Column>,
    /// The names of the columns that identify a row, in the order of their index.
    pub key: Vec<String>,
}

impl Table {
    /// Looks a table up.
    ///
    /// # Errors
    /// `NotFound`, `Unsupported` if nothing identifies its rows.
    pub fn look_up(session: &mut Session, name: &TableName) -> Result<Self> {
        let quoted = literal(&name.quoted());
        let sql = format!(
            "SELECT oid, relkind, relreplident FROM pg_class WHERE oid = to_regclass({quoted})"
        );
        let found = session.query(&sql)?.into_iter().next();
        let Some([Some(oid), Some(kind), Some(identity)]) = found.as_deref() else {
            let text = format!("table '{name}' does not exist");
            return Err(Error::new(ErrorKind::NotFound, text));
        };
        if !matches!(kind.as_str(), "r" | "p") {
            let text = format!("'{name}' is not a table");
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        let columns = columns(session, oid)?;
        let key = key(session, oid, identity)?;
        if key.is_empty() {
            return Err(no_key(name, identity));
        }
        Ok(Self {
            name: name.clone(),
            columns,
            key,
        })
    }
}

fn no_key(name: &TableName, identity: &str) -> Error {
    let quoted = name.quoted();
    let text = format!("table '{name}' has nothing that identifies its rows");
    Error::new(ErrorKind::Unsupported, text).with_hint(match identity {
        "n" => format!("ALTER TABLE {quoted} REPLICA IDENTITY DEFAULT"),
        _ => format!("ALTER TABLE {quoted} ADD PRIMARY KEY (…)"),
    })
}

fn columns(session: &mut Session, oid: &str) -> Result<Vec<Column>> {
    let sql = format!(
        "SELECT attname, atttypid, format_type(atttypid, atttypmod), attnotnull, attstorage <> 'p' \
         FROM pg_attribute WHERE attrelid = {oid} AND attnum > 0 AND NOT attisdropped \
         AND attgenerated = '' ORDER BY attnum"
    );
    let column = |row: Vec<Option<String>>| match <[_; 5]>::try_from(row) {
        Ok(
            [
                Some(name),
                Some(id),
                Some(type_name),
                Some(not_null),
                Some(large),
            ],
        ) => Ok(Column {
            name,
            type_id: id.parse().map_err(|_| malformed("id of a type"))?,
            type_name,
            not_null: not_null == "t",
            is_large: large == "t",
        }),
        _ => Err(malformed("description of a column")),
    };
    session.query(&sql)?.into_iter().map(column).collect()
}

/// The columns of the index that the server identifies rows by; those of the primary key if it sends whole rows.
fn key(session: &mut Session, oid: &str, identity: &str) -> Result<Vec<String>> {
    let index = match identity {
        "d" | "f" => "indisprimary",
        "i" => "indisreplident",
        _ => return Ok(Vec::new()),
    };
    let sql = format!(
        "SELECT a.attname FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k(attnum, place), pg_attribute a \
         WHERE i.indrelid = {oid} AND i.{index} AND k.place <= i.indnkeyatts \
         AND a.attrelid = {oid} AND a.attnum = k.attnum ORDER BY k.place"
    );
    let rows = session.query(&sql)?;
    Ok(rows.into_iter().flatten().flatten().collect())
}

/// The kinds of types that were asked for.
#[derive(Debug, Default)]
pub struct Kinds(HashMap<u32, Kind>);

impl Kinds {
    /// The kind of a type. A type that is gone, or made of others, is a text.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn of(&mut self, session: &mut Session, type_id: u32) -> Result<Kind> {
        if let Some(known) = Kind::built_in(type_id).or_else(|| self.0.get(&type_id).cloned()) {
            return Ok(known);
        }
        let kind = look_up(session, type_id, 0)?;
        self.0.insert(type_id, kind.clone());
        Ok(kind)
    }
}

fn look_up(session: &mut Session, type_id: u32, depth: usize) -> Result<Kind> {
    if let Some(known) = Kind::built_in(type_id) {
        return Ok(known);
    }
    // An array is separated by commas unless its elements say otherwise.
    let sql = format!(
        "SELECT t.typtype, t.typbasetype, CASE WHEN t.typcategory = 'A' AND e.typdelim = ',' THEN e.oid ELSE 0 END \
         FROM pg_type t LEFT JOIN pg_type e ON e.oid = t.typelem WHERE t.oid = {type_id}"
    );
    let row = session.query(&sql)?.into_iter().next();
    let Some([Some(kind), Some(base), Some(element)]) = row.as_deref() else {
        return Ok(Kind::Text);
    };
    let id = |text: &str| text.parse().map_err(|_| malformed("id of a type"));
    match (kind.as_str(), id(base)?, id(element)?) {
        _ if depth == TYPE_DEPTH_MAX => Ok(Kind::Text),
        ("d", base, _) => look_up(session, base, depth + 1),
        ("b", _, element) if element != 0 => {
            Ok(Kind::Array(Box::new(look_up(session, element, depth + 1)?)))
        }
        _ => Ok(Kind::Text),
    }
}
