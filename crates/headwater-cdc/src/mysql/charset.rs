//! Character sets: what the bytes of a text mean. The server's own tables are asked for once, so that every set of one byte a
//! character is exact.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use headwater_log::{Error, ErrorKind, Result};

use super::failure::malformed;
use super::session::Session;

/// What the bytes of a text mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charset {
    /// They are no text.
    Binary,
    /// They are UTF-8 (and ASCII).
    Utf8,
    /// Two bytes a unit, the higher one first; UCS-2 is its part.
    Utf16,
    /// Two bytes a unit, the lower one first.
    Utf16Le,
    /// Four bytes a character.
    Utf32,
    /// One byte a character.
    Single(Arc<[char; 256]>),
    /// Something else, by its name or number.
    Unknown(Arc<str>),
}

/// The character sets of a server, by the numbers of their collations.
#[derive(Debug, Clone)]
pub struct Charsets {
    of_collations: HashMap<u32, Charset>,
}

/// Collations that mean the same on all servers: `binary`, `ascii`, `utf8mb3` and `utf8mb4`.
const BINARY: u32 = 63;
const UTF8: &[u32] = &[11, 33, 45, 46, 65, 83, 192, 224, 255];

impl Default for Charsets {
    fn default() -> Self {
        let utf8 = UTF8.iter().map(|id| (*id, Charset::Utf8));
        Self {
            of_collations: utf8.chain([(BINARY, Charset::Binary)]).collect(),
        }
    }
}

impl Charsets {
    /// Those of the server.
    ///
    /// # Errors
    /// What the server says.
    pub fn of(session: &mut Session) -> Result<Self> {
        let table = match session.is_mariadb() {
            true => "COLLATION_CHARACTER_SET_APPLICABILITY",
            false => "COLLATIONS",
        };
        let sql = "SELECT id, character_set_name FROM information_schema";
        let mut rows = session.query(&format!("{sql}.{table} WHERE id IS NOT NULL"));
        if rows.is_err() {
            // MariaDB before 10.10.
            rows = session.query(&format!("{sql}.COLLATIONS WHERE id IS NOT NULL"));
        }
        let mut known: HashMap<String, Charset> = HashMap::new();
        let mut of_collations = Self::default().of_collations;
        for row in rows? {
            let [Some(id), Some(name)] = &row[..] else {
                continue;
            };
            let id = id.parse().map_err(|_| malformed("number of a collation"))?;
            let charset = match known.get(name) {
                Some(charset) => charset.clone(),
                None => of_name(session, name)?,
            };
            known.insert(name.clone(), charset.clone());
            of_collations.insert(id, charset);
        }
        Ok(Self { of_collations })
    }

    /// That of a collation.
    pub(super) fn get(&self, collation: u64) -> Charset {
        let id = u32::try_from(collation).ok();
        let known = id.and_then(|id| self.of_collations.get(&id));
        let unknown = || Charset::Unknown(format!("collation {collation}").into());
        known.cloned().unwrap_or_else(unknown)
    }
}

fn of_name(session: &mut Session, name: &str) -> Result<Charset> {
    Ok(match name {
        "binary" => Charset::Binary,
        "ascii" | "utf8" | "utf8mb3" | "utf8mb4" => Charset::Utf8,
        "ucs2" | "utf16" => Charset::Utf16,
        "utf16le" => Charset::Utf16Le,
        "utf32" => Charset::Utf32,
        _ => single(session, name)?.unwrap_or_else(|| Charset::Unknown(name.into())),
    })
}

/// What the server makes of all bytes in a set of one byte a character; `None`: it is not one.
fn single(session: &mut Session, name: &str) -> Result<Option<Charset>> {
    if !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(None);
    }
    let maxlen = format!(
        "SELECT maxlen FROM information_schema.CHARACTER_SETS WHERE character_set_name = '{name}'"
    );
    if session.value(&maxlen)?.as_deref() != Some("1") {
        return Ok(None);
    }
    let all: String = (0..=255_u8).map(|byte| format!("{byte:02x}")).collect();
    let text = session.value(&format!("SELECT CONVERT(_{name} x'{all}' USING utf8mb4)"))?;
    let chars: Vec<char> = text.unwrap_or_default().chars().collect();
    let table: Option<[char; 256]> = chars.try_into().ok();
    Ok(table.map(|table| Charset::Single(Arc::new(table))))
}

impl Charset {
    /// The text in UTF-8.
    ///
    /// # Errors
    /// `Unsupported` if nobody knows what the bytes mean, `Corrupt` if they mean nothing.
    pub(super) fn decode(&self, bytes: Bytes) -> Result<Bytes> {
        match self {
            Self::Binary => Ok(bytes),
            Self::Utf8 => match std::str::from_utf8(&bytes) {
                Ok(_) => Ok(bytes),
                Err(_) => Err(malformed("text")),
            },
            Self::Single(_) if bytes.is_ascii() && self.keeps_ascii() => Ok(bytes),
            Self::Single(table) => {
                let chars = bytes.iter().map(|b| table[usize::from(*b)]);
                Ok(chars.collect::<String>().into())
            }
            Self::Utf16 => utf16(&bytes, u16::from_be_bytes),
            Self::Utf16Le => utf16(&bytes, u16::from_le_bytes),
            Self::Utf32 => utf32(&bytes),
            Self::Unknown(name) => {
                let text = format!("the character set '{name}' is not known");
                Err(Error::new(ErrorKind::Unsupported, text)
                    .with_hint("ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4"))
            }
        }
    }

    fn keeps_ascii(&self) -> bool {
        match self {
            // `swe7` has letters where ASCII has brackets.
            Self::Single(table) => (0..128_u8).all(|b| table[usize::from(b)] == char::from(b)),
            _ => true,
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Bytes> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(malformed("text"));
    }
    let units = pairs.iter().map(|pair| unit(*pair));
    let chars = char::decode_utf16(units).collect::<Result<String, _>>();
    chars.map(Bytes::from).map_err(|_| malformed("text"))
}

fn utf32(bytes: &[u8]) -> Result<Bytes> {
    let (fours, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(malformed("text"));
    }
    let mut out = BytesMut::with_capacity(bytes.len());
    for four in fours {
        let char = char::from_u32(u32::from_be_bytes(*four));
        let char = char.ok_or_else(|| malformed("text"))?;
        out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(out.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(charset: &Charset, bytes: &'static [u8], want: &str) {
        assert_eq!(charset.decode(Bytes::from_static(bytes)).unwrap(), want);
    }

    #[test]
    fn wide_characters_become_utf8() {
        check(&Charset::Utf16, b"\0a\xd8\x3d\xde\x00", "a😀");
        check(&Charset::Utf16Le, b"a\0\x3d\xd8\x00\xde", "a😀");
        check(&Charset::Utf32, b"\0\0\0a\0\x01\xf6\0", "a😀");
        for charset in [Charset::Utf16, Charset::Utf32] {
            assert!(charset.decode(Bytes::from_static(b"\xd8")).is_err());
        }
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        let error = Charsets::default().get(28).decode(Bytes::new());
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("collation 28"), "{error}");
    }
}
