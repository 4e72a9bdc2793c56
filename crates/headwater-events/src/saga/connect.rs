//! Participants that are no code: a definition says where they are.

use std::sync::Arc;
use std::time::Duration;

use headwater_log::{Log, TopicConfig, TopicPartition};

use super::definition::{Definition, ParticipantAddress};
use super::sagas::Sagas;
use super::stream::StreamParticipant;
use super::topic::{Replies, TopicParticipant};
use crate::error::{Error, ErrorKind, Result};
use crate::store::Store;

impl Sagas {
    /// Connects the participants whose addresses stand in a definition; topics that are not there are made in `log`, entities are
    /// in the stores that `open` gives. What it gives takes the answers of services: a [runner](super::SagaRunner) turns it.
    ///
    /// # Errors
    /// `Invalid` if a topic cannot be what it is to be, `Unsupported` for an HTTP endpoint without the feature `http`,
    /// `Unavailable`; those of `open`.
    pub fn connect<E: From<Error>>(
        self: &Arc<Self>,
        log: &Log,
        open: impl Fn(&str) -> Result<Store, E>,
        definition: &Definition,
    ) -> Result<Vec<Replies>, E> {
        let mut replies = Vec::new();
        for (name, address) in &definition.participants {
            match address {
                ParticipantAddress::Http { url } => {
                    self.connect_http(name, url, patience(definition, name))?;
                }
                ParticipantAddress::Topic {
                    topic,
                    replies: from,
                } => {
                    make_topic(log, topic)?;
                    let to = TopicPartition::new(topic.as_str(), 0);
                    self.participant(name, TopicParticipant::new(log.clone(), to));
                    let partitions = 0..make_topic(log, from)?;
                    let of = |p| TopicPartition::new(from.as_str(), p);
                    replies.extend(
                        partitions.map(|p| Replies::new(log.clone(), of(p), Arc::clone(self))),
                    );
                }
                ParticipantAddress::Stream {
                    stream,
                    key,
                    entity,
                } => {
                    let participant = StreamParticipant::new(open(stream)?, key).presence(*entity);
                    self.participant(name, participant);
                }
            }
        }
        Ok(replies)
    }

    #[cfg(feature = "http")]
    fn connect_http(&self, name: &str, url: &str, patience: Duration) -> Result<()> {
        self.participant(name, super::http::HttpParticipant::new(url, patience)?);
        Ok(())
    }

    #[cfg(not(feature = "http"))]
    fn connect_http(&self, name: &str, _: &str, _: Duration) -> Result<()> {
        let message = format!("participant {name:?} is an HTTP endpoint");
        Err(Error::new(ErrorKind::Unsupported, message)
            .with_hint("this program was built without the feature http"))
    }
}

/// The longest time that an answer of a participant is waited for.
fn patience(definition: &Definition, participant: &str) -> Duration {
    let its = definition.steps.iter();
    let its = its.filter(|step| step.participant == participant);
    its.map(|step| step.timeout).max().unwrap_or_default()
}

/// Makes a topic if it is not there; gives how many partitions it has.
fn make_topic(log: &Log, topic: &str) -> Result<u32> {
    if log.topic(topic).is_none() {
        log.create_topic(topic, TopicConfig::default())?;
    }
    let made = log.topic(topic);
    let made = made.ok_or_else(|| {
        Error::new(
            ErrorKind::Unavailable,
            format!("topic {topic:?} was deleted"),
        )
    })?;
    Ok(made.config.partitions)
}
