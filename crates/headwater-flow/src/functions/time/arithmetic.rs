//! Distances between points in time, and points at a distance.

use std::sync::Arc;

use arrow::array::{Array, Int64Array};
use datafusion_common::{Result, exec_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};

use super::civil::Civil;
use super::points::{millis_array, points};
use crate::functions::spec::{Text, Whole, result, rows};

/// Microseconds of a unit of fixed length, or months.
fn unit(name: Option<&str>) -> Result<(i64, i64)> {
    const SECOND: i64 = 1_000_000;
    let name = name.unwrap_or_default().to_ascii_uppercase();
    Ok(match name.strip_prefix("SQL_TSI_").unwrap_or(&name) {
        "MICROSECOND" => (1, 0),
        "MILLISECOND" => (1_000, 0),
        "SECOND" => (SECOND, 0),
        "MINUTE" => (60 * SECOND, 0),
        "HOUR" => (3_600 * SECOND, 0),
        "DAY" => (86_400 * SECOND, 0),
        "WEEK" => (7 * 86_400 * SECOND, 0),
        "MONTH" => (0, 1),
        "QUARTER" => (0, 3),
        "YEAR" => (0, 12),
        _ => return exec_err!("'{name}' is not a unit of time"),
    })
}

pub(super) fn timestampdiff(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let (length, months) = unit(Text::new(&args.args[0])?.get(0))?;
    let rows = rows(args);
    let (from, to) = (points(&args.args[1], rows)?, points(&args.args[2], rows)?);
    let pairs = from.iter().zip(&to);
    let counts: Int64Array = pairs
        .map(|(from, to)| {
            let (from, to) = (from?, to?);
            Some(if months == 0 {
                to.checked_sub(from)? / length
            } else {
                whole_months(from, to) / months
            })
        })
        .collect();
    result(args, Arc::new(counts))
}

/// Complete months from one point to another, towards zero.
fn whole_months(from: i64, to: i64) -> i64 {
    if to < from {
        return -whole_months(to, from);
    }
    let (a, b) = (Civil::new(from), Civil::new(to));
    let months = i64::from(b.year - a.year) * 12 + i64::from(b.month) - i64::from(a.month);
    let time_of = |micros: i64, c: &Civil| (c.day, micros.rem_euclid(86_400_000_000));
    months - i64::from(time_of(to, &b) < time_of(from, &a))
}

pub(super) fn timestampadd(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let (length, months) = unit(Text::new(&args.args[0])?.get(0))?;
    let count = Whole::new(&args.args[1])?;
    let rows = rows(args);
    let points = points(&args.args[2], rows)?;
    let moved: Int64Array = (0..rows)
        .map(|row| {
            let count = count.get(row)?;
            let point = points.is_valid(row).then(|| points.value(row))?;
            if months == 0 {
                return point.checked_add(count.checked_mul(length)?);
            }
            add_months(point, count.checked_mul(months)?)
        })
        .collect();
    result(args, millis_array(&moved, None))
}

fn add_months(micros: i64, months: i64) -> Option<i64> {
    let civil = Civil::new(micros);
    let month = (i64::from(civil.year) * 12 + i64::from(civil.month) - 1).checked_add(months)?;
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    let first = super::civil::from_civil(year, month, 1)?;
    let last = (28..=i64::from(civil.day))
        .rev()
        .find_map(|day| super::civil::from_civil(year, month, day));
    let days = last.unwrap_or(first + i64::from(civil.day) - 1);
    Some(days * 86_400_000_000 + micros.rem_euclid(86_400_000_000))
}
