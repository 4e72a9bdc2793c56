//! The `topic` connector: topics of the embedded log as tables, append-only or keyed.

mod config;
mod connector;
mod decoder;
mod metadata;
mod newest;
mod records;
mod sink;
mod source;
mod upsert;

pub(crate) use config::Place;
pub use config::{ensure_topic, topic_name};
pub use connector::TopicConnector;
pub(crate) use connector::check_blanks;
pub(crate) use decoder::TopicDecoder;
pub(crate) use source::TopicSource;
