//! DECIMAL from its digits and back, never through a float.

use crate::column::Refusal;

/// An exponent beyond this is zero or out of range for every DECIMAL(38, s).
const EXPONENT_MAX: i64 = 10_000;

/// A number's text, taken apart: `±digits × 10^exponent`.
struct Parts<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

/// The unscaled value of `text` as DECIMAL(precision, scale); digits beyond the scale are rounded half up (away
/// from zero), as Flink does.
///
/// # Errors
/// If it is no number or has too many digits.
pub(crate) fn parse(text: &[u8], precision: u8, scale: i8) -> Result<i128, Refusal> {
    let parts = split(text).ok_or(Refusal("expected a number"))?;
    let (value, rounding) =
        scaled(&parts, i64::from(scale)).ok_or(Refusal("number out of range"))?;
    let value = value + i128::from(rounding >= 5);
    if value >= 10_i128.pow(u32::from(precision.min(38))) {
        return Err(Refusal("number out of range"));
    }
    Ok(if parts.negative { -value } else { value })
}

/// The value of `text` if it is a whole number, however it is written.
pub(crate) fn exact_whole(text: &[u8]) -> Option<i128> {
    let parts = split(text)?;
    let significant = |digits: &[u8]| digits.iter().any(|d| *d != b'0');
    let dropped = -parts.exponent;
    let kept = parts.whole.len() as i64 - dropped;
    // Everything right of the point, after the exponent has moved it, must be zero.
    let all = parts.whole.iter().chain(parts.fraction);
    let right: Vec<u8> = all.skip(kept.max(0) as usize).copied().collect();
    if significant(&right) {
        return None;
    }
    let (value, _) = scaled(&parts, 0)?;
    Some(if parts.negative { -value } else { value })
}

/// The digits as a whole number with `scale` places after the point, and the first digit that was cut off.
fn scaled(parts: &Parts<'_>, scale: i64) -> Option<(i128, u8)> {
    let places = parts.whole.len() as i64 + parts.exponent + scale;
    let mut value = 0_i128;
    let mut digits = parts.whole.iter().chain(parts.fraction);
    if places < 0 {
        return Some((0, 0));
    }
    for _ in 0..places {
        let digit = match digits.next() {
            Some(digit) => digit - b'0',
            None if value == 0 => return Some((0, 0)),
            None => 0,
        };
        value = value.checked_mul(10)?.checked_add(i128::from(digit))?;
    }
    Some((value, digits.next().map_or(0, |d| d - b'0')))
}

fn split(text: &[u8]) -> Option<Parts<'_>> {
    let (negative, rest) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let digits = |t: &[u8]| t.iter().take_while(|b| b.is_ascii_digit()).count();
    let (whole, rest) = rest.split_at(digits(rest));
    let (fraction, rest) = match rest.split_first() {
        Some((b'.', rest)) => rest.split_at(digits(rest)),
        _ => (&rest[..0], rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let exponent = match rest.split_first() {
        None => 0,
        Some((b'e' | b'E', text)) => std::str::from_utf8(text).ok()?.parse::<i64>().ok()?,
        Some(_) => return None,
    };
    Some(Parts {
        negative,
        whole,
        fraction,
        exponent: exponent.clamp(-EXPONENT_MAX, EXPONENT_MAX),
    })
}

/// Writes an unscaled value with its point.
pub(crate) fn write(value: i128, scale: i8, out: &mut Vec<u8>) {
    use std::io::Write;
    let scale = usize::from(scale.unsigned_abs());
    if value < 0 {
        out.push(b'-');
    }
    let start = out.len();
    // Writing to a vector cannot fail.
    write!(out, "{:0width$}", value.unsigned_abs(), width = scale + 1)
        .expect("a vector takes every byte");
    if scale > 0 {
        let point = out.len() - scale;
        debug_assert!(point > start);
        out.insert(point, b'.');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, precision: u8, scale: i8, want: Result<i128, &'static str>) {
        let got = parse(text.as_bytes(), precision, scale).map_err(|r| r.0);
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn decimals_are_exact_and_round_half_up() {
        check("1.23", 10, 2, Ok(123));
        check("-1.235", 10, 2, Ok(-124));
        check("1.234999", 10, 2, Ok(123));
        check("0.1", 38, 20, Ok(10_000_000_000_000_000_000));
        check("12e-1", 10, 2, Ok(120));
        check("1e3", 10, 0, Ok(1_000));
        check("1e-9000", 10, 2, Ok(0));
        check("0e9000", 10, 2, Ok(0));
        check("1e9000", 10, 2, Err("number out of range"));
        check("99.995", 4, 2, Err("number out of range"));
        check(
            "99999999999999999999999999999999999999",
            38,
            0,
            Ok(10_i128.pow(38) - 1),
        );
        check("1.", 5, 0, Ok(1));
        check(".", 5, 0, Err("expected a number"));
        check("1x", 5, 0, Err("expected a number"));
    }

    #[test]
    fn whole_numbers_are_known_however_they_are_written() {
        assert_eq!(exact_whole(b"1e3"), Some(1_000));
        assert_eq!(exact_whole(b"2.0"), Some(2));
        assert_eq!(exact_whole(b"2.5"), None);
        assert_eq!(exact_whole(b"25e-1"), None);
        assert_eq!(exact_whole(b"250e-1"), Some(25));
        assert_eq!(exact_whole(b"5e-1"), None);
        assert_eq!(
            exact_whole(b"-9223372036854775808"),
            Some(i128::from(i64::MIN))
        );
    }

    #[test]
    fn decimals_write_with_their_scale() {
        let show = |value, scale| {
            let mut out = Vec::new();
            write(value, scale, &mut out);
            String::from_utf8_lossy(&out).into_owned()
        };
        assert_eq!(show(123, 2), "1.23");
        assert_eq!(show(-5, 2), "-0.05");
        assert_eq!(show(7, 0), "7");
    }
}
