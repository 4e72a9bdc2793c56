//! `stream append`: lines of standard input as events.

use std::io::{self, BufRead, Read};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::request::EventLine;
use crate::cli::exit::{Failure, Outcome};

/// A longer line is refused.
const LINE_BYTES_MAX: u64 = 32 << 20;

/// An event as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    data: &'a RawValue,
    id: Option<String>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(default)]
    tags: Vec<String>,
    correlation: Option<String>,
    causation: Option<String>,
    #[serde(default = "first_schema")]
    schema: u32,
}

fn first_schema() -> u32 {
    1
}

/// The events of standard input.
pub(super) fn read() -> Outcome<Vec<EventLine>> {
    let events = lines(io::stdin().lock(), parse)?;
    match events.is_empty() {
        true => Err(Failure::failed("there is no event on standard input")
            .with_hint(r#"an event is a line such as {"type":"deposited","data":{"amount":5}}"#)),
        false => Ok(events),
    }
}

/// What the lines of an input that are not blank are read as.
pub(super) fn lines<T>(
    mut input: impl BufRead,
    read: impl Fn(&str) -> Result<T, serde_json::Error>,
) -> Outcome<Vec<T>> {
    let (mut found, mut line) = (Vec::new(), String::new());
    for number in 1.. {
        line.clear();
        let wrong =
            |what: &dyn std::fmt::Display| Failure::failed(format!("line {number}: {what}"));
        let mut limited = input.by_ref().take(LINE_BYTES_MAX + 1);
        if limited.read_line(&mut line).map_err(|e| wrong(&e))? == 0 {
            break;
        }
        if line.len() as u64 > LINE_BYTES_MAX {
            return Err(wrong(&"a line may have 32 MiB"));
        }
        if !line.trim().is_empty() {
            let text = line.trim_end_matches(['\n', '\r']);
            found.push(read(text).map_err(|e| wrong(&in_line(&e)))?);
        }
    }
    Ok(found)
}

/// An error of a line, with its column alone: serde takes each line for the first of a text.
fn in_line(error: &serde_json::Error) -> String {
    let (text, column) = (error.to_string(), error.column());
    let place = format!(" at line {} column {column}", error.line());
    match text.strip_suffix(&place) {
        Some(what) if column > 0 => format!("{what} at column {column}"),
        _ => text,
    }
}

fn parse(line: &str) -> Result<EventLine, serde_json::Error> {
    let line: Line<'_> = serde_json::from_str(line)?;
    let is_object = |json: &&RawValue| json.get().starts_with('{');
    if !line.metadata.as_ref().is_none_or(is_object) {
        return Err(serde::de::Error::custom("metadata is no JSON object"));
    }
    Ok(EventLine {
        kind: line.kind,
        data: line.data.get().to_owned(),
        id: line.id,
        metadata: line.metadata.map(|metadata| metadata.get().to_owned()),
        tags: line.tags,
        correlation: line.correlation,
        causation: line.causation,
        schema: line.schema,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_stay_as_they_were_written() {
        let text = "\n{\"type\":\"a\",\"data\":{\"n\":1.50e3}}\n{\"type\":\"b\",\"data\":[1 ,2],\"id\":\"7\",\"metadata\":{}}";
        let events = lines(text.as_bytes(), parse).expect("two events");
        assert_eq!(events[0].data, r#"{"n":1.50e3}"#);
        assert_eq!(
            (events[1].data.as_str(), events[1].id.as_deref()),
            ("[1 ,2]", Some("7"))
        );
        assert_eq!(events[1].metadata.as_deref(), Some("{}"));
    }

    #[test]
    fn what_is_no_event_is_named_by_its_line() {
        for (text, what) in [
            (
                "{\"type\":\"a\",\"data\":1}\n{\"type\":\"a\"}",
                "line 2: missing field `data`",
            ),
            (
                "{\"type\":\"a\",\"data\":1,\"idd\":\"7\"}",
                "line 1: unknown field `idd`",
            ),
            ("x", "line 1: expected value at column 1"),
            (
                "{\"type\":\"a\",\"data\":1}\n{\"type\":\"a\",\"data\":\n",
                "line 2: EOF while parsing a value at column 19",
            ),
            (
                "{\"type\":\"a\",\"data\":1,\"metadata\":3}",
                "line 1: metadata is no JSON object",
            ),
        ] {
            let failure = lines(text.as_bytes(), parse).expect_err("no event");
            assert!(failure.message.starts_with(what), "{}", failure.message);
        }
    }
}
