//! The watermarks of one input: a running maximum per partition, their minimum, and the bound of every row.

use std::time::Duration;

use arrow::array::{Int64Array, UInt64Array};

use super::combiner::InputTime;
use super::partition::{EpochPartition, Limits, PartitionStatus, PartitionTime};
use super::point::{Origin, Watermark};
use super::recorded::TrackerState;
use crate::batch::RowTrack;
use crate::connector::{LateRow, Offsets};
use crate::error::{Error, ErrorKind, Result};

/// How an input keeps time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackerOptions {
    /// Index of the input in the pipeline.
    pub input: u8,
    /// How long a partition that is read to its end is waited for, microseconds; `None`: for ever.
    pub idle_timeout: Option<i64>,
}

impl TrackerOptions {
    /// The shortest default of `scan.watermark.idle-timeout`.
    pub const IDLE_TIMEOUT_MIN: Duration = Duration::from_secs(5);

    /// From `scan.watermark.idle-timeout` as set (zero: never idle) and the out-of-orderness bound of the
    /// watermark expression, if it has that form.
    pub fn new(input: u8, idle_timeout: Option<Duration>, out_of_orderness: Duration) -> Self {
        let timeout = idle_timeout.unwrap_or(out_of_orderness.max(Self::IDLE_TIMEOUT_MIN));
        Self {
            input,
            idle_timeout: (!timeout.is_zero())
                .then(|| i64::try_from(timeout.as_micros()).unwrap_or(i64::MAX)),
        }
    }
}

/// Follows the watermarks of one input.
///
/// # Ordering
/// [`grow`](Self::grow) between epochs. Per epoch [`begin_epoch`](Self::begin_epoch), then any `track`, `advance`, `drained`, `ended` (the chunks of a
/// partition in their order, partitions in any), then [`finish_epoch`](Self::finish_epoch).
///
/// Invariants: neither the input's watermark nor a partition's ever goes back; no bound is below the watermark at the
/// start of its epoch, so that no row enters a window that was closed before, nor above the one at its end, so that no
/// later row enters a window that it missed: the bounds of a partition never go back, whoever wakes up.
#[derive(Debug, Clone)]
pub struct WatermarkTracker {
    pub(super) options: TrackerOptions,
    pub(super) state: TrackerState,
    pub(super) epoch: Vec<EpochPartition>,
    /// The highest bound of the epoch.
    pub(super) judged: i64,
    pub(super) resuming: bool,
}

impl WatermarkTracker {
    /// A tracker that has seen nothing.
    pub fn new(options: TrackerOptions) -> Self {
        Self {
            options,
            state: TrackerState::default(),
            epoch: Vec::new(),
            judged: i64::MIN,
            resuming: false,
        }
    }

    /// Makes room for `partitions` partitions; new ones take part from the next epoch on.
    ///
    /// # Errors
    /// `Unsupported` beyond 65,536 partitions.
    pub fn grow(&mut self, partitions: usize) -> Result<()> {
        if partitions > usize::from(u16::MAX) + 1 {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("an input has {partitions} partitions, more than 65536"),
            ));
        }
        let length = partitions.max(self.state.partitions.len());
        self.state.partitions.resize(length, PartitionTime::NEW);
        Ok(())
    }

    /// Begins an epoch and says the input's watermark before it.
    pub fn begin_epoch(&mut self) -> Watermark {
        self.state.resumed = std::mem::take(&mut self.resuming);
        self.judged = i64::MIN;
        let floor = self.state.watermark.0;
        let (lowest, second) = self.two_lowest();
        self.epoch.clear();
        self.epoch
            .extend(self.state.partitions.iter().enumerate().map(|(i, p)| {
                let ceiling = match lowest {
                    Some((at, _)) if at == i => second,
                    Some((_, watermark)) => watermark,
                    None => i64::MAX,
                };
                EpochPartition {
                    limits: Limits { floor, ceiling },
                    start: p.watermark,
                    caught_up: if p.watermark >= floor { 0 } else { u64::MAX },
                }
            }));
        self.state.watermark
    }

    /// The partition with the lowest watermark of those that take part, and the lowest watermark of the rest.
    fn two_lowest(&self) -> (Option<(usize, i64)>, i64) {
        let mut lowest: Option<(usize, i64)> = None;
        let mut second = i64::MAX;
        for (i, p) in self.state.partitions.iter().enumerate() {
            if !p.takes_part() {
                continue;
            }
            match lowest {
                Some((_, w)) if p.watermark >= w => second = second.min(p.watermark),
                _ => {
                    second = lowest.map_or(second, |(_, w)| w);
                    lowest = Some((i, p.watermark));
                }
            }
        }
        (lowest, second)
    }

    /// Takes the watermark expression's values (microseconds; null: no advance) of the rows of a chunk, and gives each
    /// row what it is judged by: the minimum of its own partition's watermark just before it and the others' at the
    /// start of the epoch, but no less than the input's then.
    ///
    /// # Errors
    /// `Bug` for an unknown partition or lengths that differ; `Unsupported` for an offset of 2^40 or more.
    pub fn track(
        &mut self,
        partition: u32,
        watermarks: &Int64Array,
        offsets: &Offsets,
    ) -> Result<RowTrack> {
        let origins = self.origins(partition, watermarks.len(), offsets)?;
        let (time, epoch) = self.parts(partition)?;
        let mut bounds = Vec::with_capacity(watermarks.len());
        time.run(watermarks, epoch.limits, &mut bounds);
        if !watermarks.is_empty() {
            time.wake();
        }
        epoch.catch_up(watermarks, &origins);
        // Within a partition they ascend.
        self.judged = bounds.last().map_or(self.judged, |b| self.judged.max(*b));
        Ok(RowTrack {
            bounds: bounds.into(),
            origins,
            derived: false,
        })
    }

    /// As [`WatermarkTracker::track`] for plans that judge nothing late: only the watermark advances.
    ///
    /// # Errors
    /// `Bug` for an unknown partition.
    pub fn advance(&mut self, partition: u32, watermarks: &Int64Array) -> Result<()> {
        let (time, _) = self.parts(partition)?;
        if let Some(highest) = arrow::compute::max(watermarks) {
            time.watermark = time.watermark.max(highest);
        }
        if !watermarks.is_empty() {
            time.wake();
        }
        Ok(())
    }

    /// The source has nothing more of `partition` at `now` (processing time, microseconds).
    ///
    /// # Errors
    /// `Bug` for an unknown partition.
    pub fn drained(&mut self, partition: u32, now: i64) -> Result<()> {
        self.parts(partition)?.0.drain(now);
        Ok(())
    }

    /// `partition` is finite by nature and has ended. Not for one that was cut by `scan.bounded.mode`.
    ///
    /// # Errors
    /// `Bug` for an unknown partition.
    pub fn ended(&mut self, partition: u32) -> Result<()> {
        self.parts(partition)?.0.status = PartitionStatus::Ended;
        Ok(())
    }

    /// The whole input has ended, even if it never had a partition.
    pub fn end_input(&mut self) {
        self.state.ended = true;
    }

    /// Ends an epoch at `now` (processing time, microseconds): partitions that were read to their end long enough ago
    /// become idle, and the input's watermark follows. What a row was judged by is closed, although a partition that the
    /// others did not wait for may have woken up meanwhile and be waited for from now on.
    pub fn finish_epoch(&mut self, now: i64) -> Watermark {
        if let Some(timeout) = self.options.idle_timeout {
            for p in &mut self.state.partitions {
                if p.idle_at(timeout).is_some_and(|at| at <= now) {
                    p.status = PartitionStatus::Idle;
                }
            }
        }
        let reached = self.reached(|p| p.takes_part());
        let judged = Watermark(self.judged);
        self.state.watermark = self.state.watermark.max(reached).max(judged);
        self.state.watermark
    }

    /// The minimum of the partitions that `waited_for` names; if there is none, the highest of the idle ones; if
    /// there is none of those either, all have ended.
    fn reached(&self, waited_for: impl Fn(&PartitionTime) -> bool) -> Watermark {
        let partitions = &self.state.partitions;
        if self.state.ended {
            return Watermark::MAX;
        }
        if partitions.is_empty() {
            return Watermark::MIN;
        }
        let lowest = (partitions.iter().filter(|p| waited_for(p))).map(|p| p.watermark);
        let highest = (partitions.iter())
            .filter(|p| p.status != PartitionStatus::Ended)
            .map(|p| p.watermark);
        Watermark(lowest.min().or(highest.max()).unwrap_or(i64::MAX))
    }

    /// When (processing time, microseconds) an epoch without rows would advance the watermark because a partition
    /// becomes idle.
    pub fn next_idle_at(&self) -> Option<i64> {
        let timeout = self.options.idle_timeout?;
        let after = self.reached(|p| p.status == PartitionStatus::Active);
        if after <= self.state.watermark {
            return None;
        }
        (self.state.partitions.iter())
            .filter_map(|p| p.idle_at(timeout))
            .min()
    }

    /// The input's watermark after the last epoch, and whether the whole input is idle.
    pub fn time(&self) -> InputTime {
        let partitions = &self.state.partitions;
        InputTime {
            watermark: self.state.watermark,
            idle: (partitions.iter()).any(|p| p.status == PartitionStatus::Idle)
                && !partitions.iter().any(|p| p.takes_part()),
        }
    }

    /// Counts a row of this epoch that an operator judged late, if it was so only because the others did not wait for
    /// its partition; says whether it was.
    pub fn note_late(&mut self, row: &LateRow) -> bool {
        let (Some(origin), Some(_)) = (row.origin.map(Origin::unpack), row.event_time) else {
            return false;
        };
        let Some(epoch) = self.epoch.get(usize::from(origin.partition)) else {
            return false;
        };
        let last_end = row.windows.iter().map(|w| w.1).max();
        let late_anyway = last_end.is_some_and(|end| Watermark(epoch.start).has_closed(end, 0));
        let by_idleness =
            origin.input == self.options.input && origin.offset < epoch.caught_up && !late_anyway;
        self.state.late_by_idleness += u64::from(by_idleness);
        by_idleness
    }

    fn parts(&mut self, partition: u32) -> Result<(&mut PartitionTime, &mut EpochPartition)> {
        let index = partition as usize;
        match (
            self.state.partitions.get_mut(index),
            self.epoch.get_mut(index),
        ) {
            (Some(time), Some(epoch)) => Ok((time, epoch)),
            _ => Err(Error::new(
                ErrorKind::Bug,
                format!("partition {partition} is not part of the epoch"),
            )),
        }
    }

    fn origins(&self, partition: u32, rows: usize, offsets: &Offsets) -> Result<UInt64Array> {
        let bug = |what: &str| Error::new(ErrorKind::Bug, what);
        let first = Origin {
            input: self.options.input,
            partition: u16::try_from(partition).map_err(|_| bug("a partition is too high"))?,
            offset: 0,
        }
        .pack();
        let last = match offsets {
            Offsets::From(offset) => offset + rows as u64,
            Offsets::Each(each) if each.len() == rows => each.values().last().copied().unwrap_or(0),
            Offsets::Each(_) => return Err(bug("offsets do not fit their rows")),
        };
        if last > Origin::MAX_OFFSET {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("offset {last} of partition {partition} is beyond 2^40"),
            ));
        }
        Ok(match offsets {
            Offsets::From(offset) => (0..rows as u64)
                .map(|i| first | (offset + i))
                .collect::<Vec<_>>()
                .into(),
            Offsets::Each(each) => each.unary(|offset| first | offset),
        })
    }
}
