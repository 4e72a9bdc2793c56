//! What is recorded of an input's time with every epoch, and how a restart comes back to it.

use super::partition::PartitionTime;
use super::point::Watermark;
use super::tracker::WatermarkTracker;
use crate::error::{Error, ErrorKind, Result};

/// What a [`WatermarkTracker`] knows between two epochs. The commit of each records how it [differs](TrackerChange) from
/// what the one before recorded.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TrackerState {
    /// The input's watermark.
    pub watermark: Watermark,
    /// The partitions, as [`Source::partitions`](crate::connector::Source::partitions) orders them.
    pub partitions: Vec<PartitionTime>,
    /// The whole input has ended.
    pub ended: bool,
    /// The process was started anew before the epoch that this state was recorded by.
    pub resumed: bool,
    /// Rows that were late only because the others did not wait for their partition.
    pub late_by_idleness: u64,
}

/// What an epoch changed in a [`TrackerState`]: as much as there are partitions that it concerned.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TrackerChange {
    watermark: Watermark,
    ended: bool,
    resumed: bool,
    late_by_idleness: u64,
    /// How many partitions there are.
    count: usize,
    /// Those that are not as they were, by their numbers.
    partitions: Vec<(usize, PartitionTime)>,
}

impl TrackerChange {
    /// The number of partitions that it concerns.
    #[cfg(test)]
    pub(super) fn concerns(&self) -> usize {
        self.partitions.len()
    }
}

impl Default for TrackerState {
    /// Nothing seen yet.
    fn default() -> Self {
        Self {
            watermark: Watermark::MIN,
            partitions: Vec::new(),
            ended: false,
            resumed: false,
            late_by_idleness: 0,
        }
    }
}

impl TrackerState {
    /// What leads from `before` to this.
    pub fn since(&self, before: &Self) -> TrackerChange {
        let partitions = self.partitions.iter().enumerate();
        let is_new = |(i, p): &(usize, &PartitionTime)| before.partitions.get(*i) != Some(*p);
        TrackerChange {
            watermark: self.watermark,
            ended: self.ended,
            resumed: self.resumed,
            late_by_idleness: self.late_by_idleness,
            count: self.partitions.len(),
            partitions: partitions.filter(is_new).map(|(i, p)| (i, *p)).collect(),
        }
    }

    /// What `change` leads to from this.
    ///
    /// # Errors
    /// `Corrupt` if it names a partition that there is not.
    pub fn apply(&mut self, change: &TrackerChange) -> Result<()> {
        self.watermark = change.watermark;
        self.ended = change.ended;
        self.resumed = change.resumed;
        self.late_by_idleness = change.late_by_idleness;
        self.partitions.resize(change.count, PartitionTime::NEW);
        for (i, time) in &change.partitions {
            let partition = self.partitions.get_mut(*i).ok_or_else(|| {
                let text =
                    format!("an epoch recorded the time of partition {i}, which is not there");
                Error::new(ErrorKind::Corrupt, text)
            })?;
            *partition = *time;
        }
        Ok(())
    }
}

impl WatermarkTracker {
    /// What is recorded with the epoch.
    pub fn state(&self) -> &TrackerState {
        &self.state
    }

    /// Goes back to what was recorded.
    pub fn restore(&mut self, state: TrackerState) {
        self.state = state;
        self.epoch.clear();
    }

    /// The process was started anew: partitions that were read to their end may have got rows in the meantime, so they
    /// are waited for again.
    pub fn resume(&mut self) {
        for p in &mut self.state.partitions {
            p.wake();
        }
        self.resuming = true;
    }

    /// As [`begin_epoch`](Self::begin_epoch) for an epoch that recorded `state`, from the state that the epoch before
    /// recorded.
    ///
    /// # Errors
    /// As [`WatermarkTracker::grow`].
    pub fn begin_replay(&mut self, state: &TrackerState) -> Result<Watermark> {
        if state.resumed {
            self.resume();
        }
        self.grow(state.partitions.len())?;
        Ok(self.begin_epoch())
    }

    /// Ends the replay of an epoch that recorded `state`.
    ///
    /// # Errors
    /// `Corrupt` if the rows that were read again do not lead to the recorded watermarks.
    pub fn finish_replay(&mut self, state: &TrackerState) -> Result<Watermark> {
        let same = (self.state.partitions.iter())
            .map(|p| p.watermark)
            .eq(state.partitions.iter().map(|p| p.watermark));
        if !same {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!(
                    "input {} read again has other event times than recorded",
                    self.options.input
                ),
            ));
        }
        self.restore(state.clone());
        Ok(self.state.watermark)
    }
}
