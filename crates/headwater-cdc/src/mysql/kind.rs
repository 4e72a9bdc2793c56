//! The types of columns as the binary log tells them, and how their values stand in rows.

use std::net::{Ipv4Addr, Ipv6Addr};

use bytes::{Bytes, BytesMut};
use headwater_log::{Error, ErrorKind, Result};

use super::charset::Charset;
use super::compressed;
use super::gtid;
use super::json;
use super::reader::Reader;
use super::value::Value;
use super::{decimal, temporal};

/// The type of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `TINYINT` to `BIGINT`.
    Int {
        /// 1, 2, 3, 4 or 8.
        bytes: u8,
        /// Whether it is never negative.
        is_unsigned: bool,
    },
    /// `FLOAT`.
    Float,
    /// `DOUBLE`.
    Double,
    /// `DECIMAL`.
    Decimal {
        /// All digits.
        precision: u8,
        /// Those after the point.
        scale: u8,
    },
    /// `BIT`.
    Bit {
        /// 1 to 64.
        bits: u16,
    },
    /// `YEAR`.
    Year,
    /// `DATE`.
    Date,
    /// `TIME`.
    Time {
        /// Of the fraction of a second.
        digits: u8,
    },
    /// `DATETIME`.
    DateTime {
        /// Of the fraction of a second.
        digits: u8,
    },
    /// `TIMESTAMP`.
    Timestamp {
        /// Of the fraction of a second.
        digits: u8,
    },
    /// `CHAR` and `BINARY`.
    Char {
        /// The most bytes that it holds.
        bytes: u16,
        /// What they mean.
        charset: Charset,
    },
    /// `VARCHAR` and `VARBINARY`.
    Varchar {
        /// The most bytes that it holds.
        bytes: u16,
        /// What they mean.
        charset: Charset,
        /// Whether MariaDB compresses it.
        is_compressed: bool,
    },
    /// `TEXT` and `BLOB` of all sizes; MariaDB's JSON.
    Blob {
        /// How many bytes tell its length.
        length_bytes: u8,
        /// What its bytes mean.
        charset: Charset,
        /// Whether MariaDB compresses it.
        is_compressed: bool,
    },
    /// `ENUM`.
    Enum {
        /// 1 or 2.
        bytes: u8,
        /// Its names, from 1.
        names: Vec<Bytes>,
    },
    /// `SET`.
    Set {
        /// 1 to 8.
        bytes: u8,
        /// The name of each bit.
        names: Vec<Bytes>,
    },
    /// MySQL's JSON.
    Json {
        /// How many bytes tell its length.
        length_bytes: u8,
    },
    /// Shapes in space.
    Geometry {
        /// How many bytes tell its length.
        length_bytes: u8,
        /// Whether it holds points alone.
        is_point: bool,
    },
    /// MariaDB's `UUID`.
    Uuid,
    /// MariaDB's `INET6`.
    Inet6,
    /// MariaDB's `INET4`.
    Inet4,
    /// MySQL's vectors.
    Vector {
        /// How many bytes tell its length.
        length_bytes: u8,
    },
    /// One whose values cannot be read.
    Unknown {
        /// Its number.
        code: u8,
    },
}

impl Kind {
    /// Whether its values are texts.
    pub(super) fn is_text(&self) -> bool {
        match self {
            Self::Char { charset, .. }
            | Self::Varchar { charset, .. }
            | Self::Blob { charset, .. } => *charset != Charset::Binary,
            Self::Enum { .. } | Self::Set { .. } | Self::Json { .. } => true,
            Self::Uuid | Self::Inet6 | Self::Inet4 => true,
            _ => false,
        }
    }

    /// How many digits the fraction of a second has.
    pub(super) fn digits(&self) -> u8 {
        match self {
            Self::Time { digits } | Self::DateTime { digits } | Self::Timestamp { digits } => {
                *digits
            }
            _ => 0,
        }
    }

    /// The next value of a row, which is not null.
    pub(super) fn value(&self, reader: &mut Reader) -> Result<Value> {
        Ok(match self {
            Self::Int {
                bytes,
                is_unsigned: false,
            } => Value::Int(reader.int(usize::from(*bytes))?),
            Self::Int { bytes, .. } => Value::UInt(reader.uint(usize::from(*bytes))?),
            Self::Float => Value::Float(f32::from_bits(reader.u32()?)),
            Self::Double => Value::Double(f64::from_bits(reader.u64()?)),
            Self::Decimal { precision, scale } => {
                Value::Decimal(decimal::text(reader, *precision, *scale)?)
            }
            Self::Bit { bits } => {
                let bytes = usize::from(bits.div_ceil(8)).min(8);
                Value::Bits(reader.big_endian(bytes)?)
            }
            Self::Year => Value::Year(match reader.u8()? {
                0 => 0,
                year => 1900 + u16::from(year),
            }),
            Self::Date => Value::Date(temporal::date(reader)?),
            Self::Time { digits } => Value::Time(temporal::time(reader, *digits)?),
            Self::DateTime { digits } => Value::DateTime(temporal::datetime(reader, *digits)?),
            Self::Timestamp { digits } => Value::DateTime(temporal::timestamp(reader, *digits)?),
            Self::Enum { bytes, names } => name(names, reader.uint(usize::from(*bytes))?, reader)?,
            Self::Set { bytes, names } => set(names, reader.uint(usize::from(*bytes))?, reader)?,
            Self::Unknown { code } => return Err(unknown(*code)),
            _ => return self.sized(reader),
        })
    }

    /// A value that tells its own length.
    fn sized(&self, reader: &mut Reader) -> Result<Value> {
        let length = reader.uint(self.length_bytes())?;
        let length = usize::try_from(length).map_err(|_| reader.malformed())?;
        let stored = reader.take(length)?;
        Ok(match self {
            Self::Char {
                bytes,
                charset: Charset::Binary,
            } => Value::Bytes(padded(stored, usize::from(*bytes))),
            Self::Char { charset, .. } => Value::Text(charset.decode(stored)?),
            Self::Varchar {
                charset,
                is_compressed,
                ..
            }
            | Self::Blob {
                charset,
                is_compressed,
                ..
            } => {
                let bytes = match is_compressed {
                    true => compressed::column(stored)?,
                    false => stored,
                };
                match charset {
                    Charset::Binary => Value::Bytes(bytes),
                    charset => Value::Text(charset.decode(bytes)?),
                }
            }
            Self::Json { .. } => Value::Text(json::text(&stored)?),
            Self::Geometry { .. } => {
                let mut reader = Reader::new(stored, "geometry");
                Value::Geometry {
                    srid: reader.u32()?,
                    wkb: reader.rest(),
                }
            }
            Self::Uuid => Value::Text(gtid::uuid(&fixed(stored)?).into()),
            Self::Inet6 => Value::Text(inet6(fixed(stored)?).into()),
            Self::Inet4 => Value::Text(Ipv4Addr::from(fixed::<4>(stored)?).to_string().into()),
            _ => Value::Bytes(stored),
        })
    }

    fn length_bytes(&self) -> usize {
        match self {
            Self::Char { bytes, .. } | Self::Varchar { bytes, .. } if *bytes > 255 => 2,
            Self::Blob { length_bytes, .. }
            | Self::Json { length_bytes }
            | Self::Geometry { length_bytes, .. }
            | Self::Vector { length_bytes } => usize::from(*length_bytes),
            _ => 1,
        }
    }
}

/// `BINARY` is stored without the zeroes at its end.
fn padded(stored: Bytes, length: usize) -> Bytes {
    if stored.len() >= length {
        return stored;
    }
    let mut whole = BytesMut::from(&stored[..]);
    whole.resize(length, 0);
    whole.freeze()
}

fn fixed<const N: usize>(stored: Bytes) -> Result<[u8; N]> {
    let whole = padded(stored, N);
    let fixed = whole[..].try_into();
    fixed.map_err(|_| super::failure::malformed("value"))
}

/// As MariaDB writes it: what is compatible with IPv4 ends as such.
fn inet6(bytes: [u8; 16]) -> String {
    let address = Ipv6Addr::from(bytes);
    match address.segments() {
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => {
            let [.., a, b, c, d] = bytes;
            format!("::{}", Ipv4Addr::new(a, b, c, d))
        }
        _ => address.to_string(),
    }
}

/// The name of an `ENUM`; 0 is what the server stores for a value that it did not know.
fn name(names: &[Bytes], index: u64, reader: &Reader) -> Result<Value> {
    let Some(index) = index.checked_sub(1) else {
        return Ok(Value::Text(Bytes::new()));
    };
    let name = usize::try_from(index).ok().and_then(|i| names.get(i));
    match name {
        Some(name) => Ok(Value::Text(name.clone())),
        None => Err(reader.malformed()),
    }
}

fn set(names: &[Bytes], bits: u64, reader: &Reader) -> Result<Value> {
    let is_known = |n: usize| n < names.len();
    let mut text = BytesMut::new();
    for n in (0..64).filter(|n| bits >> n & 1 == 1) {
        if !is_known(n) {
            return Err(reader.malformed());
        }
        if !text.is_empty() {
            text.extend_from_slice(b",");
        }
        text.extend_from_slice(&names[n]);
    }
    Ok(Value::Text(text.freeze()))
}

fn unknown(code: u8) -> Error {
    let text = format!("a column is of a type that cannot be read (number {code})");
    let error = Error::new(ErrorKind::Unsupported, text);
    match code {
        7 | 11 | 12 => error.with_hint(
            "its times are stored as before version 5.6: SET GLOBAL mysql56_temporal_format = ON, then ALTER TABLE … FORCE",
        ),
        _ => error,
    }
}
