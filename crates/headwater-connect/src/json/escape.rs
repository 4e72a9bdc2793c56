//! Escapes in JSON strings, both ways.

use super::fault::{Fault, Parsed};

/// Appends what the inside of a string with backslashes stands for.
pub(super) fn unescape(text: &[u8], out: &mut Vec<u8>) -> Parsed<()> {
    let mut rest = text;
    while let Some(i) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..i]);
        let after = &rest[i + 1..];
        let Some((kind, after)) = after.split_first() else {
            return Err(Fault::syntax("an escape is cut off"));
        };
        rest = after;
        match kind {
            b'"' | b'\\' | b'/' => out.push(*kind),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let (character, after) = unicode(rest)?;
                let mut buffer = [0; 4];
                out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                rest = after;
            }
            _ => return Err(Fault::syntax("an unknown escape in a string")),
        }
    }
    out.extend_from_slice(rest);
    Ok(())
}

/// The character of `XXXX` or `XXXX\uXXXX`. A lone surrogate is no character and becomes U+FFFD, as in Java's UTF-8.
fn unicode(text: &[u8]) -> Parsed<(char, &[u8])> {
    let (first, rest) = hex(text)?;
    if (0xD800..0xDC00).contains(&first)
        && let Some(low) = rest.strip_prefix(b"\\u")
    {
        let (second, after) = hex(low)?;
        if (0xDC00..0xE000).contains(&second) {
            let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            return Ok((
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
                after,
            ));
        }
    }
    Ok((
        char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER),
        rest,
    ))
}

fn hex(text: &[u8]) -> Parsed<(u32, &[u8])> {
    let Some((digits, rest)) = text.split_first_chunk::<4>() else {
        return Err(Fault::syntax("an escape is cut off"));
    };
    let mut value = 0;
    for digit in digits {
        let Some(nibble) = char::from(*digit).to_digit(16) else {
            return Err(Fault::syntax("an unknown escape in a string"));
        };
        value = value << 4 | nibble;
    }
    Ok((value, rest))
}

/// Appends `text` with its quotes.
pub(super) fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut start = 0;
    for (i, byte) in text.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text[start..i]);
        start = i + 1;
        escape(*byte, out);
    }
    out.extend_from_slice(&text[start..]);
    out.push(b'"');
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        8 => b'b',
        12 => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&digits);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}
