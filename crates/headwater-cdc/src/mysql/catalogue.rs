//! Tables as the catalogue of a server describes them, for those who read them by SELECT.

use bytes::Bytes;
use headwater_log::{Error, ErrorKind, Result};

use super::charset::Charset;
use super::failure::malformed;
use super::kind::Kind;
use super::session::Session;
use super::sql::{identifier, literal};
use super::table::{Column, Table};

/// What types of shapes in space are called.
const SHAPES: &[&str] = &[
    "geometry",
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
    "geomcollection",
];

/// What the index of a primary key is called.
const PRIMARY: &str = "PRIMARY";

impl Table {
    /// A table as it is now.
    ///
    /// # Errors
    /// `NotFound` if there is none that the user may see, and what the server says.
    pub fn of(session: &mut Session, database: &str, name: &str) -> Result<Self> {
        let place = format!(
            "table_schema = {} AND table_name = {}",
            literal(database),
            literal(name)
        );
        let columns = session.query(&format!(
            "SELECT column_name, data_type, column_type, is_nullable, character_octet_length, \
             numeric_precision, numeric_scale, datetime_precision \
             FROM information_schema.columns WHERE {place} ORDER BY ordinal_position"
        ))?;
        let columns = columns.into_iter().map(column);
        let mut columns = columns.collect::<Result<Vec<_>>>()?;
        if columns.is_empty() {
            let text = format!("there is no table '{database}.{name}' that the user may read");
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        let key = key(session, database, name)?;
        for (place, name) in (0..).zip(key) {
            let mut columns = columns.iter_mut();
            if let Some(column) = columns.find(|c| c.name == name) {
                column.key = Some(place);
            }
        }
        Ok(Self::described(database, name, columns))
    }
}

/// The columns of the primary key; where there is none, of the first unique index over whole columns that are never null, which the
/// server, and so its log, takes for one.
fn key(session: &mut Session, database: &str, name: &str) -> Result<Vec<String>> {
    let (database, name) = (identifier(database), identifier(name));
    let rows = session.query(&format!(
        "SHOW INDEX FROM {database}.{name} WHERE non_unique = 0"
    ))?;
    let mut indexes: Vec<(String, Vec<Option<String>>)> = Vec::new();
    for row in rows {
        let [_, _, Some(index), _, column, _, _, part, _, nullable, ..] = &row[..] else {
            return Err(malformed("description of an index"));
        };
        let is_whole = part.is_none() && nullable.as_deref().is_none_or(str::is_empty);
        let column = column.clone().filter(|_| is_whole || index == PRIMARY);
        match indexes.last_mut() {
            Some((last, columns)) if last == index => columns.push(column),
            _ => indexes.push((index.clone(), vec![column])),
        }
    }
    indexes.sort_by_key(|(index, _)| index != PRIMARY);
    let mut keys = indexes
        .into_iter()
        .filter_map(|(_, columns)| columns.into_iter().collect());
    Ok(keys.next().unwrap_or_default())
}

fn column(row: Vec<Option<String>>) -> Result<Column> {
    let [
        Some(name),
        Some(data_type),
        Some(column_type),
        Some(nullable),
        rest @ ..,
    ] = &row[..]
    else {
        return Err(malformed("description of a column"));
    };
    let number = |n: usize| {
        let text = rest.get(n).and_then(Option::as_deref);
        text.and_then(|t| t.parse::<u64>().ok()).unwrap_or(0)
    };
    Ok(Column {
        name: name.clone(),
        kind: kind(data_type, column_type, &number),
        is_nullable: nullable == "YES",
        key: None,
    })
}

/// The type by its names; numbers are octets, precision, scale and digits of a fraction.
fn kind(data_type: &str, column_type: &str, number: &dyn Fn(usize) -> u64) -> Kind {
    let (octets, precision, scale) = (number(0), number(1) as u8, number(2) as u8);
    let (digits, bytes) = (number(3) as u8, u16::try_from(octets).unwrap_or(u16::MAX));
    let int = |bytes| Kind::Int {
        bytes,
        is_unsigned: column_type.contains("unsigned"),
    };
    let varchar = |charset| Kind::Varchar {
        bytes,
        charset,
        is_compressed: false,
    };
    let blob = |length_bytes, charset| Kind::Blob {
        length_bytes,
        charset,
        is_compressed: false,
    };
    match data_type {
        "tinyint" => int(1),
        "smallint" => int(2),
        "mediumint" => int(3),
        "int" => int(4),
        "bigint" => int(8),
        "float" => Kind::Float,
        "double" => Kind::Double,
        "decimal" => Kind::Decimal { precision, scale },
        "bit" => Kind::Bit {
            bits: u16::from(precision),
        },
        "year" => Kind::Year,
        "date" => Kind::Date,
        "time" => Kind::Time { digits },
        "datetime" => Kind::DateTime { digits },
        "timestamp" => Kind::Timestamp { digits },
        "char" => Kind::Char {
            bytes,
            charset: Charset::Utf8,
        },
        "binary" => Kind::Char {
            bytes,
            charset: Charset::Binary,
        },
        "varchar" => varchar(Charset::Utf8),
        "varbinary" => varchar(Charset::Binary),
        "tinytext" => blob(1, Charset::Utf8),
        "text" => blob(2, Charset::Utf8),
        "mediumtext" => blob(3, Charset::Utf8),
        "longtext" => blob(4, Charset::Utf8),
        "tinyblob" => blob(1, Charset::Binary),
        "blob" => blob(2, Charset::Binary),
        "mediumblob" => blob(3, Charset::Binary),
        "longblob" => blob(4, Charset::Binary),
        "enum" => Kind::Enum {
            bytes: 2,
            names: names(column_type),
        },
        "set" => Kind::Set {
            bytes: 8,
            names: names(column_type),
        },
        "json" => Kind::Json { length_bytes: 4 },
        "uuid" => Kind::Uuid,
        "inet6" => Kind::Inet6,
        "inet4" => Kind::Inet4,
        "vector" => Kind::Vector { length_bytes: 4 },
        shape if SHAPES.contains(&shape) => geometry(shape),
        _ => Kind::Unknown { code: 0 },
    }
}

fn geometry(shape: &str) -> Kind {
    Kind::Geometry {
        length_bytes: 4,
        is_point: shape == "point",
    }
}

/// The names in `enum('a','b''c')`.
fn names(column_type: &str) -> Vec<Bytes> {
    let (mut names, mut name, mut is_inside) = (Vec::new(), String::new(), false);
    let mut chars = column_type.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' if is_inside && chars.peek() == Some(&'\'') => {
                chars.next();
                name.push('\'');
            }
            '\'' if is_inside => {
                names.push(Bytes::from(std::mem::take(&mut name)));
                is_inside = false;
            }
            '\'' => is_inside = true,
            c if is_inside => name.push(c),
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_where_their_quotes_do() {
        assert_eq!(names("enum('a','b''c',',')"), ["a", "b'c", ","]);
    }
}
