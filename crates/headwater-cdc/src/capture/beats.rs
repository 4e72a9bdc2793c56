//! Heartbeats: records of a topic of their own that say that a capture goes on, whether or not anything changes.

use std::time::Instant;

use headwater_log::{Commit, TopicPartition};

use super::settings::Format;
use crate::debezium::{Debezium, Heartbeats, heartbeat, now_us};

/// Says again and again that a capture goes on.
#[derive(Debug)]
pub(crate) struct Beats {
    format: Debezium,
    of: Heartbeats,
    last: Option<Instant>,
}

impl Beats {
    /// As a format wants it; `None`: not at all.
    pub(crate) fn of(format: &Format) -> Option<Self> {
        let Format::Debezium(debezium) = format else {
            return None;
        };
        Some(Self {
            of: debezium.heartbeats.clone()?,
            format: debezium.clone(),
            last: None,
        })
    }

    /// What is to be committed; `None`: it is not time yet.
    pub(super) fn due(&mut self) -> Option<Commit> {
        let is_early = |last: Instant| last.elapsed() < self.of.interval;
        if self.last.is_some_and(is_early) {
            return None;
        }
        self.last = Some(Instant::now());
        let record = heartbeat(&self.format, now_us().div_euclid(1000));
        let topic = TopicPartition::new(self.of.topic.as_str(), 0);
        Some(Commit::new().append(topic, vec![record]))
    }
}
