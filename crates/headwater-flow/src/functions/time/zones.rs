//! `CONVERT_TZ`: what clocks show elsewhere at the same time.

use arrow::array::timezone::Tz;
use chrono::{NaiveDateTime, TimeZone};
use datafusion_common::{Result, exec_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};

use crate::functions::spec::{Text, texts};

const PATTERN: &str = "%Y-%m-%d %H:%M:%S";

/// A time in one zone as a time in another; NULL for a text that is none, or a time that a zone leaves out.
pub(super) fn convert_tz(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let text = Text::new(&args.args[0])?;
    let (from, to) = (Text::new(&args.args[1])?, Text::new(&args.args[2])?);
    texts(args, |row| {
        let (Some(text), Some(from), Some(to)) = (text.get(row), from.get(row), to.get(row)) else {
            return Ok(None);
        };
        let (from, to) = (zone(from)?, zone(to)?);
        let local = NaiveDateTime::parse_from_str(text.trim(), PATTERN).ok();
        let time = local.and_then(|local| from.from_local_datetime(&local).earliest());
        Ok(time.map(|time| time.with_timezone(&to).format(PATTERN).to_string()))
    })
}

/// `America/Los_Angeles`, `PST`, `+08:00` or `GMT-08:00`.
fn zone(name: &str) -> Result<Tz> {
    let plain = match name.strip_prefix("GMT").or(name.strip_prefix("UTC")) {
        Some(shift) if shift.starts_with(['+', '-']) => shift,
        _ => name,
    };
    let known = match plain {
        "PST" => "America/Los_Angeles",
        "CST" => "America/Chicago",
        other => other,
    };
    match known.parse() {
        Ok(zone) => Ok(zone),
        Err(_) => exec_err!("'{name}' is not a time zone such as 'Europe/Berlin' or '+02:00'"),
    }
}
