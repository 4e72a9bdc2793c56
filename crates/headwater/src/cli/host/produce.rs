//! Appending records that a command brings.

use std::collections::BTreeMap;

use headwater_log::{Commit, Header, Log, Record, TopicPartition, partition_of};

use super::topics::description;
use crate::cli::exit::{Failure, Outcome};
use crate::cli::request::{NewRecord, Replies, Reply};

/// Appends records in one commit and says where they are.
pub(super) fn append(
    log: &Log,
    topic: &str,
    partition: Option<u32>,
    records: Vec<NewRecord>,
    replies: Replies<'_>,
) -> Outcome {
    let partitions = description(log, topic)?.config.partitions;
    if let Some(p) = partition.filter(|p| *p >= partitions) {
        return Err(Failure::failed(format!(
            "topic '{topic}' has {partitions} partitions, none is number {p}"
        )));
    }
    let mut by_partition: BTreeMap<u32, Vec<Record>> = BTreeMap::new();
    let mut places = Vec::with_capacity(records.len());
    for record in records.into_iter().map(Record::from) {
        let to = partition.unwrap_or_else(|| {
            record
                .key
                .as_ref()
                .map_or(0, |k| partition_of(k, partitions))
        });
        let list = by_partition.entry(to).or_default();
        places.push((to, list.len() as u64));
        list.push(record);
    }
    if places.is_empty() {
        return Ok(());
    }
    let order: Vec<u32> = by_partition.keys().copied().collect();
    let commit = by_partition
        .into_iter()
        .fold(Commit::new(), |commit, (p, records)| {
            commit.append(TopicPartition::new(topic, p), records)
        });
    let receipt = log.commit(commit)?;
    let first: BTreeMap<u32, u64> = order
        .into_iter()
        .zip(receipt.offsets.iter().map(|o| o.0))
        .collect();
    for (p, nth) in places {
        let offset = first.get(&p).copied().unwrap_or_default() + nth;
        replies(Reply::Line(format!(
            "Produced to partition {p} at offset {offset}."
        )))?;
    }
    Ok(())
}

impl From<NewRecord> for Record {
    fn from(new: NewRecord) -> Self {
        let headers = new.headers.into_iter().map(|(key, value)| Header {
            key,
            value: Some(value.into()),
        });
        Self {
            key: new.key.map(Into::into),
            value: new.value.map(Into::into),
            headers: headers.collect(),
            timestamp: None,
        }
    }
}
