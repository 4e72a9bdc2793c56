//! Some members of an object, found without reading the rest: what an envelope is taken apart by.

use std::ops::Range;

use super::escape;
use super::fault::{Fault, Parsed};
use super::reader::separator;
use super::scan;

/// Where a member's value lies in the bytes.
pub(super) type Place = Option<Range<usize>>;

/// The values of the members called `names` of the object that `bytes` are; of those that come twice the last.
///
/// What is in the other members is looked at only as far as finding their ends needs.
pub(super) fn members<const N: usize>(bytes: &[u8], names: [&str; N]) -> Parsed<[Place; N]> {
    let mut found = [const { None }; N];
    walk(bytes, b'{', |bytes, at| {
        let key = scan::string(bytes, expect(bytes, at, b'"', "expected a key")?)?;
        let raw = &bytes[at + 1..key.quote];
        let mut plain = Vec::new();
        if key.escaped {
            escape::unescape(raw, &mut plain)?;
        }
        let name = if key.escaped { &plain[..] } else { raw };
        let colon = scan::space(bytes, key.quote + 1);
        let value = scan::space(
            bytes,
            expect(bytes, colon, b':', "expected ':' after a key")?,
        );
        let end = scan::skip(bytes, value)?;
        if let Some(i) = names.iter().position(|n| n.as_bytes() == name) {
            found[i] = Some(value..end);
        }
        Ok(end)
    })?;
    Ok(found)
}

/// Where the elements of the array that `bytes` are lie.
pub(super) fn elements(bytes: &[u8]) -> Parsed<Vec<Range<usize>>> {
    let mut found = Vec::new();
    walk(bytes, b'[', |bytes, at| {
        let end = scan::skip(bytes, at)?;
        found.push(at..end);
        Ok(end)
    })?;
    Ok(found)
}

/// Whether the value is a null.
pub(super) fn is_null(value: &[u8]) -> bool {
    value == b"null"
}

/// The text of a string without escapes; `None` for everything else.
pub(super) fn text(value: &[u8]) -> Option<&[u8]> {
    let inside = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    (!inside.contains(&b'\\')).then_some(inside)
}

/// Goes through the parts of a container, which begins with `open`; `part` says where the one at a place ends.
fn walk(bytes: &[u8], open: u8, mut part: impl FnMut(&[u8], usize) -> Parsed) -> Parsed<()> {
    let (wanted, close) = match open {
        b'{' => ("expected an object", b'}'),
        _ => ("expected an array", b']'),
    };
    let start = scan::space(bytes, 0);
    let mut at = scan::space(bytes, expect(bytes, start, open, wanted)?);
    let mut is_end = bytes.get(at) == Some(&close);
    if is_end {
        at += 1;
    }
    while !is_end {
        let end = part(bytes, at)?;
        (at, is_end) = separator(bytes, end, close)?;
    }
    if scan::space(bytes, at) != bytes.len() {
        return Err(Fault::syntax("something follows the object"));
    }
    Ok(())
}

fn expect(bytes: &[u8], at: usize, byte: u8, reason: &'static str) -> Parsed {
    match bytes.get(at) {
        Some(b) if *b == byte => Ok(at + 1),
        _ => Err(Fault::syntax(reason)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_wherever_they_are_and_the_last_counts() {
        let text = br#" { "op" : "c" , "x":{"op":[1,{"a":2}]}, "\u0061fter":{"id":1},"op":"u","after2":null } "#;
        let [op, after, none] = members(text, ["op", "after", "before"]).unwrap();
        assert_eq!(&text[op.unwrap()], br#""u""#);
        assert_eq!(&text[after.unwrap()], br#"{"id":1}"#);
        assert_eq!(none, None);
        assert_eq!(members(b"{}", ["a"]).unwrap(), [None]);
    }

    #[test]
    fn elements_are_told_apart() {
        let text = br#"[ {"a":[1,2]}, null,"x,y" ]"#;
        let parts: Vec<&[u8]> = elements(text)
            .unwrap()
            .into_iter()
            .map(|r| &text[r])
            .collect();
        assert_eq!(parts, [&br#"{"a":[1,2]}"#[..], b"null", br#""x,y""#]);
        assert!(elements(b"[]").unwrap().is_empty());
    }

    #[test]
    fn what_is_cut_short_is_no_object() {
        let text = br#"{"op":"c","after":{"id":1}}"#;
        for end in 0..text.len() {
            assert!(members(&text[..end], ["op"]).is_err(), "{end}");
        }
        for wrong in ["[]", "1", "{\"a\" 1}", "{a:1}", "{\"a\":1,}", "{} {}"] {
            assert!(members(wrong.as_bytes(), ["a"]).is_err(), "{wrong}");
        }
    }
}
