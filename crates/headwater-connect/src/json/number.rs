//! Numbers: where they end, and the value of those that are plain integers.

use super::fault::{Fault, Parsed};

/// The end of the number at `at`.
pub(super) fn end(bytes: &[u8], at: usize) -> Parsed {
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

/// The whole number of at most 16 digits at `at`, and where it ends; `None` for every other number.
#[inline]
pub(super) fn short_integer(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let negative = bytes.get(at) == Some(&b'-');
    let first = at + usize::from(negative);
    let (mut value, mut count) = eight_digits(word(bytes, first)?);
    if count == 8 {
        (value, count) = sixteen_digits(bytes, first, value)?;
    }
    let end = first + count;
    let has_zero_before = bytes[first] == b'0' && count > 1;
    match bytes.get(end) {
        Some(b'.' | b'e' | b'E' | b'0'..=b'9') => None,
        _ if count == 0 || has_zero_before => None,
        _ => Some((
            if negative {
                -(value as i64)
            } else {
                value as i64
            },
            end,
        )),
    }
}

/// The first eight digits, whose value is known, and those behind them.
#[inline(never)]
fn sixteen_digits(bytes: &[u8], first: usize, value: u64) -> Option<(u64, usize)> {
    let (low, more) = eight_digits(word(bytes, first + 8)?);
    Some((value * POWERS[more] + low, 8 + more))
}

const POWERS: [u64; 9] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// Eight bytes, the first lowest; `None` if there are fewer.
#[inline]
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let chunk = bytes.get(at..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*chunk))
}

/// How many of the first bytes of a word are digits, and their value. Without a loop: how long a number is cannot be
/// foreseen, and a wrong guess costs more than all of this.
#[inline]
fn eight_digits(word: u64) -> (u64, usize) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let values = word ^ (ONES * 0x30);
    // The high bit of the first byte that is not 0 to 9, exact up to and including it.
    let other = (values.wrapping_add(ONES * 0x76) | values) & (ONES * 0x80);
    let count = (other.trailing_zeros() / 8) as usize;
    if count == 0 {
        return (0, 0);
    }
    // Zeros in front of the digits; then pairs, fours and all eight are joined.
    let mut v = values << (64 - 8 * count);
    v = v.wrapping_mul(10).wrapping_add(v >> 8);
    let fours = ((v & 0x00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064))
        .wrapping_add(((v >> 16) & 0x00ff_0000_00ff).wrapping_mul(0x2710_0000_0001));
    (fours >> 32, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_integers_are_read_whatever_their_length() {
        for digits in 1..=18 {
            for text in ["1234567890123456789", "9999999999999999999"] {
                for sign in ["", "-"] {
                    let number = format!("{sign}{}", &text[..digits]);
                    for tail in [",\"abcdefgh", "}        ", " ]       "] {
                        let line = format!("{number}{tail}");
                        let got = short_integer(line.as_bytes(), 0);
                        let want = number.parse().ok().map(|value| (value, number.len()));
                        assert!(
                            got == want || (digits > 16 && got.is_none()),
                            "{line}: {got:?}"
                        );
                        assert!(got.is_some() || digits > 16, "{line}");
                        assert_eq!(end(line.as_bytes(), 0).ok(), Some(number.len()));
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_plain_integer_is_left_alone() {
        for text in [
            "01       ",
            "1.5      ",
            "1e3      ",
            "-        ",
            "12345678.9      ",
            "-x       ",
            "+1       ",
            "1",
        ] {
            assert_eq!(short_integer(text.as_bytes(), 0), None, "{text}");
        }
        assert_eq!(short_integer(b"0,       ", 0), Some((0, 1)));
        assert_eq!(short_integer(b"-0,       ", 0), Some((0, 2)));
    }
}
