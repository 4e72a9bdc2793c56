//! An event as it is stored.

use bytes::Bytes;
use headwater_log::{Timestamp, Version};
use serde::de::DeserializeOwned;

use super::new_event::Id;
use crate::error::{Error, ErrorKind, Result};

/// A place in the total order of a store's events, from 0. As a place to read from it means "from the event at this
/// place on", so a reader that has seen everything before it goes on there.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Position(pub u64);

impl Position {
    /// The place after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its place among all events of the store.
    pub position: Position,
    /// Its place in its stream; reading one stream gives it, reading all events only where it costs nothing.
    pub version: Option<Version>,
    /// When it was stored.
    pub recorded_at: Timestamp,
    /// The stream that it is part of.
    pub stream: String,
    /// What happened.
    pub kind: String,
    /// The particulars: JSON.
    pub data: Bytes,
    /// The version of the shape of the data.
    pub schema: u32,
    /// Its id, if it was given one.
    pub id: Option<Id>,
    /// Its tags, in the order in which they were given.
    pub tags: Vec<String>,
    /// The conversation that it is part of.
    pub correlation: Option<Id>,
    /// What caused it.
    pub causation: Option<Id>,
    /// A JSON object.
    pub metadata: Option<Bytes>,
}

impl Recorded {
    /// The id by which other events can name it: its own, or one made of its position.
    pub fn reference(&self) -> Id {
        match &self.id {
            Some(id) => id.clone(),
            None => format!("@{}", self.position.0),
        }
    }

    /// Whether it is one of the store's own, such as the end of a stream.
    pub fn is_system(&self) -> bool {
        self.kind.starts_with('$')
    }

    /// Its data as serde reads it.
    ///
    /// # Errors
    /// `Corrupt`, naming stream, place and type, if the data have another shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.data)
            .map_err(|e| self.undecodable("cannot be read").with_source(e))
    }

    /// An error that says which event it is about.
    pub(crate) fn undecodable(&self, why: &str) -> Error {
        let version = self.version.map(|v| format!(" version {}", v.0));
        Error::new(
            ErrorKind::Corrupt,
            format!(
                "event {:?} of stream {:?}{} at position {} {why}",
                self.kind,
                self.stream,
                version.unwrap_or_default(),
                self.position.0
            ),
        )
    }
}
