//! Windows for the oracle, which has none: each window function in a query becomes a table of rows with their windows, made
//! by the slow model of the laws from the definition of the windows, and of which rows come too late for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, TimestampMillisecondArray, UInt32Array,
};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimeUnit};
use arrow::util::display::array_value_to_string;
use datafusion::prelude::SessionContext;
use regex::Regex;

use crate::laws::model::{Arrival, Judge, Windows};

/// Holds what a row is judged by: the watermark before it, microseconds.
const BOUND: &str = "__bound";

/// Whether `sql` has windows of event time.
pub(crate) fn has_windows(sql: &str) -> bool {
    pattern(r"(?i)\b(TUMBLE|HOP|CUMULATE|SESSION)\s*\(").is_match(sql)
}

/// `sql` in canonical form without window functions; `context` gets to know the tables in their places. `None` if it has
/// something that is not understood here.
pub(crate) async fn write_out(context: &SessionContext, sql: &str) -> Option<String> {
    let mut sql = sql.replace('`', "\"");
    let function = pattern(r"TABLE\((TUMBLE|HOP|CUMULATE|SESSION)\(");
    for n in 0.. {
        // What stands last has no other inside of it.
        let Some(found) = function.find_iter(&sql).last() else {
            break;
        };
        let call = &sql[found.end() - 1..];
        let end = closing(call)?;
        let kind = found.as_str()["TABLE(".len()..]
            .trim_end_matches('(')
            .to_owned();
        let table = windowed(context, &kind, &call[1..end]).await?;
        let name = format!("__windowed_{n}");
        context.register_batch(&name, table).ok()?;
        let after = call[end + 1..].strip_prefix(')')?;
        sql = format!("{}{name}{after}", &sql[..found.start()]);
    }
    Some(sql)
}

/// Rows of a table in the order of a partition, with the watermark before each, by the table's definition.
pub(crate) fn with_bounds(rows: &RecordBatch, ddl: &str) -> Option<RecordBatch> {
    let watermark = pattern(r"WATERMARK FOR `?(\w+)`? AS \S+( - INTERVAL '(\d+)' SECOND)?");
    let found = watermark.captures(ddl)?;
    let delay: i64 = found.get(3).map_or(Some(0), |d| d.as_str().parse().ok())?;
    let times = micros(rows.column_by_name(&found[1])?)?;
    let mut highest: Option<i64> = None;
    let bounds = times.iter().map(|time| {
        let before = highest;
        highest = highest.max(time.map(|t| t - delay * 1_000_000));
        before
    });
    let bounds: Int64Array = bounds.collect();
    Some(with_columns(rows, vec![(BOUND, Arc::new(bounds))]))
}

pub(crate) fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

/// The place of the parenthesis that closes the first.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0, None);
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => {
                depth -= 1;
                if depth == 0 {
                    return Some(i);
                }
            }
            _ => {}
        }
    }
    None
}

/// The rows of a window function with these arguments.
async fn windowed(context: &SessionContext, kind: &str, args: &str) -> Option<RecordBatch> {
    let descriptor = args.find("DESCRIPTOR(")?;
    let data = args[..descriptor].trim().trim_end_matches(',');
    let (time, rest) = args[descriptor + "DESCRIPTOR(".len()..].split_once(')')?;
    let time = time.rsplit('.').next()?.trim().trim_matches('"');
    let mut lengths = Vec::new();
    for length in rest.split(',').map(str::trim).filter(|l| !l.is_empty()) {
        lengths.push(milliseconds(context, length).await?);
    }
    let windows = windows(kind, &lengths)?;
    let (data, keys) = match data.rsplit_once(" PARTITION BY ") {
        Some((data, keys)) if !keys.contains(')') => (data, keys),
        _ => (data, ""),
    };
    let keys = keys.split(',').map(|k| k.trim().trim_matches('"'));
    let keys: Vec<&str> = keys.filter(|k| !k.is_empty()).collect();
    let data = data.trim().trim_start_matches("TABLE ");
    let frame = context.sql(&format!("SELECT * FROM {data}")).await.ok()?;
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let rows = concat_batches(&schema, &frame.collect().await.ok()?).ok()?;
    spread(&rows, windows, time, &keys)
}

fn windows(kind: &str, lengths: &[i64]) -> Option<Windows> {
    Some(match (kind, lengths) {
        ("TUMBLE", [size, rest @ ..]) => Windows::Tumble {
            size: *size,
            offset: rest.first().copied().unwrap_or(0),
        },
        ("HOP", [slide, size, rest @ ..]) => Windows::Hop {
            slide: *slide,
            size: *size,
            offset: rest.first().copied().unwrap_or(0),
        },
        ("CUMULATE", [step, size, rest @ ..]) => Windows::Cumulate {
            step: *step,
            size: *size,
            offset: rest.first().copied().unwrap_or(0),
        },
        ("SESSION", [gap]) => Windows::Session { gap: *gap },
        _ => return None,
    })
}

/// An interval.
async fn milliseconds(context: &SessionContext, text: &str) -> Option<i64> {
    let sql = format!("SELECT TIMESTAMP '1970-01-01 00:00:00' + {text}");
    let rows = context.sql(&sql).await.ok()?.collect().await.ok()?;
    Some(micros(rows.first()?.column(0))?.value(0) / 1_000)
}

fn micros(times: &ArrayRef) -> Option<Int64Array> {
    let times = cast(times, &DataType::Timestamp(TimeUnit::Microsecond, None)).ok()?;
    let times = cast(&times, &DataType::Int64).ok()?;
    Some(times.as_primitive::<Int64Type>().clone())
}

/// Each row once for each of its windows that it is not late for.
fn spread(rows: &RecordBatch, windows: Windows, time: &str, keys: &[&str]) -> Option<RecordBatch> {
    let time = rows.column_by_name(time)?;
    let times = micros(time)?;
    let bounds = rows.column_by_name(BOUND);
    let bounds = bounds.map(|b| b.as_primitive::<Int64Type>());
    let keys = keys.iter().map(|k| rows.column_by_name(k));
    let keys = keys.collect::<Option<Vec<_>>>()?;
    let mut judge = Judge::new(windows, 0);
    let mut placed: Vec<(u32, i64, i64)> = Vec::new();
    let mut by_key: BTreeMap<String, Vec<(i64, u32)>> = BTreeMap::new();
    for (i, time) in times.iter().enumerate() {
        let Some(at) = time else { continue };
        let key = keys.iter().map(|k| array_value_to_string(k, i).unwrap());
        let key = key.collect::<Vec<_>>().join("\u{1}");
        let arrival = Arrival {
            id: i as i64,
            key: key.clone(),
            time,
            weight: 1,
            bound: bounds.and_then(|b| b.is_valid(i).then(|| b.value(i))),
        };
        let missed = judge
            .judge(&arrival)
            .map_or(Vec::new(), |late| late.windows);
        match windows {
            Windows::Session { .. } if missed.is_empty() => {
                by_key.entry(key).or_default().push((at, i as u32));
            }
            Windows::Session { .. } => {}
            windows => {
                let in_time = windows.of(at).into_iter().filter(|w| !missed.contains(w));
                placed.extend(in_time.map(|(start, end)| (i as u32, start, end)));
            }
        }
    }
    if let Windows::Session { gap } = windows {
        let of_keys = by_key.into_values();
        placed.extend(of_keys.flat_map(|rows| sessions(rows, gap * 1_000)));
    }
    placed.sort_unstable();
    with_windows(rows, &placed, time.data_type())
}

/// Rows of one key, each with the bounds of its session.
fn sessions(mut rows: Vec<(i64, u32)>, gap: i64) -> Vec<(u32, i64, i64)> {
    rows.sort_unstable();
    let together = rows.chunk_by(|(a, _), (b, _)| b - a <= gap);
    let bounded = together.flat_map(|session| {
        let (start, end) = (session[0].0, session[session.len() - 1].0 + gap);
        session.iter().map(move |(_, row)| (*row, start, end))
    });
    bounded.collect()
}

fn with_windows(
    rows: &RecordBatch,
    placed: &[(u32, i64, i64)],
    time: &DataType,
) -> Option<RecordBatch> {
    let zone = match time {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => return None,
    };
    let mut rows = rows.clone();
    if let Some((bound, _)) = rows.schema().column_with_name(BOUND) {
        rows.remove_column(bound);
    }
    if rows.schema().column_with_name("window_start").is_some() {
        return None;
    }
    let indices = UInt32Array::from_iter_values(placed.iter().map(|p| p.0));
    let rows = take_record_batch(&rows, &indices).ok()?;
    let column = |of: fn(&(u32, i64, i64)) -> i64| -> ArrayRef {
        let times = placed.iter().map(|p| of(p) / 1_000);
        let times = TimestampMillisecondArray::from_iter_values(times);
        Arc::new(times.with_timezone_opt(zone.clone()))
    };
    let added = vec![
        ("window_start", column(|p| p.1)),
        ("window_end", column(|p| p.2)),
        ("window_time", column(|p| p.2 - 1_000)),
    ];
    Some(with_columns(&rows, added))
}

fn with_columns(rows: &RecordBatch, added: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let mut fields: Vec<Field> = rows
        .schema()
        .fields()
        .iter()
        .map(|f| f.as_ref().clone())
        .collect();
    let mut columns = rows.columns().to_vec();
    for (name, column) in added {
        fields.push(Field::new(name, column.data_type().clone(), true));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}
