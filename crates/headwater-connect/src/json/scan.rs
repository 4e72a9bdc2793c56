//! Running over JSON bytes without looking at more of them than necessary: strings eight bytes at a time, containers
//! by their brackets. What is skipped is checked only as far as finding its end needs.

use super::fault::{Fault, Parsed};

/// How deep a value that nobody asked for may be nested.
pub(super) const SKIP_DEPTH_MAX: u32 = 127;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;
/// From here on a string is long enough for `memchr`'s set-up to pay.
const LONG_STRING: usize = 64;

/// Where a string ends and what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StringEnd {
    /// The index of the closing quote.
    pub(super) quote: usize,
    /// Whether there is a backslash.
    pub(super) escaped: bool,
    /// Whether all bytes are ASCII.
    pub(super) ascii: bool,
}

#[inline]
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let chunk = bytes.get(at..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*chunk))
}

/// High bits at the bytes of `word` that equal `byte`; exact up to and including the first of them.
#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    let x = word ^ (ONES * u64::from(byte));
    x.wrapping_sub(ONES) & !x & HIGHS
}

/// Whether JSON takes a byte for white space.
#[inline]
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The first position from `at` on that is not white space.
#[inline]
pub(super) fn space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r' | b'\n') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The end of the string whose first character is at `at` (after the opening quote).
#[inline]
pub(super) fn string(bytes: &[u8], at: usize) -> Parsed<StringEnd> {
    let mut at = at;
    let mut escaped = false;
    let mut seen = 0_u64;
    loop {
        let byte = match word(bytes, at) {
            Some(w) => {
                let control = w.wrapping_sub(ONES * 0x20) & !w & HIGHS;
                let special = equal(w, b'"') | equal(w, b'\\') | control;
                if special == 0 {
                    seen |= w;
                    at += 8;
                    continue;
                }
                let index = special.trailing_zeros() / 8;
                seen |= w & ((1_u64 << (index * 8)) - 1);
                at += index as usize;
                bytes[at]
            }
            None => match bytes.get(at) {
                Some(byte) => *byte,
                None => return Err(Fault::syntax("a string does not end")),
            },
        };
        match byte {
            b'"' => {
                return Ok(StringEnd {
                    quote: at,
                    escaped,
                    ascii: seen & HIGHS == 0,
                });
            }
            b'\\' => {
                escaped = true;
                at += 2;
            }
            0..0x20 => return Err(Fault::syntax("a control character in a string")),
            _ => {
                seen |= u64::from(byte);
                at += 1;
            }
        }
    }
}

/// The position after the string whose first character is at `at`.
#[inline]
fn skip_string(bytes: &[u8], at: usize) -> Parsed {
    let long = at + LONG_STRING;
    let mut at = at;
    loop {
        let found = if at >= long {
            let rest = bytes.get(at..).unwrap_or_default();
            memchr::memchr2(b'"', b'\\', rest).map(|i| at + i)
        } else if let Some(w) = word(bytes, at) {
            let special = equal(w, b'"') | equal(w, b'\\');
            if special == 0 {
                at += 8;
                continue;
            }
            Some(at + (special.trailing_zeros() / 8) as usize)
        } else {
            let rest = bytes.get(at..).unwrap_or_default();
            let found = rest.iter().position(|b| matches!(b, b'"' | b'\\'));
            found.map(|i| at + i)
        };
        match found {
            Some(i) if bytes[i] == b'"' => return Ok(i + 1),
            Some(i) => at = i + 2,
            None => return Err(Fault::syntax("a string does not end")),
        }
    }
}

/// The position after the value at `at`.
#[inline]
pub(super) fn skip(bytes: &[u8], at: usize) -> Parsed {
    match bytes.get(at) {
        Some(b'"') => skip_string(bytes, at + 1),
        Some(b'{' | b'[') => skip_container(bytes, at),
        Some(b'n') if bytes[at..].starts_with(b"null") => Ok(at + 4),
        Some(b't') if bytes[at..].starts_with(b"true") => Ok(at + 4),
        Some(b'f') if bytes[at..].starts_with(b"false") => Ok(at + 5),
        Some(b'-' | b'0'..=b'9') => Ok(skip_number(bytes, at)),
        Some(byte) if is_space(*byte) => skip(bytes, space(bytes, at)),
        Some(_) => Err(Fault::syntax("expected a value")),
        None => Err(Fault::syntax("the record ends too early")),
    }
}

#[inline]
fn skip_number(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Skips an object or array: only quotes and brackets matter. The open brackets are bits of a stack, objects 1.
fn skip_container(bytes: &[u8], at: usize) -> Parsed {
    let mut at = at;
    let mut depth = 0_u32;
    let mut kinds = 0_u128;
    loop {
        at = structural(bytes, at)?;
        let byte = bytes[at];
        at += 1;
        match byte {
            b'"' => at = skip_string(bytes, at)?,
            b'{' | b'[' => {
                if depth == SKIP_DEPTH_MAX {
                    return Err(Fault::syntax("nested too deep"));
                }
                depth += 1;
                kinds = kinds << 1 | u128::from(byte == b'{');
            }
            _ => {
                if (kinds & 1 == 1) != (byte == b'}') {
                    return Err(Fault::syntax("brackets do not match"));
                }
                kinds >>= 1;
                depth -= 1;
                if depth == 0 {
                    return Ok(at);
                }
            }
        }
    }
}

/// The next quote or bracket.
#[inline]
fn structural(bytes: &[u8], mut at: usize) -> Parsed {
    loop {
        if let Some(w) = word(bytes, at) {
            // With bit 5 set, `[` is `{` and `]` is `}`; no other byte becomes one of them.
            let folded = w | (ONES * 0x20);
            let special = equal(w, b'"') | equal(folded, b'{') | equal(folded, b'}');
            if special == 0 {
                at += 8;
                continue;
            }
            return Ok(at + (special.trailing_zeros() / 8) as usize);
        }
        match bytes.get(at) {
            Some(b'"' | b'{' | b'}' | b'[' | b']') => return Ok(at),
            Some(_) => at += 1,
            None => return Err(Fault::syntax("the record ends too early")),
        }
    }
}

/// The end of the number at `at`.
pub(super) fn number(bytes: &[u8], at: usize) -> Parsed {
    const MALFORMED: &str = "a number is malformed";
    let first = if bytes.get(at) == Some(&b'-') {
        at + 1
    } else {
        at
    };
    let mut end = digits(bytes, first);
    if end == first || (bytes[first] == b'0' && end > first + 1) {
        return Err(Fault::syntax(MALFORMED));
    }
    if bytes.get(end) == Some(&b'.') {
        let start = end + 1;
        end = digits(bytes, start);
        if end == start {
            return Err(Fault::syntax(MALFORMED));
        }
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        let signed = matches!(bytes.get(end + 1), Some(b'+' | b'-'));
        let start = end + 1 + usize::from(signed);
        end = digits(bytes, start);
        if end == start {
            return Err(Fault::syntax(MALFORMED));
        }
    }
    Ok(end)
}

fn digits(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b'0'..=b'9') = bytes.get(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipping_ends_right_after_each_kind_of_value() {
        for value in [
            "null",
            "true",
            "false",
            "0",
            "-1.5e+9",
            r#""""#,
            r#""a\"b\\""#,
            r#""0123456789abcdef\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\\""#,
            "[]",
            "{}",
            r#"{"a":[1,{"b":"}]"}],"c":"0123456789"}"#,
        ] {
            let text = format!("{value},\"x\":1");
            assert_eq!(skip(text.as_bytes(), 0).ok(), Some(value.len()), "{value}");
            for end in 0..value.len() {
                let got = skip(&text.as_bytes()[..end], 0);
                // A cut number is a shorter number; everything else must be noticed.
                assert!(
                    got.is_err() || value.starts_with(['0', '-']),
                    "{value} {end}"
                );
            }
        }
        assert!(skip(b"{\"a\":1]", 0).is_err());
        assert!(skip(b"nul,", 0).is_err());
        assert!(skip(&[b'['; 4096], 0).is_err());
    }

    #[test]
    fn strings_end_at_the_first_bare_quote() {
        for length in 0..40 {
            for tail in ["", "é", "\\\""] {
                let body = format!("{}{tail}", "x".repeat(length));
                let text = format!("{body}\",");
                let end = string(text.as_bytes(), 0).ok();
                let want = StringEnd {
                    quote: body.len(),
                    escaped: tail == "\\\"",
                    ascii: tail != "é",
                };
                assert_eq!(end, Some(want), "{text}");
            }
        }
        assert!(string(b"abc\n\"", 0).is_err());
        assert!(string(b"abc", 0).is_err());
    }
}
