//! `topic produce`: lines of standard input as records.

use std::io::{self, BufRead};

use super::pattern::{self, Part};
use crate::cli::args::{Format, ProduceArgs};
use crate::cli::exit::{Failure, Outcome};
use crate::cli::output::AnswerPrinter;
use crate::cli::request::{NewRecord, Request, Text};
use crate::cli::session::Session;

/// Records of one commit, if so many lines are there at once.
const BATCH_RECORDS_MAX: usize = 1000;
/// A longer line is refused.
const LINE_BYTES_MAX: usize = 32 << 20;

/// Reads lines to the end of the input. What is there at once is one commit.
pub(super) fn run(args: &ProduceArgs, open: impl Fn() -> Outcome<Session>) -> Outcome {
    let shape = Shape::new(args)?;
    let mut session = open()?;
    let mut printer = AnswerPrinter::new(Format::Table);
    let mut input = io::BufReader::with_capacity(1 << 16, io::stdin().lock());
    let mut records = Vec::new();
    loop {
        let mut line = Vec::new();
        let read = input
            .read_until(b'\n', &mut line)
            .map_err(|e| Failure::io("cannot read standard input", &e))?;
        if read > 0 {
            records.push(shape.record(&line)?);
        }
        let more_at_hand = input.buffer().contains(&b'\n') && records.len() < BATCH_RECORDS_MAX;
        if !records.is_empty() && (read == 0 || !more_at_hand) {
            let request = Request::Produce {
                topic: args.topic.clone(),
                partition: args.partition,
                records: std::mem::take(&mut records),
            };
            session.ask(request, &mut |reply| printer.take(reply))?;
        }
        if read == 0 {
            return Ok(());
        }
    }
}

/// How a line becomes a record.
struct Shape {
    parts: Vec<Part>,
    key: Option<String>,
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
            parts: pattern::parse(format, "kv")?,
            key: args.key.clone(),
            headers: args.headers.iter().map(header).collect::<Outcome<_>>()?,
            empty_is_tombstone: args.tombstone,
        })
    }

    fn record(&self, line: &[u8]) -> Outcome<NewRecord> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        if line.len() > LINE_BYTES_MAX {
            return Err(Failure::failed(format!(
                "a line has more than {LINE_BYTES_MAX} bytes"
            )));
        }
        let fields = pattern::split(&self.parts, line).ok_or_else(|| {
            Failure::failed(format!(
                "a line does not fit the format: '{}'",
                String::from_utf8_lossy(line)
            ))
        })?;
        let field = |name| {
            fields
                .iter()
                .find(|(f, _)| *f == name)
                .map(|(_, v)| v.to_vec())
        };
        let value = field('v').unwrap_or_default();
        let is_tombstone = value.is_empty() && self.empty_is_tombstone;
        Ok(NewRecord {
            key: field('k')
                .map(Text::from)
                .or_else(|| self.key.clone().map(Text::Utf8)),
            value: (!is_tombstone).then(|| value.into()),
            headers: self.headers.clone(),
        })
    }
}
