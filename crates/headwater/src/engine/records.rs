//! Topics, as those see them who have records and no SQL.

use std::time::Instant;

use headwater_log::{Commit, Offset, Receipt, Record, TopicConfig, TopicPartition, partition_of};

use super::Headwater;
use crate::error::{Error, ErrorKind, Result};

/// Bytes that are fetched at a time.
const FETCH_BYTES: usize = 1 << 20;

impl Headwater {
    /// Appends records to a topic in one commit, each to the partition of its key; those without a key to the first one.
    ///
    /// # Errors
    /// `NotFound` if there is no such topic; those of [`commit`](Self::commit).
    ///
    /// # Durability
    /// When this returns, the records are durable and can be read.
    pub fn produce(
        &self,
        topic: &str,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Receipt> {
        let known = self.log().topic(topic);
        let known = known.ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("topic '{topic}' does not exist"),
            )
        })?;
        let partitions = known.config.partitions;
        let mut by_partition: Vec<Vec<Record>> = vec![Vec::new(); partitions as usize];
        for record in records {
            let to = record
                .key
                .as_ref()
                .map_or(0, |k| partition_of(k, partitions));
            by_partition[to as usize].push(record);
        }
        let filled = (0..partitions)
            .zip(by_partition)
            .filter(|(_, records)| !records.is_empty());
        let commit = filled.fold(Commit::new(), |commit, (partition, records)| {
            commit.append(TopicPartition::new(topic, partition), records)
        });
        self.commit(commit)
    }

    /// Commits what a producer brings; later queries show what comes of it. When the log has reached its limit
    /// ([`disk_bytes_max`](headwater_log::Options::disk_bytes_max)) this waits for room, at most
    /// [`producer_wait`](super::Options::producer_wait).
    ///
    /// # Errors
    /// `QuotaExceeded` if no room has come; `Conflict` if a condition does not hold; `NotFound`, `Invalid`, `Unavailable`,
    /// `Closed`.
    ///
    /// # Durability
    /// When this returns, the commit is durable and can be read.
    pub fn commit(&self, commit: Commit) -> Result<Receipt> {
        let receipt = self.commit_with_room(commit)?;
        self.note_written(&receipt);
        Ok(receipt)
    }

    fn commit_with_room(&self, commit: Commit) -> Result<Receipt> {
        let log = self.log();
        if log.disk_bytes_max().is_none() || self.0.running.by_hand {
            return Ok(log.commit(commit)?);
        }
        let until = Instant::now() + self.0.options.producer_wait;
        loop {
            match log.commit(commit.clone()) {
                Err(error) if error.kind() == headwater_log::ErrorKind::QuotaExceeded => {
                    let left = until.saturating_duration_since(Instant::now());
                    if !log.wait_for_room(left) {
                        return Err(error.into());
                    }
                }
                done => return Ok(done?),
            }
        }
    }

    /// Makes the topic that keeps late or damaged records, if it is named like one of a table or view and does not exist
    /// yet: whoever reads it then gets what comes.
    ///
    /// # Errors
    /// `Unavailable`, `Closed`.
    pub fn make_kept_topic(&self, topic: &str) -> Result<()> {
        let may_be = self.log().topic(topic).is_none() && self.session().may_be_kept(topic);
        if may_be {
            self.log().create_topic(topic, TopicConfig::default())?;
        }
        Ok(())
    }

    /// The next records of a partition from an offset on, with their offsets; none if there are none yet.
    ///
    /// # Errors
    /// `NotFound` if there is no such partition, `Invalid` if the offset is outside of it, `Corrupt`.
    pub fn fetch(
        &self,
        topic: &str,
        partition: u32,
        from: Offset,
    ) -> Result<Vec<(Offset, Record)>> {
        let of = TopicPartition::new(topic, partition);
        let fetched = self.log().fetch(&of, from, FETCH_BYTES)?;
        let mut records = Vec::new();
        for batch in &fetched.batches {
            batch.for_each(|record| {
                if record.offset >= from {
                    records.push((record.offset, record.to_record()));
                }
            })?;
        }
        Ok(records)
    }
}
