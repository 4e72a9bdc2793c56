//! The functions of time by name, with the types that they take and give.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion_common::Result;
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};

use super::arithmetic::{timestampadd, timestampdiff};
use super::format::{date_format, from_unixtime};
use super::points::{clock_field, time_field};
use super::read::{epoch_to_timestamp, to_timestamp, unix_timestamp};
use super::zones::convert_tz;
use crate::functions::spec::{Spec, all_texts, is_text, is_whole};

const fn millis() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

fn millis_ltz() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

pub(super) fn micros() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

fn is_time(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64
    ) || is_text(data_type)
}

/// A function of one point in time that gives a number.
const fn number_of(
    name: &'static str,
    usage: &'static str,
    invoke: fn(&ScalarFunctionArgs) -> Result<ColumnarValue>,
) -> Spec {
    Spec {
        name,
        aliases: &[],
        usage,
        coerce: one_time,
        returns: |_| DataType::Int64,
        invoke,
    }
}

pub(in crate::functions) static SPECS: [Spec; 18] = [
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
        coerce: |types| {
            texts(types).or_else(|| match types {
                [t] if t.is_numeric() => Some(vec![DataType::Float64]),
                [t] if is_time(t) => Some(vec![millis()]),
                _ => None,
            })
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
            _ => texts(types),
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
        coerce: |types| {
            texts(types).or_else(|| match types {
                [t] if is_time(t) => Some(vec![micros()]),
                _ => None,
            })
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
    number_of("year", "YEAR(timestamp)", |args| {
        time_field(args, |c| i64::from(c.year))
    }),
    number_of("quarter", "QUARTER(timestamp)", |args| {
        time_field(args, |c| i64::from((c.month - 1) / 3 + 1))
    }),
    number_of("month", "MONTH(timestamp)", |args| {
        time_field(args, |c| i64::from(c.month))
    }),
    number_of("week", "WEEK(timestamp)", |args| {
        time_field(args, |c| c.week())
    }),
    number_of("dayofyear", "DAYOFYEAR(timestamp)", |args| {
        time_field(args, |c| c.day_of_year())
    }),
    number_of("dayofmonth", "DAYOFMONTH(timestamp)", |args| {
        time_field(args, |c| i64::from(c.day))
    }),
    number_of("dayofweek", "DAYOFWEEK(timestamp)", |args| {
        time_field(args, |c| (c.weekday() + 1) % 7 + 1)
    }),
    number_of("hour", "HOUR(timestamp)", |args| {
        clock_field(args, 3_600_000_000, 24)
    }),
    number_of("minute", "MINUTE(timestamp)", |args| {
        clock_field(args, 60_000_000, 60)
    }),
    number_of("second", "SECOND(timestamp)", |args| {
        clock_field(args, 1_000_000, 60)
    }),
    Spec {
        name: "convert_tz",
        aliases: &[],
        usage: "CONVERT_TZ('2024-01-31 12:00:00', 'UTC', 'America/Los_Angeles')",
        coerce: |types| all_texts(types, 3..=3),
        returns: |_| DataType::Utf8,
        invoke: convert_tz,
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

/// One text, or two.
fn texts(types: &[DataType]) -> Option<Vec<DataType>> {
    let fits = matches!(types.len(), 1 | 2) && types.iter().all(is_text);
    fits.then(|| vec![DataType::Utf8; types.len()])
}

fn one_time(types: &[DataType]) -> Option<Vec<DataType>> {
    match types {
        [t @ DataType::Timestamp(_, _)] => Some(vec![t.clone()]),
        [t] if is_time(t) => Some(vec![micros()]),
        _ => None,
    }
}
