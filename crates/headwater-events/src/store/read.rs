//! What is asked of a store when events are read.

use headwater_log::{Timestamp, Version};

use super::filter::Filter;
use crate::event::{Position, Recorded};

pub use headwater_log::Direction;

/// Where the reading of a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// With this version.
    Version(Version),
    /// Before the first event that was stored later than this: how the stream was at that time.
    Time(Timestamp),
}

/// Which events of a stream are read.
///
/// ```
/// use headwater_events::{ReadStream, Timestamp, Until};
/// let at_noon = ReadStream::of("account-7").until(Until::Time(Timestamp(1_700_000_000_000)));
/// assert_eq!(at_noon.stream, "account-7");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadStream {
    /// The stream.
    pub stream: String,
    /// In which order.
    pub direction: Direction,
    /// The version to begin with; `None`: the oldest, or backward the newest.
    pub from: Option<Version>,
    /// What is too late to be among them, whatever the direction.
    pub until: Option<Until>,
    /// At most so many.
    pub limit: usize,
}

impl ReadStream {
    /// All events of a stream, from the oldest on.
    pub fn of(stream: impl Into<String>) -> Self {
        Self {
            stream: stream.into(),
            direction: Direction::Forward,
            from: None,
            until: None,
            limit: usize::MAX,
        }
    }

    /// From the newest on.
    #[must_use]
    pub fn backward(mut self) -> Self {
        self.direction = Direction::Backward;
        self
    }

    /// Begins with this version.
    #[must_use]
    pub fn from(mut self, version: Version) -> Self {
        self.from = Some(version);
        self
    }

    /// Leaves out what is too late.
    #[must_use]
    pub fn until(mut self, until: Until) -> Self {
        self.until = Some(until);
        self
    }

    /// At most so many.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// Which events of all streams are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadAll {
    /// Where to begin.
    pub from: Position,
    /// Which ones.
    pub filter: Filter,
    /// At most so many; 0: only where the end is.
    pub limit: usize,
}

/// Events of all streams, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The events.
    pub events: Vec<Recorded>,
    /// Everything before this has been looked at: where to go on.
    pub next: Position,
    /// The position that the next event of the store will get.
    pub end: Position,
}
