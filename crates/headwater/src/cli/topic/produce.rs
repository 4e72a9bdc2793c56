//! `topic produce`: lines of standard input as records.

use std::io::{self, BufRead, Read, Write};

use arrow::array::RecordBatch;
use arrow::array::cast::AsArray;
use arrow::array::types::{UInt32Type, UInt64Type};

use super::args::ProduceArgs;
use super::pattern::{self, Part, Shown, Verbs};
use crate::cli::args::Format;
use crate::cli::exit::{Failure, Outcome};
use crate::cli::output::AnswerPrinter;
use crate::cli::request::{NewRecord, Reply, Request, Text};
use crate::cli::session::Session;

/// Records of one commit, if so many lines are there at once.
const BATCH_RECORDS_MAX: usize = 1000;
/// A longer line is refused.
const LINE_BYTES_MAX: usize = 32 << 20;
/// How much of a line is shown that is not understood.
const SHOWN_BYTES_MAX: usize = 80;
/// What a pattern of answers may show.
const PRODUCED: Verbs = Verbs {
    texts: "t",
    numbers: "poi",
    headers: false,
};

/// Reads lines to the end of the input. What is there at once is one commit.
pub(super) fn run(args: &ProduceArgs, open: impl Fn() -> Outcome<Session>) -> Outcome {
    let shape = Shape::new(args)?;
    let mut answers = Answers {
        topic: &args.topic,
        parts: pattern::parse(&args.output_format, PRODUCED)?,
        count: 0,
        other: AnswerPrinter::new(Format::Table),
    };
    open()?.finish(|session| send(session, &args.topic, &shape, &mut answers))
}

fn send(session: &mut Session, topic: &str, shape: &Shape, answers: &mut Answers<'_>) -> Outcome {
    let mut input = io::BufReader::with_capacity(1 << 18, io::stdin().lock());
    let mut records = Vec::new();
    loop {
        let line = read_line(&mut input)?;
        if let Some(line) = &line {
            records.push(shape.record(line)?);
        }
        let more_at_hand = input.buffer().contains(&b'\n') && records.len() < BATCH_RECORDS_MAX;
        if !records.is_empty() && (line.is_none() || !more_at_hand) {
            let request = Request::Produce {
                topic: topic.to_owned(),
                records: std::mem::take(&mut records),
            };
            session.ask(&request, &mut |reply| answers.take(reply))?;
        }
        if line.is_none() {
            return Ok(());
        }
    }
}

/// The next line without its end; `None`: there is none.
fn read_line(input: &mut impl BufRead) -> Outcome<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut bounded = input.take(LINE_BYTES_MAX as u64 + 1);
    let read = bounded
        .read_until(b'\n', &mut line)
        .map_err(|e| Failure::io("cannot read standard input", &e))?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    if line.len() > LINE_BYTES_MAX {
        let text = format!("a line has more than {} MiB", LINE_BYTES_MAX >> 20);
        return Err(Failure::failed(text).with_hint("a record is one line of the input"));
    }
    Ok((read > 0).then_some(line))
}

/// Says where records are.
struct Answers<'a> {
    topic: &'a str,
    parts: Vec<Part>,
    count: u64,
    other: AnswerPrinter,
}

impl Answers<'_> {
    fn take(&mut self, reply: Reply) -> Outcome {
        match reply {
            Reply::Rows(batch) => {
                let text = self.written(&batch);
                let text = text.ok_or_else(|| {
                    Failure::failed("an answer came in a form that this version does not know")
                })?;
                Ok(io::stdout().lock().write_all(&text)?)
            }
            Reply::Begin { .. } | Reply::End => Ok(()),
            reply => self.other.take(reply),
        }
    }

    fn written(&mut self, batch: &RecordBatch) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        let column = |name| batch.column_by_name(name);
        let partitions = column("partition")?.as_primitive_opt::<UInt32Type>()?;
        let offsets = column("offset")?.as_primitive_opt::<UInt64Type>()?;
        for (partition, offset) in partitions.values().iter().zip(offsets.values()) {
            self.count += 1;
            let shown = Shown {
                topic: self.topic,
                partition: *partition,
                offset: *offset,
                count: self.count,
                ..Shown::default()
            };
            pattern::write(&self.parts, &shown, &mut text);
        }
        Some(text)
    }
}

/// How a line becomes a record.
struct Shape {
    parts: Vec<Part>,
    key: Option<String>,
    partition: Option<u32>,
    headers: Vec<(String, Text)>,
    empty_is_tombstone: bool,
}

impl Shape {
    fn new(args: &ProduceArgs) -> Outcome<Self> {
        let format = args.format.strip_suffix("\\n").unwrap_or(&args.format);
        let header = |text: &String| match text.split_once(':') {
            Some((key, value)) => Ok((key.to_owned(), Text::Utf8(value.to_owned()))),
            None => Err(Failure::usage(format!("header '{text}' is not KEY:VALUE"))),
        };
        Ok(Self {
            parts: pattern::parse(format, Verbs::LINE)?,
            key: args.key.clone(),
            partition: args.partition,
            headers: args.headers.iter().map(header).collect::<Outcome<_>>()?,
            empty_is_tombstone: args.tombstone,
        })
    }

    fn record(&self, line: &[u8]) -> Outcome<NewRecord> {
        let wrong = |why: &str| {
            let start = &line[..line.len().min(SHOWN_BYTES_MAX)];
            Failure::failed(format!(
                "a line {why}: '{}'",
                String::from_utf8_lossy(start)
            ))
        };
        let fields =
            pattern::split(&self.parts, line).ok_or_else(|| wrong("does not fit the format"))?;
        let mut record = NewRecord {
            partition: self.partition,
            key: self.key.clone().map(Text::Utf8),
            value: None,
            headers: self.headers.clone(),
        };
        let mut value = Vec::new();
        for (verb, bytes) in fields {
            match verb {
                'k' => record.key = Some(bytes.into()),
                'v' => value = bytes,
                _ => {
                    let number = std::str::from_utf8(&bytes)
                        .ok()
                        .and_then(|n| n.parse().ok());
                    let number = number.ok_or_else(|| wrong("has no number of a partition"))?;
                    record.partition = Some(number);
                }
            }
        }
        let is_tombstone = value.is_empty() && self.empty_is_tombstone;
        record.value = (!is_tombstone).then(|| value.into());
        Ok(record)
    }
}
