//! Nothing vanishes: late and undecodable records become records of `<output>$late` and `<table>$errors` topics, with
//! their own key, value and headers, and headers that say where they came from and why they are there.

use bytes::Bytes;
use headwater_log::{Header, Record};

use crate::connector::{FailedRow, LateRow, OriginalRecord};

/// Headers that Headwater adds begin with this.
const PREFIX: &str = "headwater.";

/// The topic that keeps the records of a table that did not decode, and the rows on the way into it that nothing could be
/// made of.
pub fn errors_topic(table: &str) -> String {
    format!("{table}$errors")
}

/// The topic that keeps the rows which came too late for an output, a view or the table of a sink.
pub fn late_topic(output: &str) -> String {
    format!("{output}$late")
}

/// Where a kept record came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Provenance {
    /// The table.
    pub(super) table: String,
    /// The partition's name.
    pub(super) partition: String,
    /// The offset in it.
    pub(super) offset: u64,
}

/// The record for `<table>$errors`.
pub(super) fn rejected(original: OriginalRecord, from: &Provenance, reason: &str) -> Record {
    let mut record = from_original(original);
    add_provenance(&mut record, from);
    add(&mut record, "reason", reason);
    record
}

/// The record for `<output>$errors` of a row that nothing could be made of; `from` is known for rows that came straight
/// from a source.
pub(super) fn failed(
    row: &FailedRow,
    from: Option<(Option<OriginalRecord>, Provenance)>,
) -> Record {
    let (original, from) = from.unzip();
    let mut record = from_original(original.flatten().unwrap_or_else(|| as_value(&row.row)));
    if let Some(from) = &from {
        add_provenance(&mut record, from);
    }
    add(&mut record, "reason", &row.reason);
    record
}

/// A row as the value of a record.
fn as_value(row: &Option<String>) -> OriginalRecord {
    OriginalRecord {
        value: row.clone().map(Bytes::from),
        ..OriginalRecord::default()
    }
}

/// The record for `<output>$late`; `original` and `from` are known for rows that came straight from a source.
pub(super) fn late(
    late: &LateRow,
    original: Option<OriginalRecord>,
    from: Option<&Provenance>,
) -> Record {
    let mut record = from_original(original.unwrap_or_else(|| as_value(&late.row)));
    if let Some(from) = from {
        add_provenance(&mut record, from);
    }
    let reason = match (late.event_time, &late.windows[..]) {
        (None, _) => "no event time",
        (Some(_), []) => "event time out of range",
        (Some(_), _) => "late",
    };
    add(&mut record, "reason", reason);
    if let Some(time) = late.event_time {
        add(&mut record, "event-time", &micros(time));
    }
    add(&mut record, "watermark", &micros(late.watermark));
    let windows: Vec<String> = late
        .windows
        .iter()
        .map(|(start, end)| format!("{}/{}", micros(*start), micros(*end)))
        .collect();
    add(&mut record, "windows", &windows.join(","));
    record
}

/// RFC 3339 in UTC; the bare number where the calendar ends.
fn micros(at: i64) -> String {
    chrono::DateTime::from_timestamp_micros(at).map_or_else(
        || at.to_string(),
        |t| t.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
    )
}

fn from_original(original: OriginalRecord) -> Record {
    let headers = original
        .headers
        .into_iter()
        .map(|(key, value)| Header { key, value });
    Record {
        key: original.key,
        value: original.value,
        headers: headers.collect(),
        timestamp: None,
    }
}

fn add_provenance(record: &mut Record, from: &Provenance) {
    add(record, "table", &from.table);
    add(record, "partition", &from.partition);
    add(record, "offset", &from.offset.to_string());
}

/// Where a kept record came from; `None` for a record that Headwater did not keep.
pub(super) fn provenance(record: &Record) -> Option<Provenance> {
    let header = |name: &str| {
        let mut headers = record.headers.iter().rev();
        let found = headers.find(|h| h.key.strip_prefix(PREFIX) == Some(name))?;
        std::str::from_utf8(found.value.as_deref()?).ok()
    };
    Some(Provenance {
        table: header("table")?.to_owned(),
        partition: header("partition")?.to_owned(),
        offset: header("offset")?.parse().ok()?,
    })
}

fn add(record: &mut Record, name: &str, value: &str) {
    record.headers.push(Header {
        key: format!("{PREFIX}{name}"),
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_record_keeps_its_bytes_and_says_why() {
        let original = OriginalRecord {
            key: Some(Bytes::from_static(b"k")),
            value: Some(Bytes::from_static(b"v")),
            headers: vec![("h".to_owned(), None), ("h".to_owned(), None)],
        };
        let from = Provenance {
            table: "t".to_owned(),
            partition: "0".to_owned(),
            offset: 7,
        };
        let row = LateRow {
            origin: Some(0),
            event_time: Some(1_000_000),
            watermark: 3_000_000,
            windows: vec![(0, 2_000_000)],
            row: None,
        };
        let record = late(&row, Some(original), Some(&from));
        let headers: Vec<String> = record
            .headers
            .iter()
            .map(|h| {
                format!(
                    "{}={}",
                    h.key,
                    String::from_utf8_lossy(h.value.as_deref().unwrap_or(b"-"))
                )
            })
            .collect();
        assert_eq!(
            (record.key.as_deref(), record.value.as_deref()),
            (Some(&b"k"[..]), Some(&b"v"[..]))
        );
        assert_eq!(
            headers.join(" "),
            "h=- h=- headwater.table=t headwater.partition=0 headwater.offset=7 headwater.reason=late \
             headwater.event-time=1970-01-01T00:00:01Z headwater.watermark=1970-01-01T00:00:03Z \
             headwater.windows=1970-01-01T00:00:00Z/1970-01-01T00:00:02Z"
        );
    }
}
