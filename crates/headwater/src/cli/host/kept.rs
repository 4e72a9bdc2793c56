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
    let records = if count == 1 { "record" } else { "records" };
    let topic = &of.topic;
    if topic.ends_with("$late") {
        return format!("{count} {records} came too late: kept in {topic}");
    }
    let text = format!("{count} {records} did not decode: kept in {topic}");
    match first_reason(log, of, start) {
        Some(reason) => format!("{text}; the first: {reason}"),
        None => text,
    }
}

/// Why the record at `start` is there, and where it came from.
fn first_reason(log: &Log, of: &TopicPartition, start: u64) -> Option<String> {
    let fetched = log.fetch(of, Offset(start), FETCH_BYTES).ok()?;
    let mut found = None;
    for batch in &fetched.batches {
        batch
            .for_each(|record| {
                if record.offset.0 == start {
                    found = reason(&record);
                }
            })
            .ok()?;
    }
    found
}

fn reason(record: &RecordRef<'_>) -> Option<String> {
    let header = |name: &str| {
        let mut headers = record.headers.iter();
        let found = headers.find(|(key, _)| key.strip_prefix(PREFIX) == Some(name))?;
        std::str::from_utf8(found.1?).ok().map(str::to_owned)
    };
    let (why, partition, offset) = (header("reason")?, header("partition")?, header("offset")?);
    Some(format!("{why} (at {offset} of {partition})"))
}
