//! How the rows of a table become records: the key and the value are JSON objects with the names of the columns.

mod tuple;

use bytes::Bytes;
use headwater_log::Result;

use super::binary::Binary;
use super::catalog::{self, Kinds, Table};
use super::failure::malformed;
use super::kind::Kind;
use super::pgoutput::{Cell, Relation};
use super::session::Session;
use super::sql::identifier;
use crate::debezium::FieldSchema;
use crate::filter::{ColumnOf, Filters, Rule};
use crate::json;

pub(crate) use tuple::Tuples;

/// A column as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    /// The name and a colon, as they stand in an object.
    label: Vec<u8>,
    kind: Kind,
    /// The binary form of its values; `None`: they are asked for as text.
    binary: Option<Binary>,
    /// What stands for a value that is not there.
    null: Vec<u8>,
    /// What stands for a large value that is not known; `None`: nothing does.
    unavailable: Option<Vec<u8>>,
    /// What it is to Debezium.
    schema: Option<FieldSchema>,
    /// What is done to its values.
    rule: Rule,
}

impl Column {
    /// `known` is what the catalogue says of it.
    fn new(
        name: &str,
        (kind, binary): (Kind, Option<Binary>),
        known: Option<&catalog::Column>,
        rule: Rule,
    ) -> Self {
        let mut label = Vec::new();
        json::string(name.as_bytes(), &mut label);
        label.push(b':');
        let schema = kind.semantic().map(|semantic| FieldSchema {
            name: name.to_owned(),
            default: known
                .and_then(|c| literal_text(c.default.as_deref()?))
                .and_then(|text| kind.default(&text)),
            is_optional: known.is_none_or(|c| !c.not_null),
            treated: rule.told(),
            semantic,
        });
        Self {
            name: name.to_owned(),
            label,
            kind,
            binary,
            null: schema
                .as_ref()
                .map_or_else(|| b"null".to_vec(), FieldSchema::null),
            unavailable: schema.as_ref().and_then(|s| s.semantic.unavailable()),
            schema,
            rule,
        }
    }

    /// Whether it is in records.
    fn is_kept(&self) -> bool {
        self.rule != Rule::LeaveOut
    }

    /// Whether its values can come in binary.
    fn is_binary(&self) -> bool {
        !self.is_kept() || self.binary.is_some()
    }

    /// Writes a value as it stands in records; what was in `scratch` is lost.
    fn write(&self, cell: &Cell, scratch: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        match (cell, &self.binary) {
            (Cell::Text(text), _) => self.kind.write(text, out)?,
            (Cell::Binary(value), Some(binary)) => binary.write(&self.kind, value, scratch, out)?,
            (Cell::Binary(_), None) => return Err(malformed("row: a binary value")),
            (Cell::Null | Cell::Unchanged, _) => out.extend_from_slice(&self.null),
        }
        self.rule.apply(&self.name, start, out)
    }

    /// The value of this column in a row, if that is known.
    fn of<'a>(&self, row: &'a [u8]) -> Option<&'a [u8]> {
        let value = json::member(row, &self.name)?;
        (self.unavailable.as_deref() != Some(value)).then_some(value)
    }
}

/// How many characters a `char(n)` or `varchar(n)` has at most.
fn characters(type_id: u32, modifier: i32) -> Option<usize> {
    let is_limited = matches!(type_id, 1042 | 1043);
    usize::try_from(modifier - 4)
        .ok()
        .filter(|_| is_limited && modifier >= 4)
}

/// The text of an expression that is a constant.
fn literal_text(expression: &str) -> Option<String> {
    let is_type = |t: &str| t.is_empty() || (t.starts_with("::") && !t.contains('\''));
    match expression {
        "true" | "false" => return Some(expression[..1].to_owned()),
        number if json::is_number(number.as_bytes()) => return Some(number.to_owned()),
        _ => {}
    }
    let (text, rest) = expression.strip_prefix('\'')?.rsplit_once('\'')?;
    let text = text.replace("''", "\u{0}");
    let is_one = !text.contains('\'') && is_type(rest);
    is_one.then(|| text.replace('\u{0}', "'"))
}

/// The columns of a table in the order of its tuples, and those that identify a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
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
        filters: &Filters,
        kinds: &mut Kinds,
        session: &mut Session,
    ) -> Result<Self> {
        let columns = table.columns.iter();
        let columns = columns.map(|c| (c.name.as_str(), c.type_id, c.modifier));
        Self::new((table, filters), columns, kinds, session)
    }

    /// The shape of rows of this table that are streamed.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) fn of_relation(
        relation: &Relation,
        table: &Table,
        filters: &Filters,
        kinds: &mut Kinds,
        session: &mut Session,
    ) -> Result<Self> {
        let columns = relation.columns.iter();
        let columns = columns.map(|c| (c.name.as_str(), c.type_id, c.modifier));
        Ok(Self {
            sends_whole: relation.identity == b'f',
            ..Self::new((table, filters), columns, kinds, session)?
        })
    }

    fn new<'a>(
        (table, filters): (&Table, &Filters),
        columns: impl Iterator<Item = (&'a str, u32, i32)>,
        kinds: &mut Kinds,
        session: &mut Session,
    ) -> Result<Self> {
        let column = |(name, id, modifier): (&str, u32, i32)| {
            let known = table.columns.iter().find(|c| c.name == name);
            let is_key = table.key.iter().any(|k| k == name);
            let kind = kinds.of(session, id, modifier)?;
            let rule = filters.rule(ColumnOf {
                table: &table.name.to_string(),
                name,
                is_key,
                is_text: kind.is_text(),
                length: characters(id, modifier),
            })?;
            let binary = kinds.binary(session, id)?;
            Ok(Column::new(name, (kind, binary), known, rule))
        };
        let columns: Vec<Column> = columns.map(column).collect::<Result<_>>()?;
        let place = |name: &String| columns.iter().position(|c| c.name == *name);
        let key = table.key.iter().map(place).collect::<Option<_>>();
        Ok(Self {
            key: key.ok_or_else(|| malformed("key of a table"))?,
            columns,
            sends_whole: false,
        })
    }

    /// The columns, and those of the key, as Debezium describes them.
    pub(crate) fn schemas(&self) -> (Vec<FieldSchema>, Vec<FieldSchema>) {
        let kept = self.columns.iter().filter(|c| c.is_kept());
        let all = kept.filter_map(|c| c.schema.clone());
        let key = self
            .key
            .iter()
            .filter_map(|k| self.columns[*k].schema.clone());
        (all.collect(), key.collect())
    }

    /// The names of the columns of the key.
    pub(crate) fn key_names(&self) -> Vec<&str> {
        let key = self.key.iter();
        key.map(|place| self.columns[*place].name.as_str())
            .collect()
    }

    /// Whether a value of a record has everything that a change of its row left as it was.
    pub(crate) fn completes(&self, row: &[Cell], before: &[u8]) -> bool {
        let mut pairs = self.columns.iter().zip(row);
        pairs.all(|(c, cell)| *cell != Cell::Unchanged || !c.is_kept() || c.of(before).is_some())
    }

    /// The columns as they stand in a `SELECT` whose rows [`Tuples`] reads.
    pub(crate) fn select_list(&self) -> String {
        let one = |column: &Column| {
            let name = identifier(&column.name);
            match (column.is_kept(), &column.binary) {
                (false, _) => "NULL".to_owned(),
                (true, Some(_)) => name,
                // What a cast to text gives is not the text of every type; and a row of nulls `IS NULL`.
                (true, None) => format!(
                    "CASE WHEN {name} IS DISTINCT FROM NULL THEN pg_catalog.format('%s', {name}) END"
                ),
            }
        };
        let columns: Vec<String> = self.columns.iter().map(one).collect();
        columns.join(", ")
    }

    /// Whether the values of all its columns can come in binary.
    pub(crate) fn is_binary(&self) -> bool {
        self.columns.iter().all(Column::is_binary)
    }

    /// Whether an old row has more than its key: replica identity full.
    pub(crate) fn is_whole(&self, row: &[Cell]) -> bool {
        self.sends_whole && row.len() == self.columns.len()
    }

    /// The key's columns of a changed row that are large and were left as they were have the values of the old row.
    pub(crate) fn fill_key(&self, row: &mut [Cell], old: &[Cell]) {
        for place in &self.key {
            if let (Some(cell @ Cell::Unchanged), Some(old)) =
                (row.get_mut(*place), old.get(*place))
            {
                *cell = old.clone();
            }
        }
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
        // Few values need it.
        let mut scratch = Vec::new();
        out.push(b'{');
        for place in places {
            let column = &self.columns[place];
            let cell = self.cell(row, place)?;
            let known = match cell {
                Cell::Unchanged => column.of(before).or(column.unavailable.as_deref()),
                _ => None,
            };
            if !column.is_kept() || (*cell == Cell::Unchanged && known.is_none()) {
                continue;
            }
            if out.len() > 1 {
                out.push(b',');
            }
            out.extend_from_slice(&column.label);
            match known {
                // It was treated when it came.
                Some(value) => out.extend_from_slice(value),
                None => column.write(cell, &mut scratch, out)?,
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
