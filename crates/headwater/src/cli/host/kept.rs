//! What a run could not use and has kept: `<table>$errors` and `<output>$late`.

use std::collections::BTreeMap;

use headwater_log::{Log, Offset, RecordRef, TopicPartition};

use crate::cli::exit::Outcome;
use crate::cli::request::{Replies, Reply};

/// Headers that say where a kept record came from begin with this.
const PREFIX: &str = "headwater.";
/// Bytes that are fetched to find the first record.
const FETCH_BYTES: usize = 1 << 16;

/// Where the topics of kept records ended.
pub(super) struct Kept(BTreeMap<TopicPartition, u64>);

impl Kept {
    /// Where they end now.
    pub(super) fn now(log: &Log) -> Self {
        let topics = log.topics().into_iter();
        let kept = topics.filter(|t| t.name.ends_with("$errors") || t.name.ends_with("$late"));
        let partitions = kept.flat_map(|t| {
            (0..t.config.partitions).map(move |p| TopicPartition::new(t.name.clone(), p))
        });
        let end = |of: TopicPartition| {
            let end = log.bounds(&of).ok()?.end.0;
            Some((of, end))
        };
        Self(partitions.filter_map(end).collect())
    }

    /// Says what has come since.
    pub(super) fn tell_since(&self, log: &Log, replies: Replies<'_>) -> Outcome {
        for (of, end) in Self::now(log).0 {
            let start = self.0.get(&of).copied().unwrap_or_default();
            if end > start {
                let note = sentence(log, &of, start, end - start);
                replies(Reply::Note(note))?;
            }
        }
        Ok(())
    }
}

fn sentence(log: &Log, of: &TopicPartition, start: u64, count: u64) -> String {
    let topic = &of.topic;
    let (records, rows) = match count {
        1 => ("record", "row"),
        _ => ("records", "rows"),
    };
    if topic.ends_with("$late") {
        return format!("{count} {records} came too late: kept in {topic}");
    }
    let first = first(log, of, start);
    let table = first.as_ref().and_then(|f| f.table.as_deref());
    let text = match table == topic.strip_suffix("$errors") {
        true => format!("{count} {records} did not decode: kept in {topic}"),
        false => format!("{count} {rows} could not be computed: kept in {topic}"),
    };
    match first.and_then(First::shown) {
        Some(shown) => format!("{text}; the first: {shown}"),
        None => text,
    }
}

/// Why a record is there, and where it came from.
struct First {
    reason: Option<String>,
    table: Option<String>,
    partition: Option<String>,
    offset: Option<String>,
}

impl First {
    fn shown(self) -> Option<String> {
        let reason = self.reason?;
        Some(match (self.offset, self.partition) {
            (Some(offset), Some(partition)) => format!("{reason} (at {offset} of {partition})"),
            _ => reason,
        })
    }
}

/// The record at `start`.
fn first(log: &Log, of: &TopicPartition, start: u64) -> Option<First> {
    let fetched = log.fetch(of, Offset(start), FETCH_BYTES).ok()?;
    let mut found = None;
    for batch in &fetched.batches {
        batch
            .for_each(|record| {
                if record.offset.0 == start {
                    found = Some(read(&record));
                }
            })
            .ok()?;
    }
    found
}

fn read(record: &RecordRef<'_>) -> First {
    let header = |name: &str| {
        let mut headers = record.headers.iter();
        let found = headers.find(|(key, _)| key.strip_prefix(PREFIX) == Some(name))?;
        std::str::from_utf8(found.1?).ok().map(str::to_owned)
    };
    First {
        reason: header("reason"),
        table: header("table"),
        partition: header("partition"),
        offset: header("offset"),
    }
}
