//! Hashes in place of texts.

use std::str::FromStr;

use headwater_log::{Error, ErrorKind, Result};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// What Java writes before an object.
const JAVA_HEADER: &[u8] = &[0xac, 0xed, 0x00, 0x05];
/// What it writes before a text whose length two bytes tell, and before a longer one.
const JAVA_TEXT: u8 = 0x74;
const JAVA_LONG_TEXT: u8 = 0x7c;

/// The hash of a salt and a text, in hexadecimal digits: the same text is the same hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hash {
    /// How it is computed.
    pub algorithm: Algorithm,
    /// What nobody else knows.
    pub salt: String,
    /// What of a text is hashed.
    pub of: Hashed,
    /// Whether there are as many digits as the column has characters at most, as Debezium does it.
    pub is_shortened: bool,
}

/// How a hash is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-1, which is broken for many purposes.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// What of a text is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hashed {
    /// Its UTF-8: `column.mask.hash.v2` of Debezium.
    Text,
    /// What Java writes for it: `column.mask.hash` of Debezium.
    JavaObject,
}

impl Hash {
    /// SHA-256 of this salt and the text.
    pub fn new(salt: impl Into<String>) -> Self {
        Self {
            algorithm: Algorithm::Sha256,
            salt: salt.into(),
            of: Hashed::Text,
            is_shortened: false,
        }
    }

    /// The digits for a text of a column that has so many characters at most.
    pub(super) fn digits(&self, text: &str, length: Option<usize>) -> String {
        let hashed = match self.of {
            Hashed::Text => text.as_bytes().to_vec(),
            Hashed::JavaObject => java_object(text),
        };
        let mut digits = self.algorithm.digits(self.salt.as_bytes(), &hashed);
        if let Some(length) = length.filter(|length| self.is_shortened && *length > 0) {
            digits.truncate(length);
        }
        digits
    }
}

impl Algorithm {
    fn digits(self, salt: &[u8], hashed: &[u8]) -> String {
        match self {
            Self::Sha1 => digits::<Sha1>(salt, hashed),
            Self::Sha224 => digits::<Sha224>(salt, hashed),
            Self::Sha256 => digits::<Sha256>(salt, hashed),
            Self::Sha384 => digits::<Sha384>(salt, hashed),
            Self::Sha512 => digits::<Sha512>(salt, hashed),
        }
    }
}

fn digits<D: Digest>(salt: &[u8], hashed: &[u8]) -> String {
    let hash = D::new().chain_update(salt).chain_update(hashed).finalize();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl FromStr for Algorithm {
    type Err = Error;

    /// As Java calls them: `SHA-256`.
    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text.to_ascii_uppercase().as_str() {
            "SHA-1" | "SHA1" | "SHA" => Self::Sha1,
            "SHA-224" => Self::Sha224,
            "SHA-256" => Self::Sha256,
            "SHA-384" => Self::Sha384,
            "SHA-512" => Self::Sha512,
            _ => {
                let text = format!("there is no hash '{text}'");
                return Err(Error::new(ErrorKind::Unsupported, text)
                    .with_hint("there are SHA-1, SHA-224, SHA-256, SHA-384 and SHA-512"));
            }
        })
    }
}

/// A text as Java's `ObjectOutputStream` writes it.
fn java_object(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for unit in text.encode_utf16() {
        // Zero is two bytes, and each half of a character beyond 16 bits is one of three.
        match unit {
            0x01..=0x7f => bytes.push(unit as u8),
            0 | 0x80..=0x7ff => bytes.extend([0xc0 | (unit >> 6) as u8, continued(unit)]),
            _ => bytes.extend([
                0xe0 | (unit >> 12) as u8,
                continued(unit >> 6),
                continued(unit),
            ]),
        }
    }
    let mut out = JAVA_HEADER.to_vec();
    match u16::try_from(bytes.len()) {
        Ok(length) => {
            out.push(JAVA_TEXT);
            out.extend(length.to_be_bytes());
        }
        Err(_) => {
            out.push(JAVA_LONG_TEXT);
            out.extend((bytes.len() as u64).to_be_bytes());
        }
    }
    out.extend(bytes);
    out
}

fn continued(bits: u16) -> u8 {
    0x80 | (bits & 0x3f) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_the_salt_and_the_text() {
        // SHA-256 and SHA-1 of "abc", as the standards have them.
        let hash = Hash::new("a");
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.digits("bc", Some(3)), known);
        let shortened = Hash {
            algorithm: "sha-1".parse().unwrap(),
            is_shortened: true,
            ..hash
        };
        assert_eq!(shortened.digits("bc", Some(8)), "a9993e36");
        assert_eq!(shortened.digits("bc", None).len(), 40);
        assert_eq!(shortened.digits("bc", Some(0)).len(), 40);
        let error = "MD5".parse::<Algorithm>().unwrap_err();
        assert!(error.message().contains("'MD5'"), "{error}");
    }

    #[test]
    fn texts_are_written_as_java_does() {
        let object = |text| java_object(text);
        assert_eq!(object("ab"), b"\xac\xed\x00\x05t\x00\x02ab");
        assert_eq!(object("\0é"), b"\xac\xed\x00\x05t\x00\x04\xc0\x80\xc3\xa9");
        let surrogates = b"\xac\xed\x00\x05t\x00\x09\xe2\x82\xac\xed\xa0\xbd\xed\xb8\x80";
        assert_eq!(object("€😀"), surrogates);
        let long = object(&"x".repeat(65_536));
        assert_eq!(
            &long[..13],
            b"\xac\xed\x00\x05|\x00\x00\x00\x00\x00\x01\x00\x00"
        );
        assert_eq!(long.len(), 13 + 65_536);
    }
}
