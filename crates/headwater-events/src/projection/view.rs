//! [`View`]: the seam between a projection and where its result is kept.

use std::fmt;

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};
use crate::event::{Position, Recorded};
use crate::task::Task;

/// Names a projection and the version of what it makes of events. Another version is built from the first event on,
/// beside the one that runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectionId {
    /// Its name.
    pub name: String,
    /// The version.
    pub version: u32,
}

impl ProjectionId {
    /// The first version.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: 1,
        }
    }

    /// Another version.
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Whose position it is in the store.
    pub fn owner(&self) -> String {
        format!("projection/{self}")
    }
}

impl fmt::Display for ProjectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

/// Events that a view is to apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The events, in order; none: only the position moves.
    pub events: Vec<Recorded>,
    /// The position that the view has when they are applied.
    pub next: Position,
    /// Events before this place are replayed: what the view does to the world outside was done already by an earlier version of
    /// it, or will be by the one that runs.
    pub live_from: Position,
}

impl Batch {
    /// Whether an event may have effects outside of the view.
    pub fn is_live(&self, event: &Recorded) -> bool {
        event.position >= self.live_from
    }
}

/// Where what a projection makes of the events is kept, with the position up to which it was made.
///
/// If both are stored in one transaction the view is exactly the fold of the events before its position. If not, the
/// position is stored after the effects, and every event comes at least once; its position is the key by which a second
/// time can be known.
pub trait View: Send {
    /// Where it stands: everything before this was applied.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    fn position(&mut self) -> Task<'_, Position>;

    /// Applies events and stores the position.
    ///
    /// # Errors
    /// `Unavailable`: try again; `Conflict`: another process runs the projection; anything else is said of the events: they are
    /// applied one by one then, and the one that cannot be is parked.
    fn apply<'a>(&'a mut self, batch: &'a Batch) -> Task<'a, ()>;
}

/// A position as it is stored.
pub(crate) fn encode(position: Position) -> Bytes {
    position.0.to_string().into()
}

/// # Errors
/// `Corrupt`.
pub(crate) fn decode(owner: &str, value: &Bytes) -> Result<Position> {
    let text = std::str::from_utf8(value).ok();
    match text.and_then(|text| text.parse().ok()) {
        Some(position) => Ok(Position(position)),
        None => Err(Error::new(
            ErrorKind::Corrupt,
            format!("position of {owner:?} is no number"),
        )),
    }
}
