//! `topic consume`: records as JSON or by a text pattern.

use std::borrow::Cow;
use std::io::{self, Write};

use arrow::array::cast::AsArray;
use arrow::array::types::{TimestampMillisecondType, UInt32Type, UInt64Type};
use arrow::array::{
    Array, BinaryArray, RecordBatch, StringArray, TimestampMillisecondArray, UInt32Array,
    UInt64Array,
};
use headwater::SystemClock;
use headwater_log::Clock;
use serde::Serialize;

use super::args::ConsumeArgs;
use super::pattern::{self, Part, Shown, Verbs};
use crate::cli::args::Format;
use crate::cli::exit::{Code, Failure, Outcome};
use crate::cli::interrupt;
use crate::cli::offsets::Span;
use crate::cli::output::AnswerPrinter;
use crate::cli::request::{Reply, Request, Text, gone};
use crate::cli::session::Session;

/// How a record is written.
enum Shape {
    Json { is_pretty: bool },
    Pattern(Vec<Part>),
}

/// Reads and writes records.
pub(super) fn run(args: &ConsumeArgs, open: impl Fn() -> Outcome<Session>) -> Outcome {
    let request = Request::Consume {
        topic: args.topic.clone(),
        partitions: args.partitions.clone(),
        span: Span::parse(&args.offset, SystemClock.now())?,
        num: args.num,
    };
    let shape = match args.format.as_str() {
        "json" => Shape::Json { is_pretty: true },
        "jsonl" => Shape::Json { is_pretty: false },
        text => Shape::Pattern(pattern::parse(text, Verbs::RECORD)?),
    };
    let mut other = AnswerPrinter::new(Format::Jsonl);
    let mut out = io::stdout().lock();
    let mut count = 0;
    let mut take = |reply| match reply {
        _ if interrupt::is_asked() => Err(gone()),
        Reply::Rows(batch) => {
            out.write_all(&written(&shape, &batch, &mut count)?)?;
            Ok(out.flush()?)
        }
        Reply::Begin { .. } | Reply::End => Ok(()),
        reply => other.take(reply),
    };
    open()?.finish(|session| match session.ask(&request, &mut take) {
        // Whoever waits for more ends it with Ctrl-C.
        Err(failure) if failure.code == Code::Interrupted => Ok(()),
        outcome => outcome,
    })
}

/// Records as text; `count` counts them on.
fn written(shape: &Shape, batch: &RecordBatch, count: &mut u64) -> Outcome<Vec<u8>> {
    let records = Records::of(batch)
        .ok_or_else(|| Failure::failed("records came in a form that this version does not know"))?;
    let mut out = Vec::new();
    for row in 0..batch.num_rows() {
        *count += 1;
        match shape {
            Shape::Json { is_pretty } => {
                let text = match is_pretty {
                    true => serde_json::to_string_pretty(&records.json(row)),
                    false => serde_json::to_string(&records.json(row)),
                };
                let text = text.map_err(|e| Failure::failed(format!("cannot write JSON: {e}")))?;
                writeln!(out, "{text}")?;
            }
            Shape::Pattern(parts) => {
                let headers = records.headers(row);
                let record = Shown {
                    topic: records.topic.value(row),
                    partition: records.partition.value(row),
                    offset: records.offset.value(row),
                    timestamp: records.timestamp.value(row),
                    key: bytes(records.key, row).unwrap_or_default(),
                    value: bytes(records.value, row).unwrap_or_default(),
                    headers: &headers,
                    count: *count,
                };
                pattern::write(parts, &record, &mut out);
            }
        }
    }
    Ok(out)
}

fn bytes(column: &BinaryArray, row: usize) -> Option<&[u8]> {
    column.is_valid(row).then(|| column.value(row))
}

/// The columns of a batch of records.
struct Records<'a> {
    topic: &'a StringArray,
    partition: &'a UInt32Array,
    offset: &'a UInt64Array,
    timestamp: &'a TimestampMillisecondArray,
    headers: &'a StringArray,
    key: &'a BinaryArray,
    value: &'a BinaryArray,
}

impl<'a> Records<'a> {
    fn of(batch: &'a RecordBatch) -> Option<Self> {
        let column = |name| batch.column_by_name(name);
        Some(Self {
            topic: column("topic")?.as_string_opt()?,
            partition: column("partition")?.as_primitive_opt::<UInt32Type>()?,
            offset: column("offset")?.as_primitive_opt::<UInt64Type>()?,
            timestamp: column("timestamp")?.as_primitive_opt::<TimestampMillisecondType>()?,
            headers: column("headers")?.as_string_opt()?,
            key: column("key")?.as_binary_opt()?,
            value: column("value")?.as_binary_opt()?,
        })
    }

    fn headers(&self, row: usize) -> Vec<(String, Option<Vec<u8>>)> {
        let text = self.headers.is_valid(row).then(|| self.headers.value(row));
        let found: Vec<(String, Option<Text>)> = text
            .and_then(|t| serde_json::from_str(t).ok())
            .unwrap_or_default();
        let bytes = |value: Option<Text>| value.map(|v| bytes::Bytes::from(v).to_vec());
        found
            .into_iter()
            .map(|(key, value)| (key, bytes(value)))
            .collect()
    }

    /// As rpk writes it: absent keys and headers are left out, a tombstone has no value.
    fn json(&self, row: usize) -> Json<'_> {
        let header = |(key, value): (String, Option<Vec<u8>>)| JsonHeader {
            key,
            value: value.map(|v| String::from_utf8_lossy(&v).into_owned()),
        };
        Json {
            topic: self.topic.value(row),
            key: bytes(self.key, row).map(String::from_utf8_lossy),
            value: bytes(self.value, row).map(String::from_utf8_lossy),
            headers: self.headers(row).into_iter().map(header).collect(),
            timestamp: self.timestamp.value(row),
            partition: self.partition.value(row),
            offset: self.offset.value(row),
        }
    }
}

/// A record as rpk writes it, in its order.
#[derive(Serialize)]
struct Json<'a> {
    topic: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<JsonHeader>,
    timestamp: i64,
    partition: u32,
    offset: u64,
}

#[derive(Serialize)]
struct JsonHeader {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}
