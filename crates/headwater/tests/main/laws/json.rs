//! Values as JSON, as the records of tables have them.

use std::fmt::Write;

use arrow::array::{Array, AsArray};
use datafusion_common::ScalarValue;

/// Writes a value as JSON.
pub(crate) fn write_json(value: &ScalarValue, out: &mut String) {
    use ScalarValue as V;
    if value.is_null() {
        return out.push_str("null");
    }
    match value {
        V::Boolean(Some(v)) => write!(out, "{v}").unwrap(),
        V::Int8(Some(v)) => write!(out, "{v}").unwrap(),
        V::Int16(Some(v)) => write!(out, "{v}").unwrap(),
        V::Int32(Some(v)) => write!(out, "{v}").unwrap(),
        V::Int64(Some(v)) => write!(out, "{v}").unwrap(),
        V::Float32(Some(v)) => write!(out, "{v:?}").unwrap(),
        V::Float64(Some(v)) => write!(out, "{v:?}").unwrap(),
        V::Decimal128(Some(v), _, scale) => decimal(*v, *scale as usize, out),
        V::Utf8(Some(v)) => out.push_str(&serde_json::Value::from(v.as_str()).to_string()),
        V::Binary(Some(v)) => write!(out, "\"{}\"", base64(v)).unwrap(),
        V::Date32(Some(days)) => write!(out, "\"{}\"", date(i64::from(*days))).unwrap(),
        V::Time32Millisecond(Some(v)) => {
            write!(out, "\"{}\"", of_day(i64::from(*v) * 1_000_000)).unwrap()
        }
        V::Time64Microsecond(Some(v)) => write!(out, "\"{}\"", of_day(*v * 1_000)).unwrap(),
        V::TimestampMillisecond(Some(v), zone) => instant(*v, 1_000_000, zone.is_some(), out),
        V::TimestampMicrosecond(Some(v), zone) => instant(*v, 1_000, zone.is_some(), out),
        V::TimestampNanosecond(Some(v), zone) => instant(*v, 1, zone.is_some(), out),
        V::List(list) => {
            let items = list.value(0);
            sequence(out, "[", "]", items.len(), |i, out| {
                write_json(&V::try_from_array(&items, i).unwrap(), out);
            });
        }
        V::Struct(row) => sequence(out, "{", "}", row.num_columns(), |i, out| {
            let name = serde_json::Value::from(row.column_names()[i]);
            write!(out, "{name}:").unwrap();
            write_json(&V::try_from_array(row.column(i), 0).unwrap(), out);
        }),
        V::Map(map) => {
            let rows = map.value(0);
            let keys = rows.column(0).as_string::<i32>();
            sequence(out, "{", "}", rows.len(), |i, out| {
                write!(out, "{}:", serde_json::Value::from(keys.value(i))).unwrap();
                write_json(&V::try_from_array(rows.column(1), i).unwrap(), out);
            });
        }
        other => panic!("{other:?} has no JSON"),
    }
}

fn sequence(
    out: &mut String,
    open: &str,
    close: &str,
    len: usize,
    mut item: impl FnMut(usize, &mut String),
) {
    out.push_str(open);
    for i in 0..len {
        if i > 0 {
            out.push(',');
        }
        item(i, out);
    }
    out.push_str(close);
}

fn decimal(value: i128, scale: usize, out: &mut String) {
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    write!(out, "{sign}{whole}").unwrap();
    if scale > 0 {
        write!(out, ".{fraction}").unwrap();
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            match i <= chunk.len() {
                true => out.push(DIGITS[(group >> (18 - 6 * i) & 63) as usize] as char),
                false => out.push('='),
            }
        }
    }
    out
}

fn date(days: i64) -> String {
    let date = jiff::civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(days));
    date.to_string()
}

fn of_day(nanos: i64) -> String {
    let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let (h, m, s) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match nanos {
        0 => format!("{h:02}:{m:02}:{s:02}"),
        _ => format!("{h:02}:{m:02}:{s:02}.{nanos:09}"),
    }
}

fn instant(value: i64, nanos: i64, zoned: bool, out: &mut String) {
    let per_day = 86_400_000_000_000 / nanos;
    let (day, rest) = (value.div_euclid(per_day), value.rem_euclid(per_day));
    let zone = if zoned { "Z" } else { "" };
    write!(out, "\"{} {}{zone}\"", date(day), of_day(rest * nanos)).unwrap();
}
