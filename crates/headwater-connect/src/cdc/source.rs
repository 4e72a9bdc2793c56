//! A captured table as a source: its topic, as far as the capture has come.

use std::sync::Arc;
use std::time::Duration;

use headwater_cdc::{Capture, Place};
use headwater_flow::Result;
use headwater_flow::connector::{
    Chunk, Decoder, KnownPartition, Partition, Poll, Range, Source, Waker,
};
use headwater_log::TopicPartition;

use crate::topic::TopicSource;

/// How often it is looked whether the capture has failed.
const LOOK: Duration = Duration::from_millis(500);
/// How often it is looked whether it has come to the end.
const LOOK_FOR_END: Duration = Duration::from_millis(5);

/// Reads a captured table.
pub(super) struct CdcSource {
    topic: TopicSource,
    capture: Arc<Capture>,
    /// Where the table ends; `None`: nowhere.
    end: Option<Place>,
}

impl CdcSource {
    pub(super) fn new(topic: TopicSource, capture: Arc<Capture>, end: Option<Place>) -> Self {
        Self {
            topic,
            capture,
            end,
        }
    }
}

impl Source for CdcSource {
    fn partitions(&mut self) -> Result<Vec<Partition>> {
        self.topic.partitions()
    }

    fn poll(&mut self, partition: u32, from: u64, max_bytes: usize) -> Result<Poll> {
        // Asked for before the topic is looked at: what was committed before the end is there then.
        let is_there = match &self.end {
            Some(end) => self.capture.has_reached(end)?,
            None => false,
        };
        match self.topic.poll(partition, from, max_bytes)? {
            Poll::Pending { .. } => {}
            other => return Ok(other),
        }
        if let Some(error) = self.capture.failure() {
            return Err(error.into());
        }
        Ok(match &self.end {
            Some(_) if is_there => Poll::Stopped,
            Some(_) => Poll::Pending {
                retry_after: Some(LOOK_FOR_END),
            },
            None => Poll::Pending {
                retry_after: Some(LOOK),
            },
        })
    }

    fn reread(&mut self, range: &Range) -> Result<Chunk> {
        self.topic.reread(range)
    }

    fn decoder(&self) -> Arc<dyn Decoder> {
        self.topic.decoder()
    }

    fn watch(&mut self, waker: Waker) {
        self.topic.watch(waker);
    }

    fn resume(&mut self, known: &[KnownPartition]) -> Result<()> {
        self.topic.resume(known)
    }

    fn pinned(&self, partition: u32) -> Option<TopicPartition> {
        self.topic.pinned(partition)
    }
}
