//! Appending records that a command brings.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{UInt32Array, UInt64Array};
use headwater::Headwater;
use headwater_log::{Commit, Header, Record, TopicPartition, partition_of};

use super::topics::{description, rows};
use crate::cli::exit::{Failure, Outcome};
use crate::cli::request::{NewRecord, Replies};

/// Appends records in one commit and says where they are.
pub(super) fn append(
    headwater: &Headwater,
    topic: &str,
    records: Vec<NewRecord>,
    replies: Replies<'_>,
) -> Outcome {
    let log = headwater.log();
    let partitions = description(log, topic)?.config.partitions;
    let mut by_partition: BTreeMap<u32, Vec<Record>> = BTreeMap::new();
    let mut places = Vec::with_capacity(records.len());
    for new in records {
        let to = partition(&new, topic, partitions)?;
        let list = by_partition.entry(to).or_default();
        places.push((to, list.len() as u64));
        list.push(new.into());
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
    let receipt = headwater.commit(commit)?;
    let first: BTreeMap<u32, u64> = order
        .into_iter()
        .zip(receipt.offsets.iter().map(|o| o.0))
        .collect();
    let offset = |(p, nth): &(u32, u64)| first.get(p).copied().unwrap_or_default() + nth;
    let offsets = UInt64Array::from_iter_values(places.iter().map(offset));
    let partitions = UInt32Array::from_iter_values(places.iter().map(|(p, _)| *p));
    rows(
        vec![
            ("partition", Arc::new(partitions)),
            ("offset", Arc::new(offsets)),
        ],
        replies,
    )
}

/// Where a record goes.
fn partition(record: &NewRecord, topic: &str, partitions: u32) -> Outcome<u32> {
    match (record.partition, &record.key) {
        (Some(p), _) if p >= partitions => Err(Failure::failed(format!(
            "topic '{topic}' has {partitions} partitions, none is number {p}"
        ))),
        (Some(p), _) => Ok(p),
        (None, Some(key)) => Ok(partition_of(key.as_bytes(), partitions)),
        (None, None) => Ok(0),
    }
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
