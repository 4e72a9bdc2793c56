//! Decimals as Kafka Connect packs them: their digits as one big-endian number in base64, with the scale said elsewhere
//! or, where a column has none, beside it.

use super::fault::{Fault, Parsed};
use super::members::{members, text};
use crate::base64;
use crate::column::Refusal;

/// The number that `packed` is the base64 of; `scratch` is memory to be reused.
pub(super) fn unscaled(packed: &[u8], scratch: &mut Vec<u8>) -> Result<i128, Refusal> {
    scratch.clear();
    base64::decode(packed, scratch).ok_or(Refusal("expected base64 of a number"))?;
    let Some(first) = scratch.first() else {
        return Err(Refusal("expected base64 of a number"));
    };
    let sign = if first & 0x80 == 0 { 0x00 } else { 0xff };
    let mut bytes = [sign; 16];
    let Some(free) = bytes.len().checked_sub(scratch.len()) else {
        return Err(Refusal("number out of range"));
    };
    bytes[free..].copy_from_slice(scratch);
    Ok(i128::from_be_bytes(bytes))
}

/// The number that the object `{"scale":…,"value":…}` is, as text.
pub(super) fn scaled(object: &[u8], scratch: &mut Vec<u8>) -> Parsed<String> {
    let [scale, value] = members(object, ["scale", "value"])?;
    let scale = scale.and_then(|s| std::str::from_utf8(&object[s]).ok()?.parse::<i32>().ok());
    let packed = value.and_then(|v| text(&object[v]));
    let (Some(scale), Some(packed)) = (scale, packed) else {
        return Err(Fault::conversion(Refusal("expected a scale and a value")));
    };
    let digits = unscaled(packed, scratch).map_err(Fault::conversion)?;
    Ok(format!("{digits}e{}", -i64::from(scale)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_numbers_have_a_sign_and_any_length() {
        let read = |text: &str| unscaled(text.as_bytes(), &mut Vec::new()).map_err(|r| r.0);
        assert_eq!(read("BOI="), Ok(1250));
        assert_eq!(read("/w=="), Ok(-1));
        assert_eq!(read("gA=="), Ok(-128));
        assert_eq!(read("AA=="), Ok(0));
        assert_eq!(read("f////////////////////w=="), Ok(i128::MAX));
        assert_eq!(read("AH////////////////////8="), Err("number out of range"));
        assert_eq!(read(""), Err("expected base64 of a number"));
        assert_eq!(read("12.50"), Err("expected base64 of a number"));
    }

    #[test]
    fn a_scale_beside_the_value_moves_the_point() {
        let read = |text: &str| scaled(text.as_bytes(), &mut Vec::new()).ok();
        let got = read(r#"{"scale":9,"value":"J+QbMka+ybFuOYEV"}"#);
        assert_eq!(got.as_deref(), Some("12345678901234567890123456789e-9"));
        assert_eq!(
            read(r#"{"scale":-2,"value":"AQ=="}"#).as_deref(),
            Some("1e2")
        );
        assert_eq!(read(r#"{"value":"AQ=="}"#), None);
    }
}
