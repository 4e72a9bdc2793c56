//! Text and numbers as points in time.

use arrow::array::{AsArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use datafusion_common::{Result, exec_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};

use super::format::Patterns;
use super::points::{millis_array, points};
use crate::functions::spec::{Text, Whole, result, rows};
use std::sync::Arc;

/// Microseconds of a text in ISO form, with a space or a T, with or without a time; UTC.
fn read_iso(text: &str) -> Option<i64> {
    let nanos = arrow::compute::kernels::cast_utils::string_to_timestamp_nanos(text.trim()).ok()?;
    Some(nanos.div_euclid(1_000))
}

fn read_times(args: &ScalarFunctionArgs) -> Result<Int64Array> {
    let text = Text::new(&args.args[0])?;
    let patterns = args
        .args
        .get(1)
        .map(|p| Patterns::new(Some(p)))
        .transpose()?;
    (0..rows(args))
        .map(|row| {
            let Some(text) = text.get(row) else {
                return Ok(None);
            };
            Ok(match &patterns {
                None => read_iso(text),
                Some(patterns) => patterns.get(row)?.and_then(|p| p.read(text)),
            })
        })
        .collect()
}

pub(super) fn to_timestamp(args: &ScalarFunctionArgs, zone: Option<&str>) -> Result<ColumnarValue> {
    let micros = match args.args[0].data_type() {
        DataType::Utf8 => read_times(args)?,
        DataType::Float64 => {
            let seconds = args.args[0].to_array(rows(args))?;
            let seconds = seconds.as_primitive::<arrow::datatypes::Float64Type>();
            seconds.unary::<_, Int64Type>(|v| (v * 1e6).round() as i64)
        }
        _ => points(&args.args[0], rows(args))?,
    };
    result(args, millis_array(&micros, zone))
}

pub(super) fn epoch_to_timestamp(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let value = Whole::new(&args.args[0])?;
    let precision = args.args.get(1).map(Whole::new).transpose()?;
    let micros: Result<Int64Array> = (0..rows(args))
        .map(|row| {
            let precision = precision.as_ref().map_or(Some(3), |p| p.get(row));
            let (Some(value), Some(precision)) = (value.get(row), precision) else {
                return Ok(None);
            };
            match precision {
                0 => Ok(value.checked_mul(1_000_000)),
                3 => Ok(value.checked_mul(1_000)),
                6 => Ok(Some(value)),
                p => exec_err!("TO_TIMESTAMP_LTZ has precision 0, 3 or 6, not {p}"),
            }
        })
        .collect();
    result(args, millis_array(&micros?, Some("UTC")))
}

pub(super) fn unix_timestamp(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let micros = match args.args[0].data_type() {
        DataType::Utf8 => read_times(args)?,
        _ => points(&args.args[0], rows(args))?,
    };
    let seconds = micros.unary::<_, Int64Type>(|v| v.div_euclid(1_000_000));
    result(args, Arc::new(seconds))
}
