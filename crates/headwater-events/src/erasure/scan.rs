//! Finds what is marked as personal in JSON, and replaces just that: every other byte stays as it is.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::personal::MARK;

/// What is in a mark.
#[derive(Debug, Deserialize)]
pub(super) struct Marked<'a> {
    #[serde(borrow)]
    pub(super) subject: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) value: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) sealed: Option<Cow<'a, str>>,
}

/// Replaces what is in each mark by what `replace` makes of it, which is given an error if a mark has another shape; `None`: there
/// is no mark.
pub(super) fn replace<E>(
    json: &[u8],
    mut replace: impl FnMut(serde_json::Result<Marked<'_>>) -> Result<Vec<u8>, E>,
) -> Result<Option<Vec<u8>>, E> {
    if memchr::memmem::find(json, MARK.as_bytes()).is_none() {
        return Ok(None);
    }
    let mut out = Vec::with_capacity(json.len() + 64);
    let (mut at, mut copied) = (0, 0);
    while at < json.len() {
        match json[at] {
            b'"' => at = string_end(json, at),
            b'{' => match mark(json, at) {
                Some(inner) => {
                    let mut values = serde_json::Deserializer::from_slice(&json[inner..])
                        .into_iter::<Marked<'_>>();
                    let Some(marked) = values.next() else {
                        return Ok(None);
                    };
                    out.extend_from_slice(&json[copied..inner]);
                    out.extend(replace(marked)?);
                    at = inner + values.byte_offset();
                    copied = at;
                }
                None => at += 1,
            },
            _ => at += 1,
        }
    }
    out.extend_from_slice(&json[copied..]);
    Ok((copied > 0).then_some(out))
}

/// Behind the closing quote of the text that begins at `at`.
fn string_end(json: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while end < json.len() && json[end] != b'"' {
        end += if json[end] == b'\\' { 2 } else { 1 };
    }
    end + 1
}

/// Where what is marked begins, if the object at `at` is a mark.
fn mark(json: &[u8], at: usize) -> Option<usize> {
    let at = skip_space(json, at + 1);
    let rest = json.get(at..)?.strip_prefix(b"\"")?;
    let rest = rest.strip_prefix(MARK.as_bytes())?.strip_prefix(b"\"")?;
    let at = skip_space(json, json.len() - rest.len());
    json.get(at)?.eq(&b':').then(|| skip_space(json, at + 1))
}

fn skip_space(json: &[u8], mut at: usize) -> usize {
    while json.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<&str>) {
        let subject = |m: serde_json::Result<Marked<'_>>| {
            Ok::<_, serde_json::Error>(format!("<{}>", m?.subject).into_bytes())
        };
        let replaced = replace(json.as_bytes(), subject).expect("it is JSON");
        let replaced = replaced.map(|r| String::from_utf8(r).expect("text"));
        assert_eq!(replaced.as_deref(), expected, "{json}");
    }

    #[test]
    fn only_what_is_marked_is_replaced() {
        check(r#"{"a":1}"#, None);
        check(r#"{"a":"{\"$personal\":1}","b":"$personal"}"#, None);
        check(
            r#"{"n":123456789012345678901234567890, "e":{ "$personal" : {"subject":"s","value":[1,{"x":"}"}]} }, "z":[]}"#,
            Some(r#"{"n":123456789012345678901234567890, "e":{ "$personal" : <s> }, "z":[]}"#),
        );
        check(
            r#"[{"$personal":{"subject":"a","value":1}},{"$personal":{"subject":"b\n"}}]"#,
            Some("[{\"$personal\":<a>},{\"$personal\":<b\n>}]"),
        );
    }

    #[test]
    fn a_mark_of_another_shape_is_an_error() {
        let same = |m: serde_json::Result<Marked<'_>>| m.map(|_| Vec::new());
        assert!(replace(br#"{"$personal":1}"#, same).is_err());
        assert!(replace(br#"{"$personal":"#, same).is_ok_and(|r| r.is_none()));
    }
}
