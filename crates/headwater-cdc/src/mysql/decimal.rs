//! `DECIMAL`: groups of nine digits in four bytes each, exactly as they stand in a row.

use headwater_log::Result;

use super::reader::Reader;

/// How many bytes so many digits take.
const BYTES_OF_DIGITS: [usize; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];
const GROUP: usize = 9;
/// More digits than the server has.
pub(super) const PRECISION_MAX: u8 = 65;

/// The text of a number of so many digits, `scale` of them after the point.
pub(super) fn text(reader: &mut Reader, precision: u8, scale: u8) -> Result<String> {
    if precision > PRECISION_MAX || scale > precision {
        return Err(reader.malformed());
    }
    let (whole, scale) = (usize::from(precision - scale), usize::from(scale));
    let count = bytes_of(whole) + bytes_of(scale);
    let mut bytes = reader.take(count)?.to_vec();
    let Some(first) = bytes.first_mut() else {
        return Ok("0".to_owned());
    };
    // The highest bit is set where the number is not negative; of a negative one all bits are turned over.
    let is_negative = *first & 0x80 == 0;
    *first ^= 0x80;
    if is_negative {
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
    }
    let (high, low) = bytes.split_at(bytes_of(whole));
    let mut digits = String::with_capacity(usize::from(precision) + 2);
    let lead = whole % GROUP;
    let (first, groups) = high.split_at(BYTES_OF_DIGITS[lead]);
    push(&mut digits, first, lead);
    groups.chunks(4).for_each(|g| push(&mut digits, g, GROUP));
    let significant = digits.trim_start_matches('0');
    let mut text = String::with_capacity(digits.len() + scale + 2);
    if is_negative {
        text.push('-');
    }
    text.push_str(if significant.is_empty() {
        "0"
    } else {
        significant
    });
    if scale > 0 {
        text.push('.');
        let (groups, last) = low.split_at(scale / GROUP * 4);
        groups.chunks(4).for_each(|g| push(&mut text, g, GROUP));
        push(&mut text, last, scale % GROUP);
    }
    Ok(text)
}

fn bytes_of(digits: usize) -> usize {
    digits / GROUP * 4 + BYTES_OF_DIGITS[digits % GROUP]
}

fn push(text: &mut String, group: &[u8], digits: usize) {
    if digits > 0 {
        let number = group.iter().fold(0, |n, byte| n << 8 | u32::from(*byte));
        text.push_str(&format!("{number:0digits$}"));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn check(bytes: &'static [u8], precision: u8, scale: u8, want: &str) {
        let mut reader = Reader::new(Bytes::from_static(bytes), "decimal");
        assert_eq!(text(&mut reader, precision, scale).unwrap(), want);
        assert!(reader.is_empty());
    }

    #[test]
    fn groups_of_digits_become_a_number() {
        // The example of the server's source, and its opposite.
        let bytes = b"\x81\x0d\xfb\x38\xd2\x04\xd2";
        check(bytes, 14, 4, "1234567890.1234");
        let bytes = b"\x7e\xf2\x04\xc7\x2d\xfb\x2d";
        check(bytes, 14, 4, "-1234567890.1234");
        check(b"\x80\x05", 3, 2, "0.05");
        check(b"\x80", 1, 0, "0");
    }
}
