//! The fields of a CSV record.

use super::config::Dialect;
use crate::column::Refusal;

/// Walks over the fields of a record.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    /// Where the next field begins; `None`: there is none.
    at: Option<usize>,
    dialect: &'a Dialect,
}

/// A field: where its text is, and whether it had quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field<'a> {
    /// The text between delimiters or quotes, as it lies there.
    pub(super) raw: &'a [u8],
    /// Whether it was in quotes, so that it cannot be null.
    pub(super) is_quoted: bool,
    /// Whether [`Field::text`] differs from `raw`.
    pub(super) is_escaped: bool,
}

impl<'a> Fields<'a> {
    /// The fields of `bytes`.
    pub(super) fn new(bytes: &'a [u8], dialect: &'a Dialect) -> Self {
        Self {
            bytes,
            at: Some(0),
            dialect,
        }
    }

    /// The next field.
    ///
    /// # Errors
    /// If quotes are not closed, or something follows them.
    pub(super) fn next(&mut self) -> Result<Option<Field<'a>>, Refusal> {
        let Some(at) = self.at else {
            return Ok(None);
        };
        let quote = self.dialect.quote;
        if quote.is_some() && self.bytes.get(at).copied() == quote {
            return self.quoted(at + 1).map(Some);
        }
        let rest = self.bytes.get(at..).unwrap_or_default();
        let (end, is_escaped) = self.bare_end(rest);
        self.at = (end < rest.len()).then_some(at + end + 1);
        Ok(Some(Field {
            raw: &rest[..end],
            is_quoted: false,
            is_escaped,
        }))
    }

    fn bare_end(&self, rest: &[u8]) -> (usize, bool) {
        let Some(escape) = self.dialect.escape else {
            let end = memchr::memchr(self.dialect.delimiter, rest);
            return (end.unwrap_or(rest.len()), false);
        };
        let mut at = 0;
        let mut is_escaped = false;
        while let Some(byte) = rest.get(at) {
            if *byte == escape {
                is_escaped = true;
                at += 1;
            } else if *byte == self.dialect.delimiter {
                break;
            }
            at += 1;
        }
        (at.min(rest.len()), is_escaped)
    }

    fn quoted(&mut self, start: usize) -> Result<Field<'a>, Refusal> {
        let mut at = start;
        let mut is_escaped = false;
        loop {
            let Some(byte) = self.bytes.get(at) else {
                return Err(Refusal("quotes are not closed"));
            };
            if Some(*byte) == self.dialect.escape {
                is_escaped = true;
                at += 2;
            } else if Some(*byte) != self.dialect.quote {
                at += 1;
            } else if self.bytes.get(at + 1).copied() == self.dialect.quote {
                is_escaped = true;
                at += 2;
            } else {
                break;
            }
        }
        self.at = match self.bytes.get(at + 1) {
            None => None,
            Some(b) if *b == self.dialect.delimiter => Some(at + 2),
            Some(_) => return Err(Refusal("something follows closing quotes")),
        };
        Ok(Field {
            raw: &self.bytes[start..at],
            is_quoted: true,
            is_escaped,
        })
    }
}

impl<'a> Field<'a> {
    /// What the field says; `scratch` is used if that is not what lies there.
    pub(super) fn text<'b>(&self, dialect: &Dialect, scratch: &'b mut Vec<u8>) -> &'b [u8]
    where
        'a: 'b,
    {
        if !self.is_escaped {
            return self.raw;
        }
        scratch.clear();
        let mut bytes = self.raw.iter();
        while let Some(byte) = bytes.next() {
            let is_escape =
                Some(*byte) == dialect.escape || (self.is_quoted && Some(*byte) == dialect.quote);
            match is_escape.then(|| bytes.next()) {
                Some(Some(next)) => scratch.push(*next),
                _ => scratch.push(*byte),
            }
        }
        scratch
    }
}
