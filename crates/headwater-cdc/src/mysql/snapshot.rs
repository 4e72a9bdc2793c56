//! The rows of tables at one place of the log: what a backfill reads.

use bytes::Bytes;
use headwater_log::{Error, ErrorKind, Result};

use super::capture::about_rows;
use super::kind::Kind;
use super::position::Position;
use super::session::Session;
use super::sql::{identifier, literal};
use super::table::{Column, Table};
use super::value::Value;

/// Part of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    /// The first column of the key is greater.
    pub(super) above: Option<&'a str>,
    /// The first column of the key is not greater.
    pub(super) upto: Option<&'a str>,
    /// The rows come after this key.
    pub(super) after: Option<&'a [String]>,
    /// So many rows at most.
    pub(super) limit: u64,
}

/// A session that sees the tables as they were at one place of the log.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) session: Session,
    pub(super) position: Position,
    /// Whether it is no snapshot: rows are as they are when they are read.
    pub(super) locks_rows: bool,
}

impl Snapshot {
    /// The place of the log: what was committed before is seen, what was committed later is not, unless the place is the names of
    /// transactions alone.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Ends it; the session can be used again.
    pub(super) fn close(mut self) -> Result<Session> {
        self.session.execute("COMMIT")?;
        Ok(self.session)
    }

    /// As [`rows`](Self::rows), of a part that begins after a key of [`key_of`](Self::key_of). If that cannot be said of the key's types,
    /// all rows; whether it can.
    pub(super) fn rows_of(
        &mut self,
        table: &Table,
        part: Part<'_>,
        row: impl FnMut(Vec<Value>) -> Result<()>,
    ) -> Result<bool> {
        let key = table.key();
        let is_ordered = !key.iter().any(|c| matches!(c.kind, Kind::Set { .. }));
        let mut sql = match is_ordered {
            true => select(table, part),
            false => select(table, Part::after(None, u64::MAX)),
        };
        if self.locks_rows {
            sql.push_str(" FOR SHARE");
        }
        self.run(&sql, table, row)?;
        Ok(is_ordered)
    }

    /// The key of a row as it stands in statements.
    pub(super) fn key_of(&self, table: &Table, row: &[Value]) -> Result<Vec<String>> {
        let mut key: Vec<_> = table.columns.iter().zip(row).collect();
        key.retain(|(column, _)| column.key.is_some());
        key.sort_by_key(|(column, _)| column.key);
        let constants = key
            .into_iter()
            .map(|(column, value)| constant(column, value));
        constants.collect()
    }

    /// The lowest and the highest value of the key's first column; `None`: the table is empty, or it is no whole number.
    pub(super) fn ends(&mut self, table: &Table) -> Result<Option<(i128, i128)>> {
        let key = table.key();
        let Some(first) = key.first().filter(|c| matches!(c.kind, Kind::Int { .. })) else {
            return Ok(None);
        };
        let column = identifier(&first.name);
        let sql = format!("SELECT MIN({column}), MAX({column}) FROM {}", from(table));
        let row = self.session.query(&sql)?.into_iter().next();
        let mut cells = row.unwrap_or_default().into_iter();
        let mut next = || cells.next()??.parse().ok();
        Ok(next().zip(next()))
    }

    /// How many rows a table has, about.
    pub(super) fn about_rows(&mut self, table: &Table) -> Result<u64> {
        let rows = self.session.value(&about_rows(table))?;
        Ok(rows.and_then(|r| r.parse().ok()).unwrap_or(0))
    }

    fn run(
        &mut self,
        sql: &str,
        table: &Table,
        row: impl FnMut(Vec<Value>) -> Result<()>,
    ) -> Result<()> {
        rows(&mut self.session, sql, table, row)
    }

    /// A table as it is.
    ///
    /// # Errors
    /// `NotFound`, and what the server says.
    pub fn table(&mut self, database: &str, name: &str) -> Result<Table> {
        Table::of(&mut self.session, database, name)
    }

    /// Up to `limit` rows in the order of the primary key, after the row whose key `after` has (the values of the key's columns
    /// in the key's order); all rows in no order if the table has no key.
    ///
    /// # Errors
    /// `Unsupported` if the key has a column of a type without an order that can be said; what the server says, or `row`.
    pub fn rows(
        &mut self,
        table: &Table,
        after: Option<&[Value]>,
        limit: u64,
        row: impl FnMut(Vec<Value>) -> Result<()>,
    ) -> Result<()> {
        let pairs = |after| table.key().into_iter().zip(after);
        let constants = |after| pairs(after).map(|(c, v)| constant(c, v)).collect();
        let after: Option<Vec<String>> = after.map(constants).transpose()?;
        let part = Part::after(after.as_deref(), limit);
        self.run(&select(table, part), table, row)
    }
}

impl<'a> Part<'a> {
    fn after(after: Option<&'a [String]>, limit: u64) -> Self {
        Self {
            above: None,
            upto: None,
            after,
            limit,
        }
    }

    /// The condition for its rows; `None`: it is all.
    fn condition(&self, key: &[&Column]) -> Option<String> {
        let first = key.first().map(|column| ordered(column))?;
        let lower = match (self.after, self.above) {
            (Some(after), _) => Some(beyond(key, after)),
            (None, above) => above.map(|above| format!("{first} > {above}")),
        };
        let upper = self.upto.map(|upto| format!("{first} <= {upto}"));
        let both: Vec<String> = lower.into_iter().chain(upper).collect();
        (!both.is_empty()).then(|| both.join(" AND "))
    }
}

/// A table as statements name it.
fn from(table: &Table) -> String {
    format!(
        "{}.{}",
        identifier(&table.database),
        identifier(&table.name)
    )
}

/// The rows of a table that a statement gives.
fn rows(
    session: &mut Session,
    sql: &str,
    table: &Table,
    mut row: impl FnMut(Vec<Value>) -> Result<()>,
) -> Result<()> {
    session.for_each(sql, |cells| {
        let pairs = table.columns.iter().zip(cells);
        let values = pairs.map(|(c, cell)| Value::parse(&c.kind, cell.as_ref()));
        row(values.collect::<Result<_>>()?)
    })
}

/// The rows of a table as they are committed now; `rest` says which and in which order.
///
/// # Errors
/// What the server says, or `row`.
pub(crate) fn read(
    session: &mut Session,
    table: &Table,
    rest: &str,
    row: impl FnMut(Vec<Value>) -> Result<()>,
) -> Result<()> {
    let sql = format!("{} {rest}", select_all(table));
    rows(session, &sql, table, row)
}

fn select_all(table: &Table) -> String {
    let columns: Vec<String> = table.columns.iter().map(asked).collect();
    format!("SELECT {} FROM {}", columns.join(", "), from(table))
}

fn select(table: &Table, part: Part<'_>) -> String {
    let mut sql = select_all(table);
    let key = table.key();
    if key.is_empty() {
        return sql;
    }
    if let Some(condition) = part.condition(&key) {
        sql.push_str(&format!(" WHERE {condition}"));
    }
    let order: Vec<String> = key.iter().map(|c| ordered(c)).collect();
    let order = order.join(", ");
    sql.push_str(&format!(" ORDER BY {order} LIMIT {}", part.limit));
    sql
}

/// How a column is asked for so that its text is exact: of a `FLOAT` the server shows six digits, of a `BIT` bytes.
fn asked(column: &Column) -> String {
    let name = identifier(&column.name);
    match column.kind {
        Kind::Float => format!("CAST({name} AS DOUBLE)"),
        Kind::Bit { .. } => format!("{name} + 0"),
        _ => name,
    }
}

/// What is in the order in which a column is compared: names of an `ENUM` are sorted by number and compared as texts.
fn ordered(column: &Column) -> String {
    let name = identifier(&column.name);
    match column.kind {
        Kind::Enum { .. } | Kind::Set { .. } => format!("{name} + 0"),
        _ => name,
    }
}

/// `(a > 1 OR a = 1 AND (b > 2 OR …))`, which servers read by the index, unlike `(a, b) > (1, 2)`.
fn beyond(key: &[&Column], after: &[String]) -> String {
    let ([column, rest @ ..], [value, values @ ..]) = (key, after) else {
        return "FALSE".to_owned();
    };
    let name = ordered(column);
    if rest.is_empty() {
        return format!("{name} > {value}");
    }
    let inner = beyond(rest, values);
    format!("({name} > {value} OR {name} = {value} AND {inner})")
}

/// A value of a key as it stands in a statement.
///
/// # Errors
/// `Unsupported` for values without an order that can be said.
pub(crate) fn constant(column: &Column, value: &Value) -> Result<String> {
    Ok(match (value, &column.kind) {
        (Value::Text(text), Kind::Enum { names, .. }) => {
            let place = names.iter().position(|name| name == text);
            place.map_or(0, |place| place + 1).to_string()
        }
        (Value::Bytes(bytes), _) => hex(bytes),
        (Value::Float(number), _) => format!("{:e}", f64::from(*number)),
        (Value::Double(number), _) => format!("{number:e}"),
        (
            Value::Int(_) | Value::UInt(_) | Value::Bits(_) | Value::Decimal(_) | Value::Year(_),
            kind,
        ) => value.to_text(kind).unwrap_or_default(),
        (Value::Null | Value::Geometry { .. }, _) | (_, Kind::Set { .. }) => {
            let text = format!(
                "column '{}' of the key has no order that can be said",
                column.name
            );
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        (value, kind) => literal(&value.to_text(kind).unwrap_or_default()),
    })
}

fn hex(bytes: &Bytes) -> String {
    let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    format!("x'{digits}'")
}

#[cfg(test)]
mod tests {
    use super::super::charset::Charset;
    use super::*;

    #[test]
    fn a_range_goes_on_after_the_last_key() {
        let column = |name: &str, key, kind| Column {
            name: name.to_owned(),
            kind,
            is_nullable: false,
            key,
        };
        let text = Kind::Char {
            bytes: 3,
            charset: Charset::Utf8,
        };
        let columns = vec![
            column("b", Some(1), text),
            column("f", None, Kind::Float),
            column("a", Some(0), Kind::Year),
        ];
        let table = Table::described("d", "t", columns);
        let after = ["1999".to_owned(), "'it''s'".to_owned()];
        let want = "SELECT `b`, CAST(`f` AS DOUBLE), `a` FROM `d`.`t` \
                    WHERE (`a` > 1999 OR `a` = 1999 AND `b` > 'it''s') ORDER BY `a`, `b` LIMIT 9";
        assert_eq!(select(&table, Part::after(Some(&after), 9)), want);
        let part = Part {
            above: Some("1990"),
            upto: Some("2000"),
            ..Part::after(None, 9)
        };
        assert!(select(&table, part).contains(" WHERE `a` > 1990 AND `a` <= 2000 ORDER"));
        let part = Part {
            after: Some(&after),
            ..part
        };
        let want = " WHERE (`a` > 1999 OR `a` = 1999 AND `b` > 'it''s') AND `a` <= 2000 ORDER";
        assert!(select(&table, part).contains(want));
    }
}
