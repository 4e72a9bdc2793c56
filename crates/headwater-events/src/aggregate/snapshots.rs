//! [`Snapshotting`]: how a state is saved.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How a state is saved: in which schema, and how often.
#[derive(Debug)]
pub struct Snapshotting<S> {
    pub(super) schema: u32,
    pub(super) every: u64,
    pub(super) encode: fn(&S) -> serde_json::Result<Vec<u8>>,
    pub(super) decode: fn(&[u8]) -> serde_json::Result<S>,
}

impl<S: Serialize + DeserializeOwned> Snapshotting<S> {
    /// As JSON, every 100 events. Whoever changes the state or how it evolves counts `schema` up: snapshots of another
    /// schema are not read, the events are.
    pub fn json(schema: u32) -> Self {
        Self {
            schema,
            every: 100,
            encode: |state| serde_json::to_vec(state),
            decode: |json| serde_json::from_slice(json),
        }
    }

    /// Saves it whenever so many events have come since it was last saved.
    #[must_use]
    pub fn every(mut self, events: u64) -> Self {
        self.every = events.max(1);
        self
    }
}
