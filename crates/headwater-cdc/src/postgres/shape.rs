//! How the rows of a table become records: the key and the value are JSON objects with the names of the columns.

use bytes::Bytes;
use headwater_log::{Error, ErrorKind, Result};

use super::catalog::{Kinds, Table, TableName};
use super::failure::malformed;
use super::kind::Kind;
use super::pgoutput::{Cell, Relation};
use super::session::Session;
use super::sql::identifier;
use crate::json;

/// A column as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    /// The name and a colon, as they stand in an object.
    label: Vec<u8>,
    kind: Kind,
}

impl Column {
    fn new(name: &str, kind: Kind) -> Self {
        let mut label = Vec::new();
        json::string(name.as_bytes(), &mut label);
        label.push(b':');
        Self {
            name: name.to_owned(),
            label,
            kind,
        }
    }
}

/// The columns of a table in the order of its tuples, and those that identify a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    table: TableName,
    columns: Vec<Column>,
    key: Vec<usize>,
    /// Whether old rows are streamed whole.
    sends_whole: bool,
}

impl Shape {
    /// The shape of rows that are read.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) fn of_table(
        table: &Table,
        kinds: &mut Kinds,
        session: &mut Session,
    ) -> Result<Self> {
        let names = table.columns.iter().map(|c| (c.name.as_str(), c.type_id));
        Self::new(&table.name, names, &table.key, kinds, session)
    }

    /// The shape of rows that are streamed, of which `key` identifies one.
    ///
    /// # Errors
    /// `Unavailable`, `Unsupported` if they do not have the key.
    pub(crate) fn of_relation(
        relation: &Relation,
        key: &[String],
        kinds: &mut Kinds,
        session: &mut Session,
    ) -> Result<Self> {
        let name = TableName::new(&relation.schema, &relation.name);
        let columns = relation
            .columns
            .iter()
            .map(|c| (c.name.as_str(), c.type_id));
        let has = |k: &String| relation.columns.iter().any(|c| c.name == *k && c.is_key);
        if !key.iter().all(has) {
            let text = format!("table '{name}' is identified by other columns than before");
            return Err(Error::new(ErrorKind::Unsupported, text).with_hint(
                "make its primary key or replica identity as it was, or capture it anew",
            ));
        }
        Ok(Self {
            sends_whole: relation.identity == b'f',
            ..Self::new(&name, columns, key, kinds, session)?
        })
    }

    fn new<'a>(
        table: &TableName,
        columns: impl Iterator<Item = (&'a str, u32)>,
        key: &[String],
        kinds: &mut Kinds,
        session: &mut Session,
    ) -> Result<Self> {
        let column = |(name, id): (&str, u32)| Ok(Column::new(name, kinds.of(session, id)?));
        let columns: Vec<Column> = columns.map(column).collect::<Result<_>>()?;
        let place = |name: &String| columns.iter().position(|c| c.name == *name);
        let key = key.iter().map(place).collect::<Option<_>>();
        Ok(Self {
            table: table.clone(),
            key: key.ok_or_else(|| malformed("key of a table"))?,
            columns,
            sends_whole: false,
        })
    }

    /// Whether a value of a record has everything that a change of its row left as it was.
    pub(crate) fn completes(&self, row: &[Cell], before: &[u8]) -> bool {
        let mut pairs = self.columns.iter().zip(row);
        pairs.all(|(c, cell)| *cell != Cell::Unchanged || json::member(before, &c.name).is_some())
    }

    /// The columns as they stand in a `SELECT`.
    pub(crate) fn select_list(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|c| identifier(&c.name)).collect();
        names.join(", ")
    }

    /// Whether an old row has more than its key: replica identity full.
    pub(crate) fn is_whole(&self, row: &[Cell]) -> bool {
        self.sends_whole && row.len() == self.columns.len()
    }

    /// The key of a row.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(crate) fn key(&self, row: &[Cell]) -> Result<Bytes> {
        let mut out = Vec::with_capacity(32);
        self.object(row, self.key.iter().copied(), &[], &mut out)?;
        Ok(out.into())
    }

    /// All of a row. Values that it does not have are those of `before`, a value of a record; what that does not have either is
    /// left out.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(crate) fn value(&self, row: &[Cell], before: &[u8]) -> Result<Bytes> {
        let mut out = Vec::with_capacity(128);
        self.object(row, 0..self.columns.len(), before, &mut out)?;
        Ok(out.into())
    }

    fn object(
        &self,
        row: &[Cell],
        places: impl Iterator<Item = usize>,
        before: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<()> {
        out.push(b'{');
        for place in places {
            let column = &self.columns[place];
            let cell = self.cell(row, place)?;
            let known = match cell {
                Cell::Unchanged => json::member(before, &column.name),
                _ => None,
            };
            if *cell == Cell::Unchanged && known.is_none() {
                continue;
            }
            if out.len() > 1 {
                out.push(b',');
            }
            out.extend_from_slice(&column.label);
            match (cell, known) {
                (_, Some(value)) => out.extend_from_slice(value),
                (Cell::Text(text), _) => column.kind.write(text, out)?,
                (Cell::Binary(_), _) => return Err(malformed("row: binary values")),
                (Cell::Null | Cell::Unchanged, _) => out.extend_from_slice(b"null"),
            }
        }
        out.push(b'}');
        Ok(())
    }

    fn cell<'a>(&self, row: &'a [Cell], place: usize) -> Result<&'a Cell> {
        if row.len() != self.columns.len() {
            return Err(malformed("row: it has another number of columns"));
        }
        Ok(&row[place])
    }
}
