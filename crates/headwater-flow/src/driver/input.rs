//! The inputs of a pipeline: their sources, their partitions and where each is read to, and their event time.

use std::sync::Arc;

use super::journal::NewPartition;
use super::read::{Prepared, Reader};
use super::retry::Retry;
use super::store::PartitionMark;
use crate::batch::ZBatch;
use crate::connector::{Chunk, KnownPartition, OriginalRecord, Range, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::ScanInput;
use crate::time::{TrackerChange, TrackerOptions, TrackerState, WatermarkTracker};

/// One input of a pipeline.
pub(super) struct Input {
    pub(super) reader: Arc<Reader>,
    pub(super) source: Box<dyn Source>,
    pub(super) tracker: WatermarkTracker,
    /// The partitions, in the source's order.
    pub(super) partitions: Vec<InputPartition>,
    /// How many of them the journal knows of.
    recorded: usize,
    /// The event time that it knows of; since then a restart may have made partitions be waited for again.
    pub(super) recorded_time: TrackerState,
    /// The chunks of the epoch, kept if late or damaged records may be wanted again.
    pub(super) kept: Vec<Chunk>,
}

/// One partition of an input.
#[derive(Debug, Clone)]
pub(super) struct InputPartition {
    pub(super) name: String,
    /// The first offset that the pipeline was to read, in whichever process.
    pub(super) start: u64,
    /// The next offset.
    pub(super) next: u64,
    /// Since when it is read to its end, microseconds.
    pub(super) drained: Option<i64>,
    /// Whether it has come to its natural end.
    pub(super) ended: bool,
    /// How it fails to be read.
    pub(super) retry: Retry,
}

impl InputPartition {
    pub(super) fn new(name: String, start: u64) -> Self {
        Self {
            name,
            start,
            next: start,
            drained: None,
            ended: false,
            retry: Retry::default(),
        }
    }
}

/// What was recorded of a partition.
pub(super) struct Recorded {
    /// In the newest snapshot, or when it came.
    pub(super) mark: PartitionMark,
    /// Where it was read to in the end.
    pub(super) reached: u64,
    /// Whether it had come to its natural end by then.
    pub(super) ended: bool,
}

impl Recorded {
    pub(super) fn new(mark: PartitionMark) -> Self {
        Self {
            reached: mark.next,
            mark,
            ended: false,
        }
    }
}

impl Input {
    pub(super) fn new(index: usize, scan: ScanInput, source: Box<dyn Source>) -> Result<Self> {
        let number = u8::try_from(index)
            .map_err(|_| Error::new(ErrorKind::Unsupported, "a pipeline has at most 256 inputs"))?;
        let idle_timeout = scan.def.watermark.as_ref().and_then(|w| w.idle_timeout);
        let options = TrackerOptions::new(number, idle_timeout, scan.out_of_orderness);
        Ok(Self {
            tracker: WatermarkTracker::new(options),
            reader: Arc::new(Reader::new(scan, source.decoder())),
            source,
            partitions: Vec::new(),
            recorded: 0,
            recorded_time: TrackerState::default(),
            kept: Vec::new(),
        })
    }

    /// Name of the table.
    pub(super) fn table(&self) -> &str {
        &self.reader.scan.def.name
    }

    /// Goes on with the partitions that earlier processes recorded. The source says if they are not what they were.
    ///
    /// # Errors
    /// Those of [`Source::resume`].
    pub(super) fn resume(&mut self, recorded: Vec<Recorded>) -> Result<()> {
        let known = recorded.iter().map(|r| KnownPartition {
            name: r.mark.name.clone(),
            next: r.reached,
            ended: r.ended,
            seal: r.mark.seal.clone(),
        });
        self.source.resume(&known.collect::<Vec<_>>())?;
        self.recorded = recorded.len();
        let partitions = recorded.into_iter().map(|r| InputPartition {
            next: r.mark.next,
            ..InputPartition::new(r.mark.name, r.mark.start)
        });
        self.partitions = partitions.collect();
        Ok(())
    }

    /// The records of a recorded range; it is read to there then.
    ///
    /// # Errors
    /// Those of [`Source::reread`]; `Corrupt` for a partition that was not recorded.
    pub(super) fn reread(&mut self, range: &Range) -> Result<Chunk> {
        let index = range.partition as usize;
        let partition = self.partitions.get_mut(index).ok_or_else(|| {
            let text = format!("partition {index} was never recorded");
            Error::new(ErrorKind::Corrupt, text)
        })?;
        partition.next = range.to;
        self.source.reread(range)
    }

    /// Takes in partitions that are new since the last call, and says how many there are.
    pub(super) fn discover(&mut self) -> Result<usize> {
        let found = self.source.partitions()?;
        let names = found.iter().map(|p| &p.name);
        if !self
            .partitions
            .iter()
            .map(|p| &p.name)
            .eq(names.take(self.partitions.len()))
        {
            let text = format!("table '{}' has lost a partition that it had", self.table());
            return Err(Error::new(ErrorKind::Corrupt, text));
        }
        let new = found.into_iter().skip(self.partitions.len());
        self.partitions
            .extend(new.map(|p| InputPartition::new(p.name, p.start)));
        self.tracker.grow(self.partitions.len())?;
        Ok(self.partitions.len())
    }

    /// The partitions that no epoch has recorded yet; the present one does.
    pub(super) fn record_new(&mut self) -> Vec<NewPartition> {
        let new = self.partitions[self.recorded..].iter();
        let new = new.map(|p| NewPartition {
            name: p.name.clone(),
            start: p.start,
        });
        let new = new.collect();
        self.recorded = self.partitions.len();
        new
    }

    /// What the epoch has changed in its event time since the epoch before; the present epoch records it.
    ///
    /// # Errors
    /// As [`TrackerState::apply`].
    pub(super) fn record_time(&mut self) -> Result<TrackerChange> {
        let change = self.tracker.state().since(&self.recorded_time);
        self.recorded_time.apply(&change)?;
        Ok(change)
    }

    /// Where it is read to, as a snapshot records it.
    pub(super) fn marks(&self) -> Vec<PartitionMark> {
        let partitions = self.partitions.iter().enumerate();
        let mark = |(i, p): (usize, &InputPartition)| PartitionMark {
            name: p.name.clone(),
            start: p.start,
            next: p.next,
            seal: self.source.seal(i as u32, p.next),
        };
        partitions.map(mark).collect()
    }

    /// Applies event time to prepared rows, chunk after chunk in their order.
    pub(super) fn track(&mut self, range: &Range, prepared: Prepared) -> Result<ZBatch> {
        let Prepared {
            rows,
            watermarks,
            offsets,
            ..
        } = prepared;
        let Some(watermarks) = watermarks else {
            return Ok(rows);
        };
        if !self.reader.scan.judged {
            self.tracker.advance(range.partition, &watermarks)?;
            return Ok(rows);
        }
        let track = self.tracker.track(range.partition, &watermarks, &offsets)?;
        rows.with_track(Some(track))
    }

    /// The chunk of this epoch that holds an offset.
    fn chunk_of(&self, partition: u32, offset: u64) -> Option<&Chunk> {
        self.kept.iter().find(|c| {
            c.range.partition == partition && (c.range.from..c.range.to).contains(&offset)
        })
    }

    /// A record of this epoch as it came.
    pub(super) fn original(&self, partition: u32, offset: u64) -> Option<OriginalRecord> {
        self.reader
            .original(self.chunk_of(partition, offset)?, offset)
    }

    /// Tells the tracker which partitions are read to their ends.
    pub(super) fn settle_partitions(&mut self) -> Result<()> {
        for (number, partition) in (0..).zip(&self.partitions) {
            if partition.ended {
                self.tracker.ended(number)?;
            } else if let Some(since) = partition.drained {
                self.tracker.drained(number, since)?;
            }
        }
        if self.partitions.is_empty() && self.source.discovery_interval().is_none() {
            self.tracker.end_input();
        }
        Ok(())
    }
}
