//! Topics and pins, and changing them.

use super::handle::Log;
use crate::error::Result;
use crate::record::{Offset, TopicPartition};
use crate::topic::{TopicConfig, TopicDescription};
use crate::writer::request::MetadataRequest;

/// Something that keeps retention, compaction and trim from going past an offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Who will read again.
    pub owner: String,
    /// From which partition.
    pub of: TopicPartition,
    /// From where.
    pub offset: Offset,
}

impl Log {
    /// Makes a topic.
    ///
    /// # Errors
    /// `Conflict` if there is one of that name, `Invalid`.
    pub fn create_topic(&self, name: &str, config: TopicConfig) -> Result<()> {
        let name = name.to_owned();
        self.change(MetadataRequest::CreateTopic { name, config })
            .map(drop)
    }

    /// Deletes a topic with its records.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete_topic(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.change(MetadataRequest::DeleteTopic { name }).map(drop)
    }

    /// Changes how a topic is kept; partitions can only be added.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`.
    pub fn alter_topic(&self, name: &str, config: TopicConfig) -> Result<()> {
        let name = name.to_owned();
        self.change(MetadataRequest::AlterTopic { name, config })
            .map(drop)
    }

    /// What is known of a topic.
    pub fn topic(&self, name: &str) -> Option<TopicDescription> {
        let topics = self.shared().topics();
        topics.topic(name).ok().map(|t| t.description.clone())
    }

    /// All topics, by name.
    pub fn topics(&self) -> Vec<TopicDescription> {
        let topics = self.shared().topics();
        topics.all().map(|t| t.description.clone()).collect()
    }

    /// Keeps the records of a partition from `offset` on; moves the owner's pin if it has one there.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` if the offset is outside the partition.
    pub fn pin(&self, owner: &str, of: &TopicPartition, offset: Offset) -> Result<()> {
        let (owner, of) = (owner.to_owned(), of.clone());
        self.change(MetadataRequest::Pin { owner, of, offset })
            .map(drop)
    }

    /// Drops all pins of an owner.
    ///
    /// # Errors
    /// `Closed`, `Unavailable`.
    pub fn unpin(&self, owner: &str) -> Result<()> {
        let owner = owner.to_owned();
        self.change(MetadataRequest::Unpin { owner }).map(drop)
    }

    /// All pins.
    pub fn pins(&self) -> Vec<Pin> {
        let topics = self.shared().topics();
        let pin = |((owner, topic, partition), offset): (&(String, u64, u32), &Offset)| {
            let name = topics.by_id(*topic)?.description.name.as_str();
            Some(Pin {
                owner: owner.clone(),
                of: TopicPartition::new(name, *partition),
                offset: *offset,
            })
        };
        topics.pins().iter().filter_map(pin).collect()
    }

    /// Gives up the records before `before`, but none that are pinned; gives the new start.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` if the offset is beyond the end.
    pub fn trim(&self, of: &TopicPartition, before: Offset) -> Result<Offset> {
        let of = of.clone();
        let receipt = self.change(MetadataRequest::Trim { of, before })?;
        Ok(receipt.offsets.first().copied().unwrap_or(before))
    }
}
