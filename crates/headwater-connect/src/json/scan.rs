//! Running over JSON bytes without looking at more of them than necessary: strings by their quotes, containers by their
//! brackets. What is skipped is checked only as far as finding its end needs.

use super::block::{self, BLOCK};
use super::fault::{Fault, Parsed};

/// How deep a value that nobody asked for may be nested.
pub(super) const SKIP_DEPTH_MAX: u32 = 127;

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
    let mut wide = 0;
    loop {
        let found = block::string_ends(bytes, at);
        if found.mask == 0 {
            if found.len < BLOCK {
                return Err(Fault::syntax("a string does not end"));
            }
            wide |= found.wide;
            at += BLOCK;
            continue;
        }
        let i = found.mask.trailing_zeros();
        wide |= found.wide & ((1 << i) - 1);
        at += i as usize;
        match bytes[at] {
            b'"' => {
                return Ok(StringEnd {
                    quote: at,
                    escaped,
                    ascii: wide == 0,
                });
            }
            b'\\' => {
                escaped = true;
                at += 2;
            }
            _ => return Err(Fault::syntax("a control character in a string")),
        }
    }
}

/// The position after the string whose first character is at `at`.
#[inline]
fn skip_string(bytes: &[u8], at: usize) -> Parsed {
    let mut at = at;
    loop {
        let found = block::quotes(bytes, at);
        if found.mask == 0 {
            if found.len < BLOCK {
                return Err(Fault::syntax("a string does not end"));
            }
            at += BLOCK;
            continue;
        }
        at += found.mask.trailing_zeros() as usize;
        if bytes[at] == b'"' {
            return Ok(at + 1);
        }
        at += 2;
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
        let found = block::structurals(bytes, at);
        if found.mask != 0 {
            return Ok(at + found.mask.trailing_zeros() as usize);
        }
        if found.len < BLOCK {
            return Err(Fault::syntax("the record ends too early"));
        }
        at += BLOCK;
    }
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
