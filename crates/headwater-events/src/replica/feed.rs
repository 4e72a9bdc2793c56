//! [`Feed`]: where a replica's changes come from.

use bytes::Bytes;
use headwater_log::{Log, Offset, Timestamp, TopicPartition};

use crate::error::{Error, ErrorKind, Result};
use crate::task::Task;

/// Bytes that are read at a time from a partition.
const FETCH_BYTES: usize = 1 << 20;

/// What something has become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its key.
    pub key: Bytes,
    /// Its state; `None`: it is gone.
    pub value: Option<Bytes>,
    /// When it was published.
    pub at: Timestamp,
}

/// Some changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPage {
    /// The changes, those of one key in order.
    pub changes: Vec<Change>,
    /// Where to go on.
    pub next: Bytes,
    /// How many records there were behind them when they were read.
    pub behind: u64,
}

/// Where a replica's changes come from: a topic of a log here, or of one far away.
pub trait Feed: Send {
    /// The changes behind a place; `None`: from the beginning.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt` if the place is none of its own.
    fn fetch(&mut self, after: Option<Bytes>) -> Task<'_, FeedPage>;
}

/// The changes of a topic of a log in this process.
#[derive(Debug)]
pub struct TopicFeed {
    log: Log,
    topic: String,
}

impl TopicFeed {
    /// Of this topic.
    pub fn new(log: Log, topic: impl Into<String>) -> Self {
        Self {
            log,
            topic: topic.into(),
        }
    }

    fn page(&self, after: Option<Bytes>) -> Result<FeedPage> {
        let missing = || {
            let message = format!("there is no topic {:?}", self.topic);
            Error::new(ErrorKind::NotFound, message)
        };
        let partitions = self
            .log
            .topic(&self.topic)
            .ok_or_else(missing)?
            .config
            .partitions;
        let mut offsets = match &after {
            Some(place) => self.parse(place)?,
            None => Vec::new(),
        };
        offsets.resize(partitions as usize, 0);
        let mut page = FeedPage {
            changes: Vec::new(),
            next: Bytes::new(),
            behind: 0,
        };
        for (partition, offset) in (0..).zip(&mut offsets) {
            let of = TopicPartition::new(&self.topic, partition);
            page.behind += self.read(&of, offset, &mut page.changes)?;
        }
        let next: Vec<String> = offsets.iter().map(u64::to_string).collect();
        page.next = next.join(",").into();
        Ok(page)
    }

    fn parse(&self, place: &Bytes) -> Result<Vec<u64>> {
        let text = std::str::from_utf8(place).ok();
        let offsets = text.map(|t| t.split(',').map(str::parse).collect());
        match offsets {
            Some(Ok(offsets)) => Ok(offsets),
            _ => Err(Error::new(
                ErrorKind::Corrupt,
                format!("place in topic {:?} is wrong", self.topic),
            )),
        }
    }

    /// Adds the changes from an offset on, and moves it; gives how many records are behind them.
    fn read(&self, of: &TopicPartition, offset: &mut u64, into: &mut Vec<Change>) -> Result<u64> {
        let bounds = self.log.bounds(of)?;
        let from = (*offset).max(bounds.start.0);
        if from >= bounds.end.0 {
            return Ok(0);
        }
        let fetched = self.log.fetch(of, Offset(from), FETCH_BYTES)?;
        for batch in &fetched.batches {
            for record in batch.records() {
                let (at, record) = record?;
                if let (true, Some(key)) = (at.0 >= from, record.key) {
                    into.push(Change {
                        key,
                        value: record.value,
                        at: record.timestamp.unwrap_or(Timestamp(0)),
                    });
                }
            }
        }
        let read = fetched.batches.last().map(|batch| batch.next_offset().0);
        *offset = read.unwrap_or(bounds.end.0).max(from);
        Ok(bounds.end.0.saturating_sub(*offset))
    }
}

impl Feed for TopicFeed {
    fn fetch(&mut self, after: Option<Bytes>) -> Task<'_, FeedPage> {
        let page = self.page(after);
        Box::pin(std::future::ready(page))
    }
}
