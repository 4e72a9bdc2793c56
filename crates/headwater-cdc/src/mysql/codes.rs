//! The types of columns by number, as the log names them before rows.

use headwater_log::Result;

use super::charset::Charset;
use super::kind::Kind;
use super::reader::Reader;
use super::table::Column;

/// Types by number.
pub(super) const TINY: u8 = 1;
pub(super) const SHORT: u8 = 2;
pub(super) const LONG: u8 = 3;
pub(super) const FLOAT: u8 = 4;
pub(super) const DOUBLE: u8 = 5;
pub(super) const LONGLONG: u8 = 8;
pub(super) const INT24: u8 = 9;
pub(super) const DATE: u8 = 10;
pub(super) const YEAR: u8 = 13;
pub(super) const NEWDATE: u8 = 14;
pub(super) const VARCHAR: u8 = 15;
pub(super) const BIT: u8 = 16;
pub(super) const TIMESTAMP2: u8 = 17;
pub(super) const DATETIME2: u8 = 18;
pub(super) const TIME2: u8 = 19;
pub(super) const BLOB_COMPRESSED: u8 = 140;
pub(super) const VARCHAR_COMPRESSED: u8 = 141;
pub(super) const VECTOR: u8 = 242;
pub(super) const JSON: u8 = 245;
pub(super) const DECIMAL: u8 = 246;
pub(super) const ENUM: u8 = 247;
pub(super) const SET: u8 = 248;
pub(super) const TINY_BLOB: u8 = 249;
pub(super) const BLOB: u8 = 252;
pub(super) const VAR_STRING: u8 = 253;
pub(super) const STRING: u8 = 254;
pub(super) const GEOMETRY: u8 = 255;

/// A type by its number and what the log says more of it.
///
/// # Errors
/// `Corrupt`.
pub(super) fn kind(code: u8, details: &mut Reader) -> Result<Kind> {
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
            is_point: false,
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
pub(super) fn real_codes(codes: &[u8], columns: &[Column]) -> Vec<u8> {
    let real = |(code, column): (&u8, &Column)| match column.kind {
        Kind::Enum { .. } => ENUM,
        Kind::Set { .. } => SET,
        _ => *code,
    };
    codes.iter().zip(columns).map(real).collect()
}
