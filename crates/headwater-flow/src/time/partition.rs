//! The time of one partition of an input.

use arrow::array::{Array, Int64Array, UInt64Array};

use super::point::Origin;

/// Whether a partition takes part in the minimum.
///
/// | from \ on | rows | read to its end at `now` | epoch ends, `now ≥ since + timeout` | input ended |
/// |---|---|---|---|---|
/// | `Active` | `Active` | `Drained { now }` | – | `Ended` |
/// | `Drained` | `Active` | stays | `Idle` | `Ended` |
/// | `Idle` | `Active` | stays | stays | `Ended` |
/// | `Ended` | stays | stays | stays | stays |
///
/// A restart makes `Drained` and `Idle` `Active` again: rows may have come in the meantime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum PartitionStatus {
    /// Takes part; there may be more to read.
    Active,
    /// Takes part, but is read to its end.
    Drained {
        /// Since when, processing time in microseconds.
        since: i64,
    },
    /// Read to its end for so long that the others no longer wait for it.
    Idle,
    /// Finite by nature and read to its end: nobody waits for it again.
    Ended,
}

/// The event time of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PartitionTime {
    /// The highest value of the watermark expression so far; `i64::MIN`: none.
    pub watermark: i64,
    /// Whether it takes part.
    pub status: PartitionStatus,
}

impl PartitionTime {
    /// A partition that nothing was read from.
    pub(super) const NEW: Self = Self {
        watermark: i64::MIN,
        status: PartitionStatus::Active,
    };

    /// Whether the others wait for it.
    pub(super) fn takes_part(self) -> bool {
        matches!(
            self.status,
            PartitionStatus::Active | PartitionStatus::Drained { .. }
        )
    }

    /// Rows were read.
    pub(super) fn wake(&mut self) {
        if self.status != PartitionStatus::Ended {
            self.status = PartitionStatus::Active;
        }
    }

    /// It was found read to its end at `now`.
    pub(super) fn drain(&mut self, now: i64) {
        if self.status == PartitionStatus::Active {
            self.status = PartitionStatus::Drained { since: now };
        }
    }

    /// When it becomes idle by `timeout`, if nothing comes.
    pub(super) fn idle_at(self, timeout: i64) -> Option<i64> {
        match self.status {
            PartitionStatus::Drained { since } => Some(since.saturating_add(timeout)),
            _ => None,
        }
    }

    /// Takes the watermark values of rows in order and appends to `bounds` the watermark before each, held between
    /// `floor` and `ceiling`.
    pub(super) fn run(&mut self, values: &Int64Array, limits: Limits, bounds: &mut Vec<i64>) {
        let mut own = self.watermark;
        let mut next = |value: i64| {
            bounds.push(own.min(limits.ceiling).max(limits.floor));
            own = own.max(value);
        };
        match values.nulls().filter(|n| n.null_count() > 0) {
            None => values.values().iter().copied().for_each(&mut next),
            Some(nulls) => (values.values().iter().zip(nulls.iter()))
                .for_each(|(value, valid)| next(if valid { *value } else { i64::MIN })),
        }
        self.watermark = own;
    }
}

/// Between what the bounds of an epoch's rows lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// The input's watermark at the start of the epoch: what it closed stays closed.
    pub(super) floor: i64,
    /// The minimum of the other partitions that took part at the start of the epoch.
    pub(super) ceiling: i64,
}

/// What an epoch knows of a partition beyond its [`PartitionTime`].
#[derive(Debug, Clone, Copy)]
pub(super) struct EpochPartition {
    pub(super) limits: Limits,
    /// The partition's own watermark at the start of the epoch.
    pub(super) start: i64,
    /// The first offset whose row the partition's own watermark judges as strictly as the input's did.
    pub(super) caught_up: u64,
}

impl EpochPartition {
    /// Finds where a partition that the others did not wait for has caught up with the input's watermark.
    pub(super) fn catch_up(&mut self, watermarks: &Int64Array, origins: &UInt64Array) {
        if self.caught_up != u64::MAX {
            return;
        }
        let floor = self.limits.floor;
        if let Some(at) = watermarks
            .iter()
            .position(|w| w.is_some_and(|w| w >= floor))
        {
            self.caught_up = Origin::unpack(origins.value(at)).offset + 1;
        }
    }
}
