//! What the log says of columns besides their types: names, signs, character sets, the names of `ENUM` and `SET`, the primary key.

use std::collections::HashMap;

use headwater_log::Result;

use super::charset::{Charset, Charsets};
use super::codes::{
    BLOB, BLOB_COMPRESSED, DECIMAL, DOUBLE, ENUM, FLOAT, GEOMETRY, INT24, LONG, LONGLONG, SET,
    SHORT, STRING, TINY, TINY_BLOB, VAR_STRING, VARCHAR, VARCHAR_COMPRESSED, YEAR,
};
use super::kind::Kind;
use super::reader::Reader;
use super::table::{Flavor, Table};

/// What follows the types, by number.
const SIGNEDNESS: u8 = 1;
const DEFAULT_CHARSET: u8 = 2;
const COLUMN_CHARSET: u8 = 3;
const COLUMN_NAME: u8 = 4;
const SET_NAMES: u8 = 5;
const ENUM_NAMES: u8 = 6;
const GEOMETRY_TYPE: u8 = 7;
const PRIMARY_KEY: u8 = 8;
const PREFIX_KEY: u8 = 9;
const ENUM_SET_DEFAULT_CHARSET: u8 = 10;
const ENUM_SET_COLUMN_CHARSET: u8 = 11;

/// Reads what follows the types.
pub(super) struct Description<'a> {
    pub(super) codes: Vec<u8>,
    pub(super) flavor: Flavor,
    pub(super) charsets: &'a Charsets,
}

impl Description<'_> {
    /// # Errors
    /// `Corrupt`.
    pub(super) fn read(&self, mut reader: Reader, table: &mut Table) -> Result<()> {
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
                    table.set_described();
                }
                SET_NAMES | ENUM_NAMES => names.push((field, value)),
                GEOMETRY_TYPE => self.geometries(&mut value, table)?,
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
        let is_number = |code| {
            let whole = matches!(code, TINY | SHORT | INT24 | LONG | LONGLONG | YEAR);
            whole || matches!(code, FLOAT | DOUBLE | DECIMAL | 0)
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

    /// What shapes each column has.
    fn geometries(&self, value: &mut Reader, table: &mut Table) -> Result<()> {
        const POINT: u64 = 1;
        for n in self.places(|code| code == GEOMETRY) {
            let shape = value.packed()?;
            if let Kind::Geometry { is_point, .. } = &mut table.columns[n].kind {
                *is_point = shape == POINT;
            }
        }
        Ok(())
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
