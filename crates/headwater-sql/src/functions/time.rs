//! Functions over points in time: `DATE_FORMAT`, `TO_TIMESTAMP`, `TO_TIMESTAMP_LTZ`, `UNIX_TIMESTAMP`,
//! `FROM_UNIXTIME`, `HOUR` and its like, `TIMESTAMPADD`, `TIMESTAMPDIFF`.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, StringBuilder, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion_common::{Result, exec_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};

use super::builtin::{Spec, Text, Whole, is_text, is_whole, result, rows};
use super::civil::Civil;
use super::pattern::Pattern;

const DEFAULT_PATTERN: &str = "yyyy-MM-dd HH:mm:ss";

const fn millis() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

fn millis_ltz() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

fn micros() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

fn is_time(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64
    ) || is_text(data_type)
}

/// A function that takes one number out of a point in time.
macro_rules! time_field {
    ($name:literal, $usage:literal, $field:expr) => {
        Spec {
            name: $name,
            aliases: &[],
            usage: $usage,
            coerce: one_time,
            returns: |_| DataType::Int64,
            invoke: |args| time_field(args, $field),
        }
    };
}

pub(super) static SPECS: [Spec; 17] = [
    Spec {
        name: "date_format",
        aliases: &[],
        usage: "DATE_FORMAT(timestamp, 'yyyy-MM-dd')",
        coerce: |types| match types {
            [t @ DataType::Timestamp(_, _), p] if is_text(p) => {
                Some(vec![t.clone(), DataType::Utf8])
            }
            [t, p] if is_time(t) && is_text(p) => Some(vec![micros(), DataType::Utf8]),
            _ => None,
        },
        returns: |_| DataType::Utf8,
        invoke: date_format,
    },
    Spec {
        name: "to_timestamp",
        aliases: &[],
        usage: "TO_TIMESTAMP('2024-01-31 12:00:00'[, 'yyyy-MM-dd HH:mm:ss'])",
        coerce: |types| match types {
            [t] if is_text(t) => Some(vec![DataType::Utf8]),
            [t, p] if is_text(t) && is_text(p) => Some(vec![DataType::Utf8, DataType::Utf8]),
            [t] if t.is_numeric() => Some(vec![DataType::Float64]),
            [t] if is_time(t) => Some(vec![millis()]),
            _ => None,
        },
        returns: |_| millis(),
        invoke: |args| to_timestamp(args, None),
    },
    Spec {
        name: "to_timestamp_ltz",
        aliases: &[],
        usage: "TO_TIMESTAMP_LTZ(milliseconds, 3), TO_TIMESTAMP_LTZ(seconds, 0) or TO_TIMESTAMP_LTZ('2024-01-31 12:00:00'[, pattern])",
        coerce: |types| match types {
            [t] if t.is_integer() => Some(vec![DataType::Int64]),
            [t, p] if t.is_integer() && is_whole(p) => Some(vec![DataType::Int64, DataType::Int64]),
            [t] if is_text(t) => Some(vec![DataType::Utf8]),
            [t, p] if is_text(t) && is_text(p) => Some(vec![DataType::Utf8, DataType::Utf8]),
            _ => None,
        },
        returns: |_| millis_ltz(),
        invoke: |args| match args.args[0].data_type() {
            DataType::Int64 => epoch_to_timestamp(args),
            _ => to_timestamp(args, Some("UTC")),
        },
    },
    Spec {
        name: "unix_timestamp",
        aliases: &[],
        usage: "UNIX_TIMESTAMP('2024-01-31 12:00:00'[, 'yyyy-MM-dd HH:mm:ss'])",
        coerce: |types| match types {
            [t] if is_text(t) => Some(vec![DataType::Utf8]),
            [t, p] if is_text(t) && is_text(p) => Some(vec![DataType::Utf8, DataType::Utf8]),
            [t] if is_time(t) => Some(vec![micros()]),
            _ => None,
        },
        returns: |_| DataType::Int64,
        invoke: unix_timestamp,
    },
    Spec {
        name: "from_unixtime",
        aliases: &[],
        usage: "FROM_UNIXTIME(seconds[, 'yyyy-MM-dd HH:mm:ss'])",
        coerce: |types| match types {
            [t] if is_whole(t) => Some(vec![DataType::Int64]),
            [t, p] if is_whole(t) && is_text(p) => Some(vec![DataType::Int64, DataType::Utf8]),
            _ => None,
        },
        returns: |_| DataType::Utf8,
        invoke: from_unixtime,
    },
    time_field!("year", "YEAR(timestamp)", |c| i64::from(c.year)),
    time_field!("quarter", "QUARTER(timestamp)", |c| i64::from(
        (c.month - 1) / 3 + 1
    )),
    time_field!("month", "MONTH(timestamp)", |c| i64::from(c.month)),
    time_field!("week", "WEEK(timestamp)", |c| c.week()),
    time_field!("dayofyear", "DAYOFYEAR(timestamp)", |c| c.day_of_year()),
    time_field!("dayofmonth", "DAYOFMONTH(timestamp)", |c| i64::from(c.day)),
    time_field!("dayofweek", "DAYOFWEEK(timestamp)", |c| {
        (c.weekday() + 1) % 7 + 1
    }),
    Spec {
        name: "hour",
        aliases: &[],
        usage: "HOUR(timestamp)",
        coerce: one_time,
        returns: |_| DataType::Int64,
        invoke: |args| clock_field(args, 3_600_000_000, 24),
    },
    Spec {
        name: "minute",
        aliases: &[],
        usage: "MINUTE(timestamp)",
        coerce: one_time,
        returns: |_| DataType::Int64,
        invoke: |args| clock_field(args, 60_000_000, 60),
    },
    Spec {
        name: "second",
        aliases: &[],
        usage: "SECOND(timestamp)",
        coerce: one_time,
        returns: |_| DataType::Int64,
        invoke: |args| clock_field(args, 1_000_000, 60),
    },
    Spec {
        name: "timestampdiff",
        aliases: &[],
        usage: "TIMESTAMPDIFF(SECOND, from, to)",
        coerce: |types| match types {
            [u, a, b] if is_text(u) && is_time(a) && is_time(b) => {
                Some(vec![DataType::Utf8, micros(), micros()])
            }
            _ => None,
        },
        returns: |_| DataType::Int64,
        invoke: timestampdiff,
    },
    Spec {
        name: "timestampadd",
        aliases: &[],
        usage: "TIMESTAMPADD(SECOND, count, timestamp)",
        coerce: |types| match types {
            [u, n, t] if is_text(u) && is_whole(n) && is_time(t) => {
                Some(vec![DataType::Utf8, DataType::Int64, micros()])
            }
            _ => None,
        },
        returns: |_| millis(),
        invoke: timestampadd,
    },
];

fn one_time(types: &[DataType]) -> Option<Vec<DataType>> {
    match types {
        [t @ DataType::Timestamp(_, _)] => Some(vec![t.clone()]),
        [t] if is_time(t) => Some(vec![micros()]),
        _ => None,
    }
}

/// The argument as microseconds since the epoch.
fn points(value: &ColumnarValue, rows: usize) -> Result<Int64Array> {
    let array = value.to_array(rows)?;
    if let DataType::Timestamp(unit, _) = array.data_type() {
        let raw: ArrayRef = match unit {
            TimeUnit::Microsecond => arrow::compute::cast(&array, &DataType::Int64)?,
            TimeUnit::Millisecond | TimeUnit::Second => {
                let factor = if *unit == TimeUnit::Second {
                    1_000_000
                } else {
                    1_000
                };
                let raw = arrow::compute::cast(&array, &DataType::Int64)?;
                Arc::new(
                    raw.as_primitive::<Int64Type>()
                        .unary::<_, Int64Type>(|v| v.saturating_mul(factor)),
                )
            }
            TimeUnit::Nanosecond => {
                let raw = arrow::compute::cast(&array, &DataType::Int64)?;
                Arc::new(
                    raw.as_primitive::<Int64Type>()
                        .unary::<_, Int64Type>(|v| v.div_euclid(1_000)),
                )
            }
        };
        return Ok(raw.as_primitive::<Int64Type>().clone());
    }
    let cast = arrow::compute::cast(&array, &micros())?;
    let cast = cast.as_primitive::<TimestampMicrosecondType>();
    Ok(cast.reinterpret_cast::<Int64Type>())
}

/// The fields of the calendar; the rows of one day are computed once.
fn time_field(args: &ScalarFunctionArgs, field: fn(&Civil) -> i64) -> Result<ColumnarValue> {
    let points = points(&args.args[0], rows(args))?;
    let last = std::cell::Cell::new((i64::MIN, 0));
    let fields = points.unary::<_, Int64Type>(|micros| {
        let day = micros.div_euclid(86_400_000_000);
        if day != last.get().0 {
            last.set((day, field(&Civil::new(micros))));
        }
        last.get().1
    });
    result(args, Arc::new(fields))
}

fn clock_field(args: &ScalarFunctionArgs, unit: i64, modulus: i64) -> Result<ColumnarValue> {
    let points = points(&args.args[0], rows(args))?;
    let fields = points.unary::<_, Int64Type>(|v| v.div_euclid(unit).rem_euclid(modulus));
    result(args, Arc::new(fields))
}

fn pattern(text: &str) -> Result<Pattern> {
    match Pattern::parse(text) {
        Some(pattern) => Ok(pattern),
        None => exec_err!("'{text}' is not a date pattern such as 'yyyy-MM-dd HH:mm:ss'"),
    }
}

/// The patterns of a call: parsed once if it is the same for all rows.
enum Patterns {
    One(Option<Pattern>),
    Each(Text),
}

impl Patterns {
    fn new(value: Option<&ColumnarValue>) -> Result<Self> {
        Ok(match value.map(Text::new).transpose()? {
            None => Self::One(Some(pattern(DEFAULT_PATTERN)?)),
            Some(Text::One(text)) => Self::One(text.as_deref().map(pattern).transpose()?),
            Some(each) => Self::Each(each),
        })
    }

    fn get(&self, row: usize) -> Result<Option<std::borrow::Cow<'_, Pattern>>> {
        use std::borrow::Cow;
        Ok(match self {
            Self::One(pattern) => pattern.as_ref().map(Cow::Borrowed),
            Self::Each(texts) => match texts.get(row) {
                Some(text) => Some(Cow::Owned(pattern(text)?)),
                None => None,
            },
        })
    }
}

fn date_format(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let points = points(&args.args[0], rows(args))?;
    let patterns = Patterns::new(args.args.get(1))?;
    let texts = match &patterns {
        Patterns::One(Some(pattern)) => format_all(&points, pattern),
        _ => format_each(&points, &patterns)?,
    };
    result(args, texts)
}

/// Rows in the same day (or hour, or minute, as the pattern has it) share their text, which is written once.
fn format_all(points: &Int64Array, pattern: &Pattern) -> ArrayRef {
    let granularity = pattern.granularity();
    let mut out = StringBuilder::with_capacity(points.len(), points.len() * 12);
    let mut text = String::new();
    let mut written = None;
    for micros in points {
        let Some(micros) = micros else {
            out.append_null();
            continue;
        };
        let unit = micros.div_euclid(granularity);
        if written != Some(unit) {
            text.clear();
            pattern.write(micros, &mut text);
            written = Some(unit);
        }
        out.append_value(&text);
    }
    Arc::new(out.finish())
}

fn format_each(points: &Int64Array, patterns: &Patterns) -> Result<ArrayRef> {
    let mut out = StringBuilder::new();
    let mut text = String::new();
    for (row, micros) in points.iter().enumerate() {
        match (micros, patterns.get(row)?) {
            (Some(micros), Some(pattern)) => {
                text.clear();
                pattern.write(micros, &mut text);
                out.append_value(&text);
            }
            _ => out.append_null(),
        }
    }
    Ok(Arc::new(out.finish()))
}

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

fn millis_array(micros: &Int64Array, zone: Option<&str>) -> ArrayRef {
    let millis =
        micros.unary::<_, arrow::datatypes::TimestampMillisecondType>(|v| v.div_euclid(1_000));
    let millis: TimestampMillisecondArray = millis.with_timezone_opt(zone.map(Arc::<str>::from));
    Arc::new(millis)
}

fn to_timestamp(args: &ScalarFunctionArgs, zone: Option<&str>) -> Result<ColumnarValue> {
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

fn epoch_to_timestamp(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
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

fn unix_timestamp(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let micros = match args.args[0].data_type() {
        DataType::Utf8 => read_times(args)?,
        _ => points(&args.args[0], rows(args))?,
    };
    let seconds = micros.unary::<_, Int64Type>(|v| v.div_euclid(1_000_000));
    result(args, Arc::new(seconds))
}

fn from_unixtime(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let seconds = Whole::new(&args.args[0])?;
    let micros: Int64Array = (0..rows(args))
        .map(|row| seconds.get(row)?.checked_mul(1_000_000))
        .collect();
    let patterns = Patterns::new(args.args.get(1))?;
    let texts = match &patterns {
        Patterns::One(Some(pattern)) => format_all(&micros, pattern),
        _ => format_each(&micros, &patterns)?,
    };
    result(args, texts)
}

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

fn timestampdiff(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
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

fn timestampadd(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
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
