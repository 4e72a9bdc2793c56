//! What a table looks like, as the log says before its rows: columns with names, types and the primary key.

use std::collections::HashMap;

use bytes::Bytes;
use headwater_log::{Error, ErrorKind, Result};

use super::charset::{Charset, Charsets};
use super::kind::Kind;
use super::reader::Reader;

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

/// Types by number.
const TINY: u8 = 1;
const SHORT: u8 = 2;
const LONG: u8 = 3;
const FLOAT: u8 = 4;
const DOUBLE: u8 = 5;
const LONGLONG: u8 = 8;
const INT24: u8 = 9;
const DATE: u8 = 10;
const YEAR: u8 = 13;
const NEWDATE: u8 = 14;
const VARCHAR: u8 = 15;
const BIT: u8 = 16;
const TIMESTAMP2: u8 = 17;
const DATETIME2: u8 = 18;
const TIME2: u8 = 19;
const BLOB_COMPRESSED: u8 = 140;
const VARCHAR_COMPRESSED: u8 = 141;
const VECTOR: u8 = 242;
const JSON: u8 = 245;
const DECIMAL: u8 = 246;
const ENUM: u8 = 247;
const SET: u8 = 248;
const TINY_BLOB: u8 = 249;
const BLOB: u8 = 252;
const VAR_STRING: u8 = 253;
const STRING: u8 = 254;
const GEOMETRY: u8 = 255;

/// What follows the types, by number.
const SIGNEDNESS: u8 = 1;
const DEFAULT_CHARSET: u8 = 2;
const COLUMN_CHARSET: u8 = 3;
const COLUMN_NAME: u8 = 4;
const SET_NAMES: u8 = 5;
const ENUM_NAMES: u8 = 6;
const PRIMARY_KEY: u8 = 8;
const PREFIX_KEY: u8 = 9;
const ENUM_SET_DEFAULT_CHARSET: u8 = 10;
const ENUM_SET_COLUMN_CHARSET: u8 = 11;

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

fn kind(code: u8, details: &mut Reader) -> Result<Kind> {
    let int = |bytes| Kind::Int {
        bytes,
        is_unsigned: false,
    };
    // Until it is said, bytes are bytes.
    let charset = Charset::Binary;
    Ok(match code {
        TINY => int(1),
        SHORT => int(2),
        INT24 => int(3),
        LONG => int(4),
        LONGLONG => int(8),
        YEAR => Kind::Year,
        DATE | NEWDATE => Kind::Date,
        FLOAT => {
            details.u8()?;
            Kind::Float
        }
        DOUBLE => {
            details.u8()?;
            Kind::Double
        }
        DECIMAL => Kind::Decimal {
            precision: details.u8()?,
            scale: details.u8()?,
        },
        BIT => {
            let (rest, whole) = (details.u8()?, details.u8()?);
            Kind::Bit {
                bits: u16::from(whole) * 8 + u16::from(rest),
            }
        }
        TIME2 => Kind::Time {
            digits: details.u8()?,
        },
        DATETIME2 => Kind::DateTime {
            digits: details.u8()?,
        },
        TIMESTAMP2 => Kind::Timestamp {
            digits: details.u8()?,
        },
        VARCHAR | VARCHAR_COMPRESSED | VAR_STRING => Kind::Varchar {
            bytes: details.u16()?,
            charset,
            is_compressed: code == VARCHAR_COMPRESSED,
        },
        TINY_BLOB..=BLOB | BLOB_COMPRESSED => Kind::Blob {
            length_bytes: length_bytes(details)?,
            charset,
            is_compressed: code == BLOB_COMPRESSED,
        },
        JSON => Kind::Json {
            length_bytes: length_bytes(details)?,
        },
        GEOMETRY => Kind::Geometry {
            length_bytes: length_bytes(details)?,
        },
        VECTOR => Kind::Vector {
            length_bytes: length_bytes(details)?,
        },
        ENUM | SET | STRING => string_kind(details.u8()?, details.u8()?),
        code => Kind::Unknown { code },
    })
}

fn length_bytes(details: &mut Reader) -> Result<u8> {
    match details.u8()? {
        bytes @ 1..=4 => Ok(bytes),
        _ => Err(details.malformed()),
    }
}

/// The first byte is the real type, with two bits of the length turned over in it.
fn string_kind(first: u8, second: u8) -> Kind {
    match first {
        ENUM => Kind::Enum {
            bytes: second.clamp(1, 2),
            names: Vec::new(),
        },
        SET => Kind::Set {
            bytes: second.clamp(1, 8),
            names: Vec::new(),
        },
        _ => Kind::Char {
            bytes: u16::from(first & 0x30 ^ 0x30) << 4 | u16::from(second),
            charset: Charset::Binary,
        },
    }
}

/// The types as they really are: the log writes `ENUM` and `SET` as strings.
fn real_codes(codes: &[u8], columns: &[Column]) -> Vec<u8> {
    let real = |(code, column): (&u8, &Column)| match column.kind {
        Kind::Enum { .. } => ENUM,
        Kind::Set { .. } => SET,
        _ => *code,
    };
    codes.iter().zip(columns).map(real).collect()
}

/// Reads what follows the types.
struct Description<'a> {
    codes: Vec<u8>,
    flavor: Flavor,
    charsets: &'a Charsets,
}

impl Description<'_> {
    fn read(&self, mut reader: Reader, table: &mut Table) -> Result<()> {
        // Names come before their character set.
        let (mut names, mut charset) = (Vec::new(), None);
        while !reader.is_empty() {
            let field = reader.u8()?;
            let mut value = Reader::new(reader.packed_bytes()?, "table");
            match field {
                SIGNEDNESS => self.signedness(&value.rest(), table),
                DEFAULT_CHARSET | COLUMN_CHARSET => {
                    let places = self.places(|code| self.has_charset(code));
                    for (n, charset) in self.read_charsets(field, &mut value, &places)? {
                        set_charset(&mut table.columns[n].kind, charset);
                    }
                }
                COLUMN_NAME => {
                    for column in &mut table.columns {
                        let length = value.packed_len()?;
                        column.name = value.text(length)?;
                    }
                    table.is_described = true;
                }
                SET_NAMES | ENUM_NAMES => names.push((field, value)),
                PRIMARY_KEY | PREFIX_KEY => key(&mut value, field == PREFIX_KEY, table)?,
                ENUM_SET_DEFAULT_CHARSET | ENUM_SET_COLUMN_CHARSET => {
                    charset = Some((field, value));
                }
                _ => {}
            }
        }
        let places = self.places(|code| matches!(code, ENUM | SET));
        let charsets = match charset {
            Some((ENUM_SET_DEFAULT_CHARSET, mut value)) => {
                self.read_charsets(DEFAULT_CHARSET, &mut value, &places)?
            }
            Some((_, mut value)) => self.read_charsets(COLUMN_CHARSET, &mut value, &places)?,
            None => Vec::new(),
        };
        let charsets: HashMap<usize, Charset> = charsets.into_iter().collect();
        for (field, mut value) in names {
            self.names(field, &mut value, &charsets, table)?;
        }
        Ok(())
    }

    /// The columns whose types are such.
    fn places(&self, is_such: impl Fn(u8) -> bool) -> Vec<usize> {
        let all = self.codes.iter().enumerate();
        all.filter(|(_, code)| is_such(**code))
            .map(|(n, _)| n)
            .collect()
    }

    fn has_charset(&self, code: u8) -> bool {
        match code {
            VARCHAR | VAR_STRING | STRING | TINY_BLOB..=BLOB => true,
            BLOB_COMPRESSED | VARCHAR_COMPRESSED => true,
            GEOMETRY => self.flavor == Flavor::MariaDb,
            _ => false,
        }
    }

    /// One bit a number, the highest bit first.
    fn signedness(&self, bits: &[u8], table: &mut Table) {
        let is_number = |code| match code {
            TINY | SHORT | LONG | FLOAT | DOUBLE | LONGLONG | INT24 | DECIMAL | 0 => true,
            YEAR => self.flavor == Flavor::MariaDb,
            _ => false,
        };
        for (bit, n) in self.places(is_number).into_iter().enumerate() {
            let is_set = bits
                .get(bit / 8)
                .is_some_and(|byte| byte << (bit % 8) & 0x80 != 0);
            if let Kind::Int { is_unsigned, .. } = &mut table.columns[n].kind {
                *is_unsigned = is_set;
            }
        }
    }

    /// Either one for each place, or one for all and then those places that have another.
    fn read_charsets(
        &self,
        field: u8,
        value: &mut Reader,
        places: &[usize],
    ) -> Result<Vec<(usize, Charset)>> {
        if field == COLUMN_CHARSET {
            let charset = |n: &usize| Ok((*n, self.charsets.get(value.packed()?)));
            return places.iter().map(charset).collect();
        }
        let default = self.charsets.get(value.packed()?);
        let mut charsets: Vec<(usize, Charset)> =
            places.iter().map(|n| (*n, default.clone())).collect();
        while !value.is_empty() {
            let (place, collation) = (value.packed_len()?, value.packed()?);
            let Some(entry) = charsets.get_mut(place) else {
                return Err(value.malformed());
            };
            entry.1 = self.charsets.get(collation);
        }
        Ok(charsets)
    }

    fn names(
        &self,
        field: u8,
        value: &mut Reader,
        charsets: &HashMap<usize, Charset>,
        table: &mut Table,
    ) -> Result<()> {
        let wanted = if field == SET_NAMES { SET } else { ENUM };
        for n in self.places(|code| code == wanted) {
            let count = value.packed_len()?;
            let charset = charsets.get(&n).unwrap_or(&Charset::Binary);
            let mut all = Vec::new();
            for _ in 0..count {
                all.push(charset.decode(value.packed_bytes()?));
            }
            let kind = &mut table.columns[n].kind;
            match (all.into_iter().collect(), kind) {
                (Ok(all), Kind::Enum { names, .. } | Kind::Set { names, .. }) => *names = all,
                // Said when its rows are read, which perhaps nobody does.
                (_, kind) => *kind = Kind::Unknown { code: wanted },
            }
        }
        Ok(())
    }
}

fn set_charset(kind: &mut Kind, of_column: Charset) {
    if let Kind::Char { charset, .. } | Kind::Varchar { charset, .. } | Kind::Blob { charset, .. } =
        kind
    {
        *charset = of_column;
    }
}

fn key(value: &mut Reader, has_prefixes: bool, table: &mut Table) -> Result<()> {
    for place in 0..=u16::MAX {
        if value.is_empty() {
            break;
        }
        let column = value.packed_len()?;
        if has_prefixes {
            value.packed()?;
        }
        match table.columns.get_mut(column) {
            Some(column) => column.key = Some(place),
            None => return Err(value.malformed()),
        }
    }
    Ok(())
}
