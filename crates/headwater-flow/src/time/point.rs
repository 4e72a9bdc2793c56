//! The points of event time, and where rows came from.

/// A point in event time: microseconds since the Unix epoch. Also the unit of watermarks and window bounds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct EventTime(pub i64);

/// No row with an event time at or before it is expected any more, to the millisecond: [`Watermark::MIN`] until the
/// first row, [`Watermark::MAX`] at the end of input that is finite by nature.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Watermark(pub i64);

impl Watermark {
    /// Before any row.
    pub const MIN: Self = Self(i64::MIN);
    /// After the end of all input.
    pub const MAX: Self = Self(i64::MAX);

    /// The last instant of a window before its end, at the resolution of window bounds (`window_time`): 1 ms.
    pub const TICK: i64 = 1_000;

    /// Whether a window that ends (exclusively) at `end` is closed: the watermark has reached its last millisecond,
    /// `end − 1 ms`, as in Flink, plus the allowed `lateness`. A row is late for a window if and only if the
    /// watermark that it is judged by has closed the window in this sense.
    ///
    /// ```
    /// # use headwater_flow::time::Watermark;
    /// let end = 60_000_000;
    /// assert!(Watermark(59_999_000).has_closed(end, 0));
    /// assert!(!Watermark(59_998_999).has_closed(end, 0));
    /// assert!(!Watermark::MIN.has_closed(i64::MIN, 0));
    /// ```
    pub fn has_closed(self, end: i64, lateness: i64) -> bool {
        self == Self::MAX
            || (self != Self::MIN
                && self.0 >= end.saturating_sub(Self::TICK).saturating_add(lateness))
    }

    /// Windows that end (exclusively) at or before this instant are closed: the inverse of [`Watermark::has_closed`].
    pub fn closed_through(self, lateness: i64) -> i64 {
        if self == Self::MIN || self == Self::MAX {
            return self.0;
        }
        self.0.saturating_sub(lateness).saturating_add(Self::TICK)
    }
}

/// Where a row came from: the input of the pipeline, its partition, and the offset in it, packed for a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// Index of the input in the pipeline, below 256.
    pub input: u8,
    /// Partition of that input, below 65,536.
    pub partition: u16,
    /// Offset in the partition, below 2^40.
    pub offset: u64,
}

impl Origin {
    /// The highest offset that fits.
    pub const MAX_OFFSET: u64 = (1 << 40) - 1;

    /// The packed form.
    pub fn pack(self) -> u64 {
        u64::from(self.input) << 56
            | u64::from(self.partition) << 40
            | (self.offset & Self::MAX_OFFSET)
    }

    /// The inverse of [`Origin::pack`].
    pub fn unpack(packed: u64) -> Self {
        Self {
            input: (packed >> 56) as u8,
            partition: (packed >> 40) as u16,
            offset: packed & Self::MAX_OFFSET,
        }
    }
}
