//! Regular expressions over names.

use std::str::FromStr;

use headwater_log::{Error, ErrorKind};
use regex::{Regex, RegexBuilder};

/// A regular expression that the whole of a name matches, whatever its capitals, as Debezium has them: `public\.orders.*`.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// The one that this name matches, whatever its capitals, and no other.
    pub fn literal(name: &str) -> Self {
        let text = regex::escape(name);
        let regex = RegexBuilder::new(&format!("^(?:{text})$"))
            .case_insensitive(true)
            .build();
        Self {
            regex: regex.expect("an escaped name is a regular expression"),
            text,
        }
    }

    /// Whether a name matches.
    pub fn matches(&self, name: &str) -> bool {
        self.regex.is_match(name)
    }
}

impl FromStr for Pattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let regex = RegexBuilder::new(&format!("^(?:{text})$"))
            .case_insensitive(true)
            .build()
            .map_err(|e| {
                let text = format!("'{text}' is not a regular expression");
                Error::new(ErrorKind::Invalid, text).with_source(e)
            })?;
        Ok(Self {
            text: text.to_owned(),
            regex,
        })
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_about_the_whole_of_a_name() {
        let pattern: Pattern = r"public\.(orders|lines_\d+)".parse().unwrap();
        for name in ["public.orders", "PUBLIC.Lines_7"] {
            assert!(pattern.matches(name), "{name}");
        }
        for name in ["public.orders2", "my.public.orders", "publicxorders"] {
            assert!(!pattern.matches(name), "{name}");
        }
        let literal = Pattern::literal("a.b(c");
        assert!(literal.matches("A.b(c") && !literal.matches("axb(c"));
        assert!("a|b".parse::<Pattern>().unwrap().matches("b"));
        let error = "(".parse::<Pattern>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}
