//! Values of PostgreSQL as Debezium's: which type is which, and what its texts become.

use headwater_log::Result;

use super::civil::{self, Moment};
use super::failure::malformed;
use super::kind::bytes;
use crate::debezium::{Decimals, Digits, Semantic};
use crate::json;

/// What PostgreSQL adds to the modifiers of types with a length.
const HEADER: i32 = 4;

/// What a type that every server has is to Debezium; `None`: the catalogue must say.
pub(super) fn built_in(type_id: u32, modifier: i32, decimals: Decimals) -> Option<Semantic> {
    let millis = (0..=3).contains(&modifier);
    Some(match type_id {
        16 => Semantic::Boolean,
        17 => Semantic::Bytes,
        20 | 26 => Semantic::Int64,
        21 => Semantic::Int16,
        23 => Semantic::Int32,
        700 => Semantic::Float,
        701 => Semantic::Double,
        790 | 1700 => number(type_id, modifier, decimals),
        1082 => Semantic::Date,
        1083 if millis => Semantic::Time,
        1083 => Semantic::MicroTime,
        1114 if millis => Semantic::Timestamp,
        1114 => Semantic::MicroTimestamp,
        1184 => Semantic::ZonedTimestamp,
        1186 => Semantic::MicroDuration,
        1266 => Semantic::ZonedTime,
        114 | 3802 => Semantic::Json,
        142 => Semantic::Xml,
        2950 => Semantic::Uuid,
        1560 if modifier == 1 => Semantic::Boolean,
        1560 | 1562 => Semantic::Bits(u32::try_from(modifier).unwrap_or(i32::MAX as u32)),
        600 => Semantic::Point,
        18 | 19 | 25 | 1042 | 1043 => Semantic::String,
        _ => return None,
    })
}

fn number(type_id: u32, modifier: i32, decimals: Decimals) -> Semantic {
    match decimals {
        Decimals::String => Semantic::String,
        Decimals::Double => Semantic::Double,
        Decimals::Precise if type_id == 790 => Semantic::Decimal {
            precision: None,
            scale: 2,
        },
        Decimals::Precise if modifier < HEADER => Semantic::VariableDecimal,
        Decimals::Precise => {
            let (bits, scale) = (modifier - HEADER, (modifier - HEADER) & 0x7ff);
            Semantic::Decimal {
                precision: u16::try_from(bits >> 16 & 0xffff).ok(),
                // Eleven bits with a sign.
                scale: ((scale ^ 0x400) - 0x400) as i16,
            }
        }
    }
}

/// Writes a value that came as text.
///
/// # Errors
/// `Corrupt` if it is not a value of this type, `Unsupported` if Debezium's type cannot carry it.
pub(super) fn write(semantic: &Semantic, text: &[u8], out: &mut Vec<u8>) -> Result<()> {
    match semantic {
        Semantic::Boolean => out.extend_from_slice(match text {
            b"t" | b"1" => b"true",
            b"f" | b"0" => b"false",
            _ => return Err(malformed("boolean")),
        }),
        Semantic::Int16 | Semantic::Int32 | Semantic::Int64 => integer(text, out)?,
        Semantic::Float | Semantic::Double => match json::is_number(text) {
            true => out.extend_from_slice(text),
            false => json::string(text, out),
        },
        Semantic::Bytes => json::base64(&bytes(text)?, out),
        Semantic::BytesText(binary) => binary.write(&bytes(text)?, out),
        Semantic::Decimal { scale, .. } => {
            let digits = Digits::of(text)?;
            json::base64(&digits.unscaled(i32::from(*scale))?, out);
        }
        Semantic::VariableDecimal => variable(text, out)?,
        Semantic::Date | Semantic::ConnectDate => put(civil::date(text)?, out),
        Semantic::Time | Semantic::ConnectTime => put(civil::time(text)?.div_euclid(1000), out),
        Semantic::MicroTime => put(civil::time(text)?, out),
        Semantic::ZonedTime => json::string(civil::zoned_time(text)?.as_bytes(), out),
        Semantic::Timestamp | Semantic::ConnectTimestamp => {
            put(moment(text)?.div_euclid(1000), out);
        }
        Semantic::MicroTimestamp => put(moment(text)?, out),
        Semantic::ZonedTimestamp => match civil::moment(text)? {
            Moment::Micros(micros) => json::string(civil::iso(micros).as_bytes(), out),
            Moment::Infinity | Moment::MinusInfinity => json::string(text, out),
        },
        Semantic::IsoDate => match text {
            b"infinity" | b"-infinity" => json::string(text, out),
            text => json::string(civil::iso_date(civil::date(text)?).as_bytes(), out),
        },
        Semantic::IsoTime => json::string(civil::iso_time(civil::time(text)?).as_bytes(), out),
        Semantic::IsoTimestamp => {
            json::string(civil::iso_timestamp(moment(text)?).as_bytes(), out);
        }
        Semantic::Interval => match text {
            b"infinity" | b"-infinity" => json::string(text, out),
            text => json::string(civil::interval(text)?.as_bytes(), out),
        },
        Semantic::MicroDuration => put(civil::duration(text)?, out),
        Semantic::Bits(_) => bits(text, out)?,
        Semantic::Point => point(text, out)?,
        Semantic::String
        | Semantic::Json
        | Semantic::Xml
        | Semantic::Uuid
        | Semantic::Enum(_)
        | Semantic::EnumSet(_)
        | Semantic::Year
        | Semantic::Geometry
        | Semantic::Array(_) => json::string(text, out),
    }
    Ok(())
}

fn put(number: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(number.to_string().as_bytes());
}

fn integer(text: &[u8], out: &mut Vec<u8>) -> Result<()> {
    if !json::is_number(text) {
        return Err(malformed("whole number"));
    }
    out.extend_from_slice(text);
    Ok(())
}

/// Debezium has numbers for the two ends of time.
fn moment(text: &[u8]) -> Result<i64> {
    Ok(match civil::moment(text)? {
        Moment::Micros(micros) => micros,
        Moment::Infinity => 9_223_372_036_825_200_000,
        Moment::MinusInfinity => -9_223_372_036_832_400_000,
    })
}

fn variable(text: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let mut number = Digits::of(text)?;
    number.shorten();
    let scale = number.scale();
    out.extend_from_slice(format!("{{\"scale\":{scale},\"value\":").as_bytes());
    json::base64(&number.unscaled(scale)?, out);
    out.push(b'}');
    Ok(())
}

/// Bits, the lowest first; bytes at the end that have none are left out.
fn bits(text: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let mut value = vec![0_u8; text.len().div_ceil(8)];
    for (place, bit) in text.iter().rev().enumerate() {
        match bit {
            b'0' => {}
            b'1' => value[place / 8] |= 1 << (place % 8),
            _ => return Err(malformed("bits")),
        }
    }
    while value.last() == Some(&0) {
        value.pop();
    }
    json::base64(&value, out);
    Ok(())
}

/// `(x,y)`, with the same in "well-known binary".
fn point(text: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let wrong = || malformed("point");
    let text = std::str::from_utf8(text).map_err(|_| wrong())?;
    let inside = text.strip_prefix('(').and_then(|t| t.strip_suffix(')'));
    let (x, y) = inside.and_then(|t| t.split_once(',')).ok_or_else(wrong)?;
    let number = |text: &str| text.parse::<f64>().map_err(|_| wrong());
    let mut binary = vec![1, 1, 0, 0, 0];
    for (name, text) in [("{\"x\":", x), (",\"y\":", y)] {
        out.extend_from_slice(name.as_bytes());
        write(&Semantic::Double, text.as_bytes(), out)?;
        binary.extend_from_slice(&number(text)?.to_le_bytes());
    }
    out.extend_from_slice(b",\"wkb\":");
    json::base64(&binary, out);
    out.extend_from_slice(b",\"srid\":null}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use headwater_log::ErrorKind;

    use super::*;

    fn check(semantic: &Semantic, text: &str, want: &str) {
        let mut out = Vec::new();
        write(semantic, text.as_bytes(), &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }

    #[test]
    fn numbers_are_twos_complement() {
        let whole = Semantic::Decimal {
            precision: None,
            scale: 0,
        };
        for (text, want) in [
            ("0", "AA=="),
            ("-0", "AA=="),
            ("127", "fw=="),
            ("128", "AIA="),
            ("-128", "gA=="),
            ("-129", "/38="),
            ("-256", "/wA="),
            ("256", "AQA="),
        ] {
            check(&whole, text, &format!("\"{want}\""));
        }
        let cents = Semantic::Decimal {
            precision: None,
            scale: 2,
        };
        check(&cents, "-$1,234.50", "\"/h3G\"");
        check(
            &Semantic::VariableDecimal,
            "100",
            r#"{"scale":0,"value":"ZA=="}"#,
        );
        let error = write(&cents, b"NaN", &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn times_and_intervals_are_texts_on_wish() {
        for (semantic, text, want) in [
            (Semantic::IsoDate, "2026-11-26", "2026-11-26Z"),
            (Semantic::IsoDate, "0044-03-15 BC", "-0043-03-15Z"),
            (Semantic::IsoDate, "10000-01-01", "+10000-01-01Z"),
            (Semantic::IsoDate, "infinity", "infinity"),
            (Semantic::IsoTime, "12:00:00", "12:00:00Z"),
            (Semantic::IsoTime, "01:02:03.0040", "01:02:03.004Z"),
            (Semantic::IsoTime, "24:00:00", "00:00:00Z"),
            (
                Semantic::IsoTimestamp,
                "1969-12-31 23:59:59.999999",
                "1969-12-31T23:59:59.999999Z",
            ),
            (
                Semantic::IsoTimestamp,
                "infinity",
                "+294247-01-10T04:00:25.2Z",
            ),
            (
                Semantic::IsoTimestamp,
                "-infinity",
                "-290308-12-21T19:59:27.6Z",
            ),
            (Semantic::Interval, "P1Y-2DT3H4M5.6S", "P1Y0M-2DT3H4M5.6S"),
            (Semantic::Interval, "PT-0.5S", "P0Y0M0DT0H0M-0.5S"),
            (Semantic::Interval, "P1M", "P0Y1M0DT0H0M0S"),
            (Semantic::Interval, "PT1M", "P0Y0M0DT0H1M0S"),
        ] {
            check(&semantic, text, &format!("\"{want}\""));
        }
        for wrong in ["P1", "PT1D", "1Y", "PxY"] {
            let written = write(&Semantic::Interval, wrong.as_bytes(), &mut Vec::new());
            assert!(written.is_err(), "{wrong}");
        }
    }

    #[test]
    fn modifiers_say_what_a_number_is() {
        let decimal = |precision, scale| Semantic::Decimal {
            precision: Some(precision),
            scale,
        };
        let of = |modifier| number(1700, modifier, Decimals::Precise);
        assert_eq!(of(-1), Semantic::VariableDecimal);
        assert_eq!(of((10 << 16 | 2) + 4), decimal(10, 2));
        assert_eq!(of((5 << 16 | 0x7fe) + 4), decimal(5, -2));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r"[-+0-9:. TPYMDHSBCZ(),infty]*") {
            for semantic in [
                Semantic::Date,
                Semantic::MicroTime,
                Semantic::ZonedTime,
                Semantic::MicroTimestamp,
                Semantic::ZonedTimestamp,
                Semantic::MicroDuration,
                Semantic::IsoDate,
                Semantic::IsoTime,
                Semantic::IsoTimestamp,
                Semantic::Interval,
                Semantic::Point,
                Semantic::Bits(8),
                Semantic::VariableDecimal,
                Semantic::Decimal { precision: None, scale: -2 },
            ] {
                drop(write(&semantic, text.as_bytes(), &mut Vec::new()));
            }
        }
    }
}
