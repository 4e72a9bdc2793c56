//! rpk's text patterns, `%k %v\n`: how records are written as text, and how lines are read as records.

use crate::cli::exit::{Failure, Outcome};

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// This text.
    Literal(String),
    /// `%t`, `%p`, `%o`, `%k`, `%v`, `%h`, `%d`.
    Field(char),
}

/// Reads a pattern; `fields` are the letters that may follow a percent sign.
pub(super) fn parse(text: &str, fields: &str) -> Outcome<Vec<Part>> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (
            c,
            if matches!(c, '%' | '\\') {
                chars.next()
            } else {
                None
            },
        ) {
            ('%', Some('%')) => literal.push('%'),
            ('\\', Some('n')) => literal.push('\n'),
            ('\\', Some('t')) => literal.push('\t'),
            ('\\', Some('r')) => literal.push('\r'),
            ('\\', Some('\\')) => literal.push('\\'),
            ('%', Some(field)) if fields.contains(field) => {
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push(Part::Field(field));
            }
            ('%' | '\\', next) => {
                let wrong: String = [Some(c), next].into_iter().flatten().collect();
                return Err(Failure::usage(format!(
                    "format '{text}' does not know '{wrong}'"
                )));
            }
            (c, _) => literal.push(c),
        }
    }
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Ok(parts)
}

/// Takes a line apart: what stands at each field. A field ends where the text after it begins; the last one at the end.
pub(super) fn split<'a>(parts: &[Part], line: &'a [u8]) -> Option<Vec<(char, &'a [u8])>> {
    let mut rest = line;
    let mut found = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        match part {
            Part::Literal(text) => rest = rest.strip_prefix(text.as_bytes())?,
            Part::Field(field) => {
                let end = match parts.get(i + 1) {
                    Some(Part::Literal(text)) => position(rest, text.as_bytes())?,
                    Some(Part::Field(_)) => return None,
                    None => rest.len(),
                };
                found.push((*field, &rest[..end]));
                rest = &rest[end..];
            }
        }
    }
    rest.is_empty().then_some(found)
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|w| w == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        let parts = parse("%k: %v", "kv").expect("parses");
        let found = split(&parts, b"a: b: c").expect("fits");
        assert_eq!(found, [('k', &b"a"[..]), ('v', &b"b: c"[..])]);
        assert_eq!(split(&parts, b"a b"), None);
        let value = parse("%v", "kv").expect("parses");
        assert_eq!(split(&value, b""), Some(vec![('v', &b""[..])]));
    }

    #[test]
    fn unknown_letters_are_usage_errors() {
        for wrong in ["%x", "%", "\\q", "a\\"] {
            assert!(parse(wrong, "kv").is_err(), "{wrong}");
        }
        assert_eq!(
            parse("100%%\\n", "v").expect("parses"),
            [Part::Literal("100%\n".to_owned())]
        );
    }
}
