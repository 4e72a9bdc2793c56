//! A topic as a source: its partitions, from where the options say to where they say.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use headwater_flow::connector::{Chunk, Decoder, Partition, Payload, Poll, Range, Source, Waker};
use headwater_flow::{Error, ErrorKind, Result};
use headwater_log::{Fetched, Log, Offset, Subscription, TopicPartition};

use super::config::Place;
use super::decoder::TopicDecoder;
use super::newest::Newest;

/// So few records are read one by one, with what lies beside them.
const FEW: usize = 1_000;
const FEW_BYTES: usize = 16 << 10;

/// Reads a topic.
pub(crate) struct TopicSource {
    log: Log,
    topic: String,
    startup: Place,
    /// Where each partition stops; `None`: nowhere.
    stops: Option<BTreeMap<u32, u64>>,
    starts: BTreeMap<u32, u64>,
    decoder: Arc<TopicDecoder>,
    subscription: Option<Subscription>,
}

impl TopicSource {
    /// Opens the topic; what `startup` and `bounded` mean is fixed now.
    ///
    /// # Errors
    /// `NotFound` if there is no such topic.
    pub(crate) fn open(
        log: Log,
        topic: String,
        startup: Place,
        bounded: Option<Place>,
        decoder: TopicDecoder,
    ) -> Result<Self> {
        let mut source = Self {
            log,
            topic,
            startup,
            stops: None,
            starts: BTreeMap::new(),
            decoder: Arc::new(decoder),
            subscription: None,
        };
        if let Some(place) = bounded {
            let stop = |p| Ok((p, place.resolve(&source.log, &source.of(p))?));
            source.stops = Some((0..source.count()?).map(stop).collect::<Result<_>>()?);
        }
        source.partitions()?;
        Ok(source)
    }

    /// Reads of each key, or of each of `keys`, only the newest record before where the topic is cut.
    ///
    /// # Errors
    /// `Corrupt` if a batch is damaged.
    pub(super) fn only_newest(
        mut self,
        decoder: TopicDecoder,
        keys: Option<&HashSet<Bytes>>,
    ) -> Result<Self> {
        if let Some(stops) = &self.stops {
            let newest = Newest::find(&self.log, &self.topic, stops, keys)?;
            self.decoder = Arc::new(decoder.only(newest));
        }
        Ok(self)
    }

    fn of(&self, partition: u32) -> TopicPartition {
        TopicPartition::new(self.topic.clone(), partition)
    }

    fn count(&self) -> Result<u32> {
        let missing = || {
            let text = format!("topic '{}' does not exist", self.topic);
            Error::new(ErrorKind::NotFound, text)
        };
        Ok(self
            .log
            .topic(&self.topic)
            .ok_or_else(missing)?
            .config
            .partitions)
    }

    /// The chunk of what was fetched, up to `stop`; `None` if that is nothing.
    fn chunk(partition: u32, from: u64, stop: u64, fetched: Fetched) -> Option<Chunk> {
        let mut batches = fetched.batches;
        batches.retain(|b| b.last_offset().0 >= from && b.base_offset().0 < stop);
        let to = batches.last()?.next_offset().0.min(stop);
        Some(Chunk {
            range: Range {
                partition,
                from,
                to,
                digest: None,
            },
            payload: Payload::Log(batches),
        })
    }
}

impl Source for TopicSource {
    fn partitions(&mut self) -> Result<Vec<Partition>> {
        for partition in 0..self.count()? {
            if !self.starts.contains_key(&partition) {
                let start = self.startup.resolve(&self.log, &self.of(partition))?;
                self.starts.insert(partition, start);
            }
        }
        let partition = |(partition, start): (&u32, &u64)| Partition {
            name: partition.to_string(),
            start: *start,
        };
        Ok(self.starts.iter().map(partition).collect())
    }

    fn poll(&mut self, partition: u32, from: u64, max_bytes: usize) -> Result<Poll> {
        let stop = match &self.stops {
            // A partition that is newer than the query is not part of it.
            Some(stops) => stops.get(&partition).copied().unwrap_or(0),
            None => u64::MAX,
        };
        if from >= stop {
            return Ok(Poll::Stopped);
        }
        let (from, max_bytes) = match self.decoder.wanted(partition, from) {
            None => (from, max_bytes),
            Some([]) => return Ok(Poll::Stopped),
            Some(wanted) if wanted.len() < FEW => (wanted[0], max_bytes.min(FEW_BYTES)),
            Some(wanted) => (wanted[0], max_bytes),
        };
        let of = self.of(partition);
        let bounds = self.log.bounds(&of)?;
        // What retention has taken before anyone read it is gone.
        let from = from.max(bounds.start.0);
        if from >= bounds.end.0 {
            return Ok(Poll::Pending { retry_after: None });
        }
        let fetched = self.log.fetch(&of, Offset(from), max_bytes)?;
        Ok(match Self::chunk(partition, from, stop, fetched) {
            Some(chunk) => Poll::Ready(chunk),
            None => Poll::Pending { retry_after: None },
        })
    }

    fn reread(&mut self, range: &Range) -> Result<Chunk> {
        let of = self.of(range.partition);
        let mut batches = Vec::new();
        let mut from = range.from;
        while from < range.to {
            let fetched = self.log.fetch(&of, Offset(from), usize::MAX);
            let fetched = fetched.map_err(|e| lost(&of, range).with_source(e))?;
            let chunk = Self::chunk(range.partition, from, range.to, fetched);
            let chunk = chunk.ok_or_else(|| lost(&of, range))?;
            from = chunk.range.to;
            if let Payload::Log(more) = chunk.payload {
                batches.extend(more);
            }
        }
        Ok(Chunk {
            range: range.clone(),
            payload: Payload::Log(batches),
        })
    }

    fn decoder(&self) -> Arc<dyn Decoder> {
        Arc::clone(&self.decoder) as Arc<dyn Decoder>
    }

    fn watch(&mut self, waker: Waker) {
        self.subscription = Some(self.log.subscribe(waker));
    }

    fn pinned(&self, partition: u32) -> Option<TopicPartition> {
        Some(self.of(partition))
    }
}

fn lost(of: &TopicPartition, range: &Range) -> Error {
    let text = format!(
        "topic partition '{of}' no longer has the records {} to {}",
        range.from, range.to
    );
    Error::new(ErrorKind::Corrupt, text)
}
