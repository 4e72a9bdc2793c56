//! What the catalogue says of columns that the log does not, and that the schemas of events tell: their defaults.

use std::collections::HashMap;

use bytes::Bytes;
use headwater_log::Result;

use super::charset::Charset;
use super::failure::malformed;
use super::kind::Kind;
use super::session::Session;
use super::sql::literal;
use super::value::Value;

/// What a column is unless said.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ColumnDefault {
    /// Always the same.
    Value(Value),
    /// What a function gives, as the time of now.
    Computed,
}

/// What the catalogue says of a column.
#[derive(Debug, Clone)]
pub(super) struct Said {
    default: Option<String>,
    /// Whether the default is a literal as it stands in statements; else it is its text.
    is_quoted: bool,
    is_computed: bool,
    /// Its type as it stands in statements.
    pub(super) column_type: String,
    /// How many characters a `CHAR` or a `VARCHAR` has at most.
    pub(super) length: Option<usize>,
}

/// What the catalogue says of the columns of a table, as it is now; nothing if that is gone.
///
/// # Errors
/// What the server says.
pub(super) fn said(
    session: &mut Session,
    database: &str,
    name: &str,
) -> Result<HashMap<String, Said>> {
    let is_quoted = session.is_mariadb();
    let rows = session.query(&format!(
        "SELECT column_name, column_default, extra, column_type, \
         CASE WHEN data_type IN ('char', 'varchar') THEN character_maximum_length END FROM information_schema.columns \
         WHERE table_schema = {} AND table_name = {}",
        literal(database),
        literal(name)
    ))?;
    let one = |row: Vec<Option<String>>| {
        let [Some(name), default, extra, Some(kind), length] = &row[..] else {
            return Err(malformed("description of a column"));
        };
        let extra = extra.as_deref().unwrap_or_default();
        let said = Said {
            default: default.clone(),
            is_quoted,
            is_computed: extra.contains("DEFAULT_GENERATED"),
            column_type: kind.clone(),
            length: length.as_deref().and_then(|length| length.parse().ok()),
        };
        Ok((name.clone(), said))
    };
    rows.into_iter().map(one).collect()
}

impl Said {
    /// Whether its digits are counted: a `FLOAT` is a `double` to Debezium then.
    pub(super) fn has_digits(&self) -> bool {
        self.column_type.contains(',')
    }

    /// The default of a column of this kind.
    pub(super) fn default(&self, kind: &Kind) -> Option<ColumnDefault> {
        let text = self.default.as_deref()?;
        if self.is_quoted && text == "NULL" {
            return None;
        }
        if let Some(bytes) = octets(kind, text).filter(|_| !self.is_quoted) {
            let value = Value::parse(kind, Some(&bytes)).ok()?;
            return Some(ColumnDefault::Value(value));
        }
        let value = match text.strip_prefix('\'').filter(|_| self.is_quoted) {
            Some(quoted) => unquoted(quoted.strip_suffix('\'')?),
            None if self.is_computed => return Some(ColumnDefault::Computed),
            None => match number(text) {
                Some(number) => number,
                None if self.is_quoted => return Some(ColumnDefault::Computed),
                None if text.starts_with("CURRENT_TIMESTAMP") => {
                    return Some(ColumnDefault::Computed);
                }
                None => text.to_owned(),
            },
        };
        let value = Value::parse(kind, Some(&Bytes::from(value))).ok()?;
        Some(ColumnDefault::Value(value))
    }
}

/// The bytes in `0x6162`, as MySQL says those of a `BINARY` or `VARBINARY`.
fn octets(kind: &Kind, text: &str) -> Option<Bytes> {
    let (Kind::Char { charset, .. } | Kind::Varchar { charset, .. }) = kind else {
        return None;
    };
    let digits = text
        .strip_prefix("0x")
        .filter(|_| *charset == Charset::Binary)?;
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs
        .map(byte)
        .collect::<Option<Vec<u8>>>()
        .map(Bytes::from)
}

/// The text between quotes.
fn unquoted(text: &str) -> String {
    let (mut out, mut chars) = (String::new(), text.chars());
    while let Some(c) = chars.next() {
        match c {
            '\'' | '\\' => match chars.next() {
                Some('n') if c == '\\' => out.push('\n'),
                Some('r') if c == '\\' => out.push('\r'),
                Some('t') if c == '\\' => out.push('\t'),
                Some('0') if c == '\\' => out.push('\0'),
                other => out.extend(other),
            },
            c => out.push(c),
        }
    }
    out
}

/// A number as a SELECT gives it, which `b'101'` is too.
fn number(text: &str) -> Option<String> {
    if let Some(bits) = text.strip_prefix("b'").and_then(|t| t.strip_suffix('\'')) {
        return u64::from_str_radix(bits, 2).ok().map(|n| n.to_string());
    }
    text.parse::<f64>().ok().map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(default: &str, is_mariadb: bool, kind: Kind) -> Option<ColumnDefault> {
        let said = Said {
            default: Some(default.to_owned()),
            is_quoted: is_mariadb,
            is_computed: default.ends_with("()"),
            column_type: String::new(),
            length: None,
        };
        said.default(&kind)
    }

    #[test]
    fn defaults_of_both_servers_are_values() {
        let text = || Kind::Varchar {
            bytes: 9,
            charset: Charset::Utf8,
            is_compressed: false,
        };
        let int = || Kind::Int {
            bytes: 4,
            is_unsigned: false,
        };
        let of_text = |t: &'static str| Some(ColumnDefault::Value(Value::Text(t.into())));
        assert_eq!(check("'it''s\\n'", true, text()), of_text("it's\n"));
        assert_eq!(check("it's", false, text()), of_text("it's"));
        assert_eq!(check("'NULL'", true, text()), of_text("NULL"));
        assert_eq!(check("NULL", true, text()), None);
        let seven = Some(ColumnDefault::Value(Value::Int(7)));
        assert_eq!(check("7", true, int()), seven);
        assert_eq!(check("7", false, int()), seven);
        let bits = Some(ColumnDefault::Value(Value::Bits(5)));
        assert_eq!(check("b'101'", true, Kind::Bit { bits: 4 }), bits);
        assert_eq!(check("b'101'", false, Kind::Bit { bits: 4 }), bits);
        let binary = Kind::Varchar {
            bytes: 9,
            charset: Charset::Binary,
            is_compressed: false,
        };
        let ab = Some(ColumnDefault::Value(Value::Bytes("ab".into())));
        assert_eq!(check("0x6162", false, binary.clone()), ab);
        assert_eq!(check("'ab'", true, binary), ab);
        let time = || Kind::Timestamp { digits: 0 };
        let now = Some(ColumnDefault::Computed);
        assert_eq!(check("current_timestamp()", true, time()), now);
        assert_eq!(check("CURRENT_TIMESTAMP", false, time()), now);
        assert_eq!(check("uuid()", false, text()), now);
        // What is no value of the type is none.
        assert_eq!(check("'x'", true, int()), None);
    }
}
