//! `numeric`: digits to the base of ten thousand, the weight of the first one, and how many decimal places are shown.

use headwater_log::Result;

use super::put_padded;
use crate::postgres::failure::malformed;

/// Decimal digits of one digit.
const DECIMALS: usize = 4;
const DIGIT_MAX: u16 = 9999;

const POSITIVE: u16 = 0;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const MINUS_INFINITY: u16 = 0xf000;
/// The most decimal places that the server shows.
const SCALE_MAX: u16 = 0x3fff;

pub(super) fn text(value: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let wrong = || malformed("numeric");
    let (words, odd) = value.as_chunks::<2>();
    let [count, weight, sign, scale, digits @ ..] = words else {
        return Err(wrong());
    };
    let word = |bytes: &[u8; 2]| u16::from_be_bytes(*bytes);
    let digit = |place: i32| {
        let place = usize::try_from(place).ok();
        place.and_then(|p| digits.get(p)).map_or(0, word)
    };
    let (sign, scale) = (word(sign), word(scale));
    let is_whole = odd.is_empty() && digits.len() == usize::from(word(count));
    if !is_whole || scale > SCALE_MAX || digits.iter().any(|d| word(d) > DIGIT_MAX) {
        return Err(wrong());
    }
    match sign {
        POSITIVE => {}
        NEGATIVE => out.push(b'-'),
        NAN => return put(b"NaN", out),
        INFINITY => return put(b"Infinity", out),
        MINUS_INFINITY => return put(b"-Infinity", out),
        _ => return Err(wrong()),
    }
    let weight = i32::from(i16::from_be_bytes(*weight));
    if weight < 0 {
        out.push(b'0');
    }
    for place in 0..=weight {
        let number = u64::from(digit(place));
        match place {
            0 => put_padded::<1>(number, out),
            _ => put_padded::<DECIMALS>(number, out),
        }
    }
    if scale > 0 {
        out.push(b'.');
        let end = out.len() + usize::from(scale);
        let mut place = weight + 1;
        while out.len() < end {
            put_padded::<DECIMALS>(u64::from(digit(place)), out);
            place += 1;
        }
        out.truncate(end);
    }
    Ok(())
}

fn put(text: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(weight: i16, sign: u16, scale: u16, digits: &[u16]) -> Result<String> {
        let head = [digits.len() as u16, weight as u16, sign, scale];
        let words = head.iter().chain(digits);
        let bytes: Vec<u8> = words.flat_map(|w| w.to_be_bytes()).collect();
        let mut out = Vec::new();
        text(&bytes, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn digits_stand_at_their_weight() {
        assert_eq!(of(0, POSITIVE, 0, &[]).unwrap(), "0");
        assert_eq!(of(0, POSITIVE, 3, &[]).unwrap(), "0.000");
        assert_eq!(of(1, NEGATIVE, 2, &[1, 2, 3400]).unwrap(), "-10002.34");
        assert_eq!(of(2, POSITIVE, 0, &[7]).unwrap(), "700000000");
        assert_eq!(of(-2, POSITIVE, 7, &[5000]).unwrap(), "0.0000500");
        assert_eq!(of(-1, POSITIVE, 2, &[1999]).unwrap(), "0.19");
        assert_eq!(of(0, NAN, 0, &[]).unwrap(), "NaN");
        assert_eq!(of(0, MINUS_INFINITY, 32, &[]).unwrap(), "-Infinity");
        assert!(of(0, 1, 0, &[]).is_err());
        assert!(of(0, POSITIVE, 0, &[10_000]).is_err());
    }
}
