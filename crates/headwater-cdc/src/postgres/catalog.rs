//! What the server's catalogue says of tables and types.

use std::collections::HashMap;
use std::fmt;

use headwater_log::{Error, ErrorKind, Result};

use super::binary::Binary;
use super::failure::malformed;
use super::kind::Kind;
use super::pgoutput::Relation;
use super::semantic;
use super::session::Session;
use super::sql::{identifier, literal};
use crate::debezium::{Modes, Semantic};
use crate::filter::Filters;

mod keyed;

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
    /// What its type says of sizes; -1: nothing.
    pub modifier: i32,
    /// Its type as the server writes it, such as `numeric(10,2)`.
    pub type_name: String,
    /// Whether it is never null.
    pub not_null: bool,
    /// What it is unless said, as the server writes it; `None`: null.
    pub default: Option<String>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its id, which no other table of the database ever has.
    pub id: u32,
    /// Its name.
    pub name: TableName,
    /// Its columns, without those that the server computes.
    pub columns: Vec<Column>,
    /// The names of the columns that records have as their key, which identify a row: in the order of their index, unless others were
    /// wanted.
    pub key: Vec<String>,
    /// Those that the server identifies rows by; none: it sends whole rows, and has no primary key.
    identified_by: Vec<String>,
    /// Whether its rows are in partitions.
    pub is_partitioned: bool,
}

impl Table {
    /// Looks a table up.
    ///
    /// # Errors
    /// `NotFound`, `Unsupported` if nothing identifies its rows.
    pub fn look_up(session: &mut Session, name: &TableName) -> Result<Self> {
        Self::keyed(session, name, &Filters::default())
    }

    /// The same with the key that is wanted.
    ///
    /// # Errors
    /// `NotFound`, `Unsupported` if nothing identifies its rows, or what is wanted does not.
    pub(crate) fn keyed(
        session: &mut Session,
        name: &TableName,
        filters: &Filters,
    ) -> Result<Self> {
        // All of it is as at one moment.
        session.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let found = Self::find(session, name, filters);
        session.query("ROLLBACK")?;
        found
    }

    fn find(session: &mut Session, name: &TableName, filters: &Filters) -> Result<Self> {
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
        let columns = columns(session, oid, "attgenerated = ''")?;
        let identified_by = key(session, oid, identity)?;
        let wanted = filters.key(&name.to_string(), columns.iter().map(|c| c.name.as_str()));
        let table = Self {
            id: oid.parse().map_err(|_| malformed("id of a table"))?,
            name: name.clone(),
            columns,
            key: match wanted.is_empty() {
                true => identified_by.clone(),
                false => wanted,
            },
            identified_by,
            is_partitioned: kind == "p",
        };
        if table.key.is_empty() {
            return Err(keyed::no_key(name, identity));
        }
        keyed::demand(session, &table, identity)?;
        Ok(table)
    }
}

impl Table {
    /// Has it just the columns that a publication sends, which may be a few, or computed ones too (PostgreSQL 18); all, if it does not say.
    pub(crate) fn publish(&mut self, session: &mut Session, publication: &str) -> Result<()> {
        let names = session.query(&format!(
            "SELECT jsonb_array_elements_text(to_jsonb(t) -> 'attnames') FROM pg_publication_tables t \
             WHERE pubname = {} AND schemaname = {} AND tablename = {}",
            literal(publication),
            literal(&self.name.schema),
            literal(&self.name.name)
        ))?;
        let names: Vec<String> = names
            .iter()
            .flatten()
            .flatten()
            .map(|n| literal(n))
            .collect();
        if !names.is_empty() {
            // Before PostgreSQL 18 the computed ones are named too, and not sent.
            let which = format!(
                "attname IN ({}) AND (attgenerated = '' OR current_setting('server_version_num')::int >= 180000)",
                names.join(", ")
            );
            self.columns = columns(session, &self.id.to_string(), &which)?;
        }
        Ok(())
    }

    /// Which table it is, and what identifies its rows.
    pub(crate) fn identity(&self) -> String {
        let key: Vec<String> = self.key.iter().map(|k| identifier(k)).collect();
        format!("{} by {}", self.id, key.join(", "))
    }

    /// Whether a relation of the stream is this table, with rows that are identified as here. If rows are streamed whole it does not say
    /// by what.
    pub(crate) fn is_of(&self, relation: &Relation) -> bool {
        let mut keys = relation.columns.iter().filter(|c| c.is_key);
        let is_told = |name: &String| keys.clone().any(|c| c.name == *name);
        // The key that is wanted may be another than what the server identifies rows by.
        let is_by = relation.identity == b'f' || self.key.iter().all(is_told);
        let is_same = relation.identity == b'f'
            || (keys.clone().count() == self.identified_by.len()
                && keys.all(|c| self.identified_by.contains(&c.name)));
        self.id == relation.id && is_by && is_same
    }
}

/// Those of its columns for which a condition holds.
fn columns(session: &mut Session, oid: &str, which: &str) -> Result<Vec<Column>> {
    let sql = format!(
        "SELECT attname, atttypid, atttypmod, format_type(atttypid, atttypmod), attnotnull, \
         CASE attgenerated WHEN '' THEN pg_get_expr(adbin, adrelid) END FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum \
         WHERE attrelid = {oid} AND attnum > 0 AND NOT attisdropped AND {which} ORDER BY attnum"
    );
    let column = |row: Vec<Option<String>>| match <[_; 6]>::try_from(row) {
        Ok(
            [
                Some(name),
                Some(id),
                Some(modifier),
                Some(type_name),
                Some(not_null),
                default,
            ],
        ) => Ok(Column {
            name,
            type_id: id.parse().map_err(|_| malformed("id of a type"))?,
            modifier: modifier.parse().map_err(|_| malformed("modifier"))?,
            type_name,
            not_null: not_null == "t",
            default,
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

/// What the catalogue says of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Type {
    /// Another type with a name of its own, and what that says of sizes.
    Domain(u32, i32),
    /// An array of these, separated by commas.
    Array(u32),
    /// Labels.
    Enum(Vec<String>),
    /// Anything else.
    Other,
}

/// The kinds of types, as far as they were asked for.
#[derive(Debug)]
pub(crate) struct Kinds {
    modes: Option<Modes>,
    known: HashMap<(u32, i32), Kind>,
    binaries: HashMap<u32, Option<Binary>>,
}

impl Kinds {
    /// As records of rows have them, or with `modes` as Debezium has them.
    pub(crate) fn new(modes: Option<Modes>) -> Self {
        Self {
            modes,
            known: HashMap::new(),
            binaries: HashMap::new(),
        }
    }

    /// The kind of a type. A type that is gone, or made of others, is a text.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) fn of(
        &mut self,
        session: &mut Session,
        type_id: u32,
        modifier: i32,
    ) -> Result<Kind> {
        if let Some(known) = self.known.get(&(type_id, modifier)) {
            return Ok(known.clone());
        }
        let kind = self.find(session, type_id, modifier, 0)?;
        self.known.insert((type_id, modifier), kind.clone());
        Ok(kind)
    }

    /// The binary form of a type; `None`: its values are asked for as text.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) fn binary(&mut self, session: &mut Session, type_id: u32) -> Result<Option<Binary>> {
        if let Some(known) = self.binaries.get(&type_id) {
            return Ok(known.clone());
        }
        let found = find_binary(session, type_id, 0)?;
        self.binaries.insert(type_id, found.clone());
        Ok(found)
    }

    fn built_in(&self, type_id: u32, modifier: i32) -> Option<Kind> {
        match self.modes {
            None => Kind::built_in(type_id),
            Some(modes) => semantic::built_in(type_id, modifier, modes.decimals)
                .map(|semantic| Kind::Debezium(semantic.under(modes))),
        }
    }

    fn find(
        &self,
        session: &mut Session,
        type_id: u32,
        modifier: i32,
        depth: usize,
    ) -> Result<Kind> {
        if let Some(known) = self.built_in(type_id, modifier) {
            return Ok(known);
        }
        let is_plain = self.modes.is_none();
        let text = || match is_plain {
            true => Kind::Text,
            false => Kind::Debezium(Semantic::String),
        };
        if depth == TYPE_DEPTH_MAX {
            return Ok(text());
        }
        Ok(match look_up(session, type_id)? {
            Type::Domain(base, modifier) => self.find(session, base, modifier, depth + 1)?,
            Type::Array(element) => {
                let element = self.find(session, element, modifier, depth + 1)?;
                Kind::Array(Box::new(element))
            }
            Type::Enum(labels) if !is_plain => Kind::Debezium(Semantic::Enum(labels)),
            Type::Enum(_) | Type::Other => text(),
        })
    }
}

fn find_binary(session: &mut Session, type_id: u32, depth: usize) -> Result<Option<Binary>> {
    let known = Binary::built_in(type_id);
    if known.is_some() || depth == TYPE_DEPTH_MAX {
        return Ok(known);
    }
    Ok(match look_up(session, type_id)? {
        Type::Domain(base, _) => find_binary(session, base, depth + 1)?,
        Type::Array(element) => {
            let element = find_binary(session, element, depth + 1)?;
            element.map(|element| Binary::Array(Box::new(element)))
        }
        Type::Enum(_) => Some(Binary::Text),
        Type::Other => None,
    })
}

fn look_up(session: &mut Session, type_id: u32) -> Result<Type> {
    // An array is separated by commas unless its elements say otherwise.
    let sql = format!(
        "SELECT t.typtype, t.typbasetype, t.typtypmod, \
         CASE WHEN t.typcategory = 'A' AND e.typdelim = ',' THEN e.oid ELSE 0 END \
         FROM pg_type t LEFT JOIN pg_type e ON e.oid = t.typelem WHERE t.oid = {type_id}"
    );
    let row = session.query(&sql)?.into_iter().next();
    let Some([Some(kind), Some(base), Some(modifier), Some(element)]) = row.as_deref() else {
        return Ok(Type::Other);
    };
    let id = |text: &str| text.parse().map_err(|_| malformed("id of a type"));
    Ok(match (kind.as_str(), id(element)?) {
        ("d", _) => {
            let modifier = modifier.parse().map_err(|_| malformed("modifier"))?;
            Type::Domain(id(base)?, modifier)
        }
        ("b", element) if element != 0 => Type::Array(element),
        ("e", _) => {
            let sql = format!(
                "SELECT enumlabel FROM pg_enum WHERE enumtypid = {type_id} ORDER BY enumsortorder"
            );
            Type::Enum(
                session
                    .query(&sql)?
                    .into_iter()
                    .flatten()
                    .flatten()
                    .collect(),
            )
        }
        _ => Type::Other,
    })
}
