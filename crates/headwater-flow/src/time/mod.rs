//! Event time: watermarks, idleness, lateness. Watermarks advance here and nowhere else.

/// A point in event time: microseconds since the Unix epoch. Also the unit of watermarks and window bounds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct EventTime(pub i64);

/// All rows with an event time before it have been seen; `None` until the first row, [`Watermark::MAX`] at the end
/// of input that is finite by nature.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Watermark(pub i64);

impl Watermark {
    /// Before any row.
    pub const MIN: Self = Self(i64::MIN);
    /// After the end of all input.
    pub const MAX: Self = Self(i64::MAX);
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
    /// The packed form.
    pub fn pack(self) -> u64 {
        u64::from(self.input) << 56 | u64::from(self.partition) << 40 | (self.offset & OFFSET_MASK)
    }

    /// The inverse of [`Origin::pack`].
    pub fn unpack(packed: u64) -> Self {
        Self {
            input: (packed >> 56) as u8,
            partition: (packed >> 40) as u16,
            offset: packed & OFFSET_MASK,
        }
    }
}

const OFFSET_MASK: u64 = (1 << 40) - 1;
