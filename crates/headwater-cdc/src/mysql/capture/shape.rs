//! How the rows of a table become records: the key and the value are JSON objects with the names of the columns, whose values are
//! Debezium's for its events ([`semantic`]), else these.
//!
//! | type | JSON |
//! |---|---|
//! | numbers, `BIT`, `YEAR` | a number with all digits |
//! | `BINARY`, `BLOB` and the like | a string in base64 |
//! | `TIMESTAMP` | a string in UTC that ends in `Z` |
//! | shapes in space | an object of `srid` and `wkb`, which is base64 |
//! | everything else | a string with the server's text, zero dates too |

use bytes::Bytes;
use headwater_log::Result;

use super::condition::RowCondition;
use super::flat;
use crate::capture::{Form, RowPair};
use crate::debezium::FieldSchema;
use crate::filter::Rule;
use crate::flat::Dialect;
use crate::json;
use crate::mysql::{Kind, Table, Value, semantic};

/// The columns of a table in the order of its rows, those of its key, and how its rows are written.
#[derive(Debug)]
pub(super) struct Shape {
    /// What tells whether the table still has the columns and the key that it had.
    pub(super) columns: Vec<(String, String)>,
    kinds: Vec<Kind>,
    /// The names and a colon, as they stand in an object.
    labels: Vec<Vec<u8>>,
    key: Vec<usize>,
    /// What the columns are to Debezium; none: rows are written as they are.
    fields: Vec<FieldSchema>,
    /// What is done to the values of the columns.
    pub(super) rules: Vec<Rule>,
    /// Which rows there are; `None`: all.
    condition: Option<RowCondition>,
    /// Whose words values are written in, if they are in Maxwell's or Canal's.
    dialect: Option<Dialect>,
    pub(super) form: Form,
}

impl Shape {
    /// A table whose rows are written as they are.
    ///
    /// # Errors
    /// `Unsupported` if nothing identifies its rows.
    pub(super) fn of(table: &Table) -> Result<Self> {
        let label = |name: &str| {
            let mut label = Vec::new();
            json::string(name.as_bytes(), &mut label);
            label.push(b':');
            label
        };
        table.demand_key()?;
        let mut key: Vec<usize> = (0..table.columns.len()).collect();
        key.retain(|n| table.columns[*n].key.is_some());
        key.sort_by_key(|n| table.columns[*n].key);
        Ok(Self {
            columns: columns(table),
            kinds: table.columns.iter().map(|c| c.kind.clone()).collect(),
            labels: table.columns.iter().map(|c| label(&c.name)).collect(),
            key,
            fields: Vec::new(),
            rules: vec![Rule::Keep; table.columns.len()],
            condition: None,
            dialect: None,
            form: Form::ROWS,
        })
    }

    /// Rows are written as Debezium does, whose fields these columns are.
    pub(super) fn write_events(&mut self, fields: Vec<FieldSchema>, form: Form) {
        (self.fields, self.form) = (fields, form);
    }

    /// Columns and rows are chosen, and treated.
    pub(super) fn choose(&mut self, rules: Vec<Rule>, condition: Option<RowCondition>) {
        (self.rules, self.condition) = (rules, condition);
    }

    /// Whether there is this row.
    pub(super) fn has(&self, row: &[Value]) -> bool {
        let condition = self.condition.as_ref();
        condition.is_none_or(|condition| condition.holds(row))
    }

    /// Whether a column is in records.
    pub(super) fn is_kept(&self, place: usize) -> bool {
        self.rules[place] != Rule::LeaveOut
    }

    /// Rows are written with the words of Maxwell or Canal.
    pub(super) fn write_flat(&mut self, dialect: Dialect, form: Form) {
        (self.dialect, self.form) = (Some(dialect), form);
    }

    /// The places of the key's columns, in its order.
    pub(super) fn key_places(&self) -> impl Iterator<Item = usize> {
        self.key.iter().copied()
    }

    /// The key of a row.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(super) fn key(&self, row: &[Value]) -> Result<Bytes> {
        self.object(row, self.key_places())
    }

    /// All of a row.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(super) fn value(&self, row: &[Value]) -> Result<Bytes> {
        self.object(row, 0..self.kinds.len())
    }

    /// The key and all of a row.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(super) fn pair(&self, row: &[Value]) -> Result<RowPair> {
        Ok((self.key(row)?, self.value(row)?))
    }

    fn object(&self, row: &[Value], places: impl Iterator<Item = usize>) -> Result<Bytes> {
        let mut out = Vec::with_capacity(128);
        out.push(b'{');
        for place in places.filter(|place| self.is_kept(*place)) {
            if out.len() > 1 {
                out.push(b',');
            }
            out.extend_from_slice(&self.labels[place]);
            let (value, kind, start) = (&row[place], &self.kinds[place], out.len());
            match self.fields.get(place) {
                Some(field) => semantic::write(value, kind, field, &mut out)?,
                None => {
                    let is_written = |dialect| flat::write(value, kind, dialect, &mut out);
                    if !self.dialect.is_some_and(is_written) {
                        write(value, kind, &mut out);
                    }
                }
            }
            let name = String::from_utf8_lossy(&self.labels[place]);
            self.rules[place].apply(name.trim_matches(['"', ':']), start, &mut out)?;
        }
        out.push(b'}');
        Ok(out.into())
    }
}

fn write(value: &Value, kind: &Kind, out: &mut Vec<u8>) {
    match (value, kind) {
        (Value::Null, _) => out.extend_from_slice(b"null"),
        (Value::Float(number), _) => out.extend_from_slice(format!("{number:?}").as_bytes()),
        (Value::Double(number), _) => out.extend_from_slice(format!("{number:?}").as_bytes()),
        (Value::Year(year), _) => out.extend_from_slice(year.to_string().as_bytes()),
        (Value::Text(text), _) => json::string(text, out),
        (Value::Bytes(bytes), _) => json::base64(bytes, out),
        (Value::Geometry { srid, wkb }, _) => {
            out.extend_from_slice(format!("{{\"srid\":{srid},\"wkb\":").as_bytes());
            json::base64(wkb, out);
            out.push(b'}');
        }
        (Value::DateTime(time), Kind::Timestamp { digits }) => {
            json::string(format!("{}Z", time.text(*digits)).as_bytes(), out);
        }
        (Value::Int(_) | Value::UInt(_) | Value::Bits(_) | Value::Decimal(_), kind) => {
            out.extend_from_slice(value.to_text(kind).unwrap_or_default().as_bytes());
        }
        (value, kind) => {
            json::string(value.to_text(kind).unwrap_or_default().as_bytes(), out);
        }
    }
}

/// What tells whether a table still has the columns that it had: their names, and what their values look like, from the log and from
/// the catalogue alike.
pub(super) fn columns(table: &Table) -> Vec<(String, String)> {
    let column = |c: &crate::mysql::Column| {
        let key = c.key.map_or(String::new(), |place| format!("{KEY}{place}"));
        (c.name.clone(), format!("{}{key}", look(&c.kind)))
    };
    table.columns.iter().map(column).collect()
}

/// What comes before the place of a column in the key.
const KEY: &str = " key ";

/// The names of those that make the key, in its order.
pub(super) fn key_names(columns: &[(String, String)]) -> Vec<&str> {
    let mut key: Vec<(u16, &str)> = Vec::new();
    for (name, look) in columns {
        let place = look.rsplit_once(KEY).map(|(_, place)| place.parse());
        if let Some(Ok(place)) = place {
            key.push((place, name));
        }
    }
    key.sort_unstable();
    key.into_iter().map(|(_, name)| name).collect()
}

fn look(kind: &Kind) -> String {
    match kind {
        Kind::Char { charset, .. } | Kind::Varchar { charset, .. } | Kind::Blob { charset, .. } => {
            match charset {
                crate::mysql::Charset::Binary => "bytes".to_owned(),
                _ => "text".to_owned(),
            }
        }
        Kind::Enum { names, .. } => format!("enum {names:?}"),
        Kind::Set { names, .. } => format!("set {names:?}"),
        Kind::Json { .. } => "json".to_owned(),
        Kind::Geometry { .. } => "geometry".to_owned(),
        Kind::Vector { .. } => "vector".to_owned(),
        kind => format!("{kind:?}"),
    }
}
