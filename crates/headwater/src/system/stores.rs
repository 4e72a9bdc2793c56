//! The event stores of a log.

use std::sync::Arc;

use headwater_events::{LogStore, Store};
use headwater_log::Log;

use crate::engine::Headwater;
use crate::error::Result;

/// The topics that are event stores: one partition with a key index. What is compacted is a view.
fn topics(log: &Log) -> Vec<String> {
    let topics = log.topics().into_iter();
    let are = topics.filter(|t| t.config.partitions == 1 && t.config.key_index);
    let are = are.filter(|t| !t.config.cleanup.compact);
    let mut names: Vec<String> = are
        .filter(|t| !t.config.internal && !t.name.contains('$'))
        .map(|t| t.name)
        .collect();
    names.sort();
    names
}

impl Headwater {
    /// The names of the topics that are event stores, or of the schemas.
    pub fn event_stores(&self) -> Vec<String> {
        #[cfg(feature = "postgres")]
        if let Some(names) = self.0.elsewhere.names() {
            return names;
        }
        topics(self.log())
    }

    /// The event store in a topic, or schema, which is made if it is not there.
    ///
    /// # Errors
    /// `Invalid` if the topic is there and is no event store; `Unavailable`.
    pub fn event_store(&self, topic: &str) -> Result<Store> {
        #[cfg(feature = "postgres")]
        if let Some(store) = self.0.elsewhere.open(topic) {
            return store;
        }
        let store = LogStore::open(self.log().clone(), topic)?;
        Ok(Store::new(Arc::new(store)).named(topic))
    }
}
