//! What is done to the values of a column.

use headwater_log::{Error, ErrorKind, Result};

use super::hash::Hash;
use crate::json;

/// How a text is made unreadable, or shorter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Treatment {
    /// So many `*`, whatever it was; also where nothing was.
    Mask(usize),
    /// A hash of it.
    Hash(Hash),
    /// At most so many characters of it, of which those beyond U+FFFF count twice, as to Java.
    Truncate(usize),
}

/// What is done to the values of a column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Rule {
    /// Nothing.
    #[default]
    Keep,
    /// There are none in records.
    LeaveOut,
    /// They are others in records; how many characters the column has at most.
    Treat(Treatment, Option<usize>),
}

impl Rule {
    /// What the schemas of Debezium's events tell of it: a name and a value.
    pub(crate) fn told(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Keep | Self::LeaveOut => None,
            Self::Treat(Treatment::Mask(_) | Treatment::Hash(_), _) => {
                Some(("masked", "true".to_owned()))
            }
            Self::Treat(Treatment::Truncate(length), _) => {
                Some(("truncateLength", length.to_string()))
            }
        }
    }

    /// Treats the value that was written last, from `start` on.
    ///
    /// # Errors
    /// `Unsupported` if it is no text.
    pub(crate) fn apply(&self, column: &str, start: usize, out: &mut Vec<u8>) -> Result<()> {
        let Self::Treat(treatment, most) = self else {
            return Ok(());
        };
        let value = &out[start..];
        let known: Option<String> = match (value, treatment) {
            (b"null", Treatment::Hash(_) | Treatment::Truncate(_)) => return Ok(()),
            (b"null", Treatment::Mask(_)) => None,
            _ => Some(serde_json::from_slice(value).map_err(|_| no_text(column))?),
        };
        let known = known.unwrap_or_default();
        out.truncate(start);
        match treatment {
            Treatment::Mask(length) => json::string(&vec![b'*'; *length], out),
            Treatment::Truncate(length) => {
                json::string(cut(&known, *length).as_bytes(), out);
            }
            Treatment::Hash(hash) => json::string(hash.digits(&known, *most).as_bytes(), out),
        }
        Ok(())
    }
}

/// The beginning of a text. A character that would be cut in two, of which Debezium leaves a half, is left out.
fn cut(text: &str, length: usize) -> &str {
    let mut units = 0;
    let end = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > length
    });
    end.map_or(text, |(at, _)| &text[..at])
}

/// A column whose values cannot be treated.
pub(super) fn no_text(column: &str) -> Error {
    let text = format!("column '{column}' has values that are no texts");
    Error::new(ErrorKind::Unsupported, text)
        .with_hint("leave the column out: only texts can be masked, hashed or cut")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn treated(treatment: Treatment, value: &str) -> Result<String> {
        let mut out = format!("{{\"a\":{value}").into_bytes();
        Rule::Treat(treatment, None).apply("t.a", 5, &mut out)?;
        Ok(String::from_utf8(out.split_off(5)).unwrap())
    }

    #[test]
    fn texts_are_masked_hashed_or_cut() {
        let mask = || Treatment::Mask(3);
        assert_eq!(treated(mask(), r#""secret \" text""#).unwrap(), "\"***\"");
        assert_eq!(treated(mask(), "null").unwrap(), "\"***\"");
        let cut = |value| treated(Treatment::Truncate(2), value).unwrap();
        assert_eq!(cut(r#""\"üx""#), r#""\"ü""#);
        assert_eq!(cut(r#""ab""#), r#""ab""#);
        assert_eq!(cut("null"), "null");
        assert_eq!(
            (cut(r#""😀x""#), cut(r#""x😀""#)),
            (r#""😀""#.into(), r#""x""#.into())
        );
        let hash = |salt: &str, value| treated(Treatment::Hash(Hash::new(salt)), value).unwrap();
        // SHA-256 of "abc", as the standard has it.
        let known = "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"";
        assert_eq!(hash("a", r#""bc""#), known);
        assert_ne!(hash("b", r#""bc""#), known);
        assert_eq!(hash("a", "null"), "null");
    }

    #[test]
    fn what_is_no_text_is_refused_and_never_shown() {
        let error = treated(Treatment::Mask(3), "1234567").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("'t.a'"), "{error}");
        assert!(!format!("{error:?}").contains("1234567"));
    }
}
