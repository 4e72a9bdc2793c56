//! `real` and `double precision`: the fewest digits that are this number and no other.
//!
//! Where fewer digits lie exactly between two numbers, of which readers take this one, the server writes one digit more: it does not
//! rely on how others round.

use std::fmt::{Display, LowerExp};
use std::io::Write as _;

use headwater_log::Result;

use super::{exact, put_padded};

/// What the server writes without an exponent has at least this one.
const EXPONENT_MIN: i32 = -4;

/// How the server writes numbers of a size.
struct Format {
    /// Bits of the mantissa, the first one included.
    bits: u32,
    /// The exponent of the lowest bit of the smallest numbers.
    least: i32,
    /// Digits that are enough for every number.
    digits: usize,
    /// The first decimal exponent that is written as one.
    exponent_end: i32,
}

const SINGLE: Format = Format {
    bits: 24,
    least: -149,
    digits: 9,
    exponent_end: 6,
};
const DOUBLE: Format = Format {
    bits: 53,
    least: -1074,
    digits: 17,
    exponent_end: 15,
};

pub(super) fn text(value: &[u8], out: &mut Vec<u8>) -> Result<()> {
    if value.len() == 4 {
        let bits = u32::from_be_bytes(exact(value)?);
        let mantissa = u64::from(bits & 0x7f_ffff);
        write(
            &SINGLE,
            f32::from_bits(bits),
            (bits >> 23 & 0xff, mantissa),
            out,
        );
    } else {
        let bits = u64::from_be_bytes(exact(value)?);
        let mantissa = bits & 0xf_ffff_ffff_ffff;
        let exponent = (bits >> 52 & 0x7ff) as u32;
        write(&DOUBLE, f64::from_bits(bits), (exponent, mantissa), out);
    }
    Ok(())
}

fn write(
    format: &Format,
    number: impl Display + LowerExp + Into<f64> + Copy,
    (exponent, mantissa): (u32, u64),
    out: &mut Vec<u8>,
) {
    let wide: f64 = number.into();
    if wide.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if wide.is_sign_negative() {
        out.push(b'-');
    }
    if wide.is_infinite() {
        return out.extend_from_slice(b"Infinity");
    }
    if wide == 0.0 {
        return out.push(b'0');
    }
    let (mantissa, exponent) = match exponent {
        0 => (mantissa, format.least),
        _ => {
            let first = 1 << (format.bits - 1);
            (mantissa | first, format.least + exponent as i32 - 1)
        }
    };
    let mut decimal = Decimal::default();
    decimal.read(format_args!("{number:e}"));
    let mut count = decimal.len;
    loop {
        // Of two that are as near the server takes the even one.
        let places = count - 1;
        decimal.read(format_args!("{number:.places$e}"));
        if count >= format.digits || !decimal.is_between(format, mantissa, exponent) {
            break;
        }
        count += 1;
    }
    decimal.write(format, out);
}

/// Decimal digits, and the exponent of the first.
#[derive(Debug, Default)]
struct Decimal {
    digits: [u8; 20],
    len: usize,
    exponent: i32,
}

impl Decimal {
    /// Takes `-1.25e-7`.
    fn read(&mut self, text: std::fmt::Arguments<'_>) {
        let mut room = [0_u8; 40];
        let mut rest = &mut room[..];
        // There is room for all that the formats write.
        drop(rest.write_fmt(text));
        let left = rest.len();
        let text = &room[..room.len() - left];
        let mut parts = text.split(|b| *b == b'e');
        self.len = 0;
        for digit in parts.next().unwrap_or_default() {
            if digit.is_ascii_digit() {
                self.digits[self.len] = *digit;
                self.len += 1;
            }
        }
        let exponent = parts.next().and_then(|e| std::str::from_utf8(e).ok());
        self.exponent = exponent.and_then(|e| e.parse().ok()).unwrap_or(0);
    }

    /// The digits as a number.
    fn value(&self) -> u64 {
        let digits = self.digits[..self.len].iter();
        digits.fold(0, |all, digit| all * 10 + u64::from(digit - b'0'))
    }

    /// Whether this lies exactly in the middle between `mantissa * 2^exponent` and the next number on either side.
    fn is_between(&self, format: &Format, mantissa: u64, exponent: i32) -> bool {
        let is = |odd: u64, power: i32| self.is(odd, power);
        let is_lowest = mantissa == 1 << (format.bits - 1) && exponent > format.least;
        let below = match is_lowest {
            // The numbers below lie twice as near.
            true => is(4 * mantissa - 1, exponent - 2),
            false => is(2 * mantissa - 1, exponent - 1),
        };
        below || is(2 * mantissa + 1, exponent - 1)
    }

    /// Whether this is `odd * 2^power`.
    fn is(&self, odd: u64, power: i32) -> bool {
        let value = self.value();
        let twos = value.trailing_zeros() as i32;
        let rest = u128::from(value >> twos);
        let tens = self.exponent - (self.len as i32 - 1);
        let fives = |count: u32| 5_u128.checked_pow(count);
        let (left, right) = match tens >= 0 {
            true => (
                Some(u128::from(odd)),
                fives(tens.unsigned_abs()).and_then(|f| f.checked_mul(rest)),
            ),
            false => (
                fives(tens.unsigned_abs()).and_then(|f| f.checked_mul(u128::from(odd))),
                Some(rest),
            ),
        };
        power == tens + twos && left.is_some() && left == right
    }

    fn write(&self, format: &Format, out: &mut Vec<u8>) {
        let digits = &self.digits[..self.len];
        if !(EXPONENT_MIN..format.exponent_end).contains(&self.exponent) {
            out.push(digits[0]);
            if digits.len() > 1 {
                out.push(b'.');
                out.extend_from_slice(&digits[1..]);
            }
            out.extend_from_slice(if self.exponent < 0 { b"e-" } else { b"e+" });
            return put_padded::<2>(u64::from(self.exponent.unsigned_abs()), out);
        }
        match usize::try_from(self.exponent) {
            Err(_) => {
                out.extend_from_slice(b"0.");
                let zeros = self.exponent.unsigned_abs() as usize - 1;
                out.resize(out.len() + zeros, b'0');
                out.extend_from_slice(digits);
            }
            Ok(before) if before + 1 >= digits.len() => {
                out.extend_from_slice(digits);
                out.resize(out.len() + before + 1 - digits.len(), b'0');
            }
            Ok(before) => {
                out.extend_from_slice(&digits[..=before]);
                out.push(b'.');
                out.extend_from_slice(&digits[before + 1..]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(number: f64) -> String {
        let mut out = Vec::new();
        text(&number.to_be_bytes(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn single(number: f32) -> String {
        let mut out = Vec::new();
        text(&number.to_be_bytes(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// As PostgreSQL 15 writes them.
    #[test]
    fn numbers_are_written_as_the_server_does() {
        for (number, want) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (100.0, "100"),
            (-123.456, "-123.456"),
            (1e-4, "0.0001"),
            (1.5e-5, "1.5e-05"),
            (123_456_789_012_345.0, "123456789012345"),
            (1e15, "1e+15"),
            (1e300, "1e+300"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NEG_INFINITY, "-Infinity"),
            // 1.801439850948199e16 lies between this and the number below.
            (18_014_398_509_481_992.0, "1.8014398509481992e+16"),
        ] {
            assert_eq!(double(number), want);
        }
        for (number, want) in [
            (0.1_f32, "0.1"),
            (100_000.0, "100000"),
            (1e6, "1e+06"),
            // As near to 397139.13.
            (397_139.0 + 0.125, "397139.12"),
            (f32::NAN, "NaN"),
            (f32::MIN_POSITIVE, "1.1754944e-38"),
        ] {
            assert_eq!(single(number), want);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_the_number(bits: u64) {
            let number = f64::from_bits(bits);
            let read: f64 = double(number).parse().unwrap();
            proptest::prop_assert!(read.to_bits() == bits || number.is_nan());
            let number = f32::from_bits(bits as u32);
            let read: f32 = single(number).parse().unwrap();
            proptest::prop_assert!(read.to_bits() == bits as u32 || number.is_nan());
        }
    }
}
