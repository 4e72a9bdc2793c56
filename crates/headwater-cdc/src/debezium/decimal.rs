//! Numbers of any size as Debezium carries them: the bytes of a whole number, and how many of its digits lie behind the point.

use headwater_log::{Error, ErrorKind, Result};

/// A number of any size.
#[derive(Debug)]
pub(crate) struct Digits {
    is_negative: bool,
    /// Its digits without the point.
    digits: Vec<u8>,
    /// How many of them lie behind the point.
    scale: i32,
}

impl Digits {
    /// The number that a text is.
    ///
    /// # Errors
    /// `Corrupt` if it is none, `Unsupported` if it is not finite.
    pub(crate) fn of(text: &[u8]) -> Result<Self> {
        // Money is written with a sign of the currency and commas.
        let is_negative = text.first() == Some(&b'-');
        let (mut digits, mut scale, mut is_behind) = (Vec::new(), 0, false);
        for byte in &text[usize::from(is_negative)..] {
            match byte {
                b'0'..=b'9' => {
                    digits.push(byte - b'0');
                    scale += i32::from(is_behind);
                }
                b'.' if !is_behind => is_behind = true,
                b'$' | b',' if digits.is_empty() || !is_behind => {}
                b'N' | b'I' => return Err(not_finite()),
                _ => return Err(malformed()),
            }
        }
        Ok(Self {
            is_negative,
            digits,
            scale,
        })
    }

    /// Without the zeroes at the end of its fraction.
    pub(crate) fn shorten(&mut self) {
        while self.scale > 0 && self.digits.last() == Some(&0) {
            self.digits.pop();
            self.scale -= 1;
        }
    }

    /// How many of its digits lie behind the point.
    pub(crate) fn scale(&self) -> i32 {
        self.scale
    }

    /// The whole number that it is with this many digits behind the point: two's complement, the highest byte first,
    /// as short as can be.
    ///
    /// # Errors
    /// `Corrupt` if it has more.
    pub(crate) fn unscaled(&self, scale: i32) -> Result<Vec<u8>> {
        let missing = scale - self.scale;
        let mut digits = self.digits.clone();
        if missing < 0 {
            let cut =
                digits.split_off(digits.len().saturating_sub(missing.unsigned_abs() as usize));
            if cut.iter().any(|d| *d != 0) {
                return Err(malformed());
            }
        }
        digits.extend(std::iter::repeat_n(0, missing.max(0) as usize));
        let mut value = vec![0_u8];
        for digit in digits {
            let mut carry = u16::from(digit);
            for byte in value.iter_mut().rev() {
                carry += u16::from(*byte) * 10;
                *byte = carry as u8;
                carry >>= 8;
            }
            if carry > 0 {
                value.insert(0, carry as u8);
            }
        }
        if self.is_negative {
            let mut carry = true;
            for byte in value.iter_mut().rev() {
                (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
            }
        }
        Ok(shortest(value, self.is_negative))
    }
}

fn malformed() -> Error {
    Error::new(ErrorKind::Corrupt, "the server sent a malformed number")
}

fn not_finite() -> Error {
    let text = "a number is NaN or infinite, which Debezium's precise decimals cannot carry";
    Error::new(ErrorKind::Unsupported, text).with_hint("capture with decimals as strings")
}

/// Without the bytes in front that only repeat the sign, and with one that has it.
fn shortest(mut value: Vec<u8>, is_negative: bool) -> Vec<u8> {
    let is_zero = value.iter().all(|b| *b == 0);
    let sign = if is_negative && !is_zero { 0xff } else { 0 };
    let repeated = |value: &[u8]| value[0] == sign && (value[1] ^ sign) & 0x80 == 0;
    while value.len() > 1 && repeated(&value) {
        value.remove(0);
    }
    if (value[0] ^ sign) & 0x80 != 0 {
        value.insert(0, sign);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn whole_numbers_come_back(value: i64) {
            let number = Digits::of(value.to_string().as_bytes()).unwrap();
            let bytes = number.unscaled(0).unwrap();
            let start = if bytes[0] & 0x80 == 0 { 0 } else { -1_i64 };
            let back = bytes.iter().fold(start, |all, byte| all << 8 | i64::from(*byte));
            proptest::prop_assert_eq!(back, value);
        }
    }
}
