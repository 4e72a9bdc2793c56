//! `topic consume`: records as JSON or by a text pattern.

use std::io::{self, Write};

use arrow::array::cast::AsArray;
use arrow::array::types::{TimestampMillisecondType, UInt32Type, UInt64Type};
use arrow::array::{Array, RecordBatch};
use headwater::SystemClock;
use headwater_log::Clock;
use serde_json::{Value, json};

use super::pattern::{self, Part};
use crate::cli::args::{ConsumeArgs, Format};
use crate::cli::exit::{Failure, Outcome};
use crate::cli::offsets::Span;
use crate::cli::output::AnswerPrinter;
use crate::cli::request::{Reply, Request};
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
        text => Shape::Pattern(pattern::parse(text, "tpokvhd")?),
    };
    let mut other = AnswerPrinter::new(Format::Jsonl);
    let mut out = io::stdout().lock();
    open()?.ask(request, &mut |reply| match reply {
        Reply::Rows(batch) => write_batch(&mut out, &shape, &batch),
        Reply::Begin { .. } | Reply::End => Ok(()),
        reply => other.take(reply),
    })
}

fn write_batch(out: &mut impl Write, shape: &Shape, batch: &RecordBatch) -> Outcome {
    let records = Records::of(batch)
        .ok_or_else(|| Failure::failed("records came in a form that this version does not know"))?;
    for row in 0..batch.num_rows() {
        match shape {
            Shape::Json { is_pretty } => {
                let value = records.json(row);
                let text = if *is_pretty {
                    format!("{value:#}")
                } else {
                    value.to_string()
                };
                writeln!(out, "{text}")?;
            }
            Shape::Pattern(parts) => {
                for part in parts {
                    match part {
                        Part::Literal(text) => out.write_all(text.as_bytes())?,
                        Part::Field(field) => out.write_all(&records.field(*field, row))?,
                    }
                }
            }
        }
    }
    out.flush()?;
    Ok(())
}

/// The columns of a batch of records.
struct Records<'a> {
    topic: &'a arrow::array::StringArray,
    partition: &'a arrow::array::UInt32Array,
    offset: &'a arrow::array::UInt64Array,
    timestamp: &'a arrow::array::TimestampMillisecondArray,
    headers: &'a arrow::array::StringArray,
    key: &'a arrow::array::BinaryArray,
    value: &'a arrow::array::BinaryArray,
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

    fn headers(&self, row: usize) -> Vec<Value> {
        let text = if self.headers.is_valid(row) {
            self.headers.value(row)
        } else {
            "[]"
        };
        serde_json::from_str(text).unwrap_or_default()
    }

    /// As rpk writes it: absent keys and headers are left out, a tombstone has no value.
    fn json(&self, row: usize) -> Value {
        let text = |column: &arrow::array::BinaryArray| {
            let bytes = column.is_valid(row).then(|| column.value(row));
            bytes.map(|b| String::from_utf8_lossy(b).into_owned())
        };
        let mut value = json!({ "topic": self.topic.value(row) });
        if let Some(key) = text(self.key) {
            value["key"] = key.into();
        }
        if let Some(text) = text(self.value) {
            value["value"] = text.into();
        }
        if self.headers.is_valid(row) {
            value["headers"] = self.headers(row).into();
        }
        value["timestamp"] = self.timestamp.value(row).into();
        value["partition"] = self.partition.value(row).into();
        value["offset"] = self.offset.value(row).into();
        value
    }

    fn field(&self, field: char, row: usize) -> Vec<u8> {
        let bytes = |column: &arrow::array::BinaryArray| match column.is_valid(row) {
            true => column.value(row).to_vec(),
            false => Vec::new(),
        };
        match field {
            't' => self.topic.value(row).as_bytes().to_vec(),
            'p' => self.partition.value(row).to_string().into_bytes(),
            'o' => self.offset.value(row).to_string().into_bytes(),
            'd' => self.timestamp.value(row).to_string().into_bytes(),
            'h' => self.headers(row).len().to_string().into_bytes(),
            'k' => bytes(self.key),
            _ => bytes(self.value),
        }
    }
}
