//! Participants that are services: calls go to one topic of the log, answers come from another.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use headwater_log::{Commit, Log, Offset, Record, TopicPartition};
use serde::Deserialize;
use serde_json::Value;

use super::change::Answered;
use super::participant::{Answer, Call, Participant};
use super::sagas::Sagas;
use crate::error::{ErrorKind, Result};

/// Bytes of answers that are read at a time.
const FETCH_BYTES: usize = 1 << 20;

/// A service that reads calls from a topic: each is a record whose key is the saga's id and whose value is the [`Call`] as
/// JSON. It answers on another topic, see [`Replies`].
#[derive(Debug)]
pub struct TopicParticipant {
    log: Log,
    to: TopicPartition,
}

impl TopicParticipant {
    /// Calls go to this partition.
    pub fn new(log: Log, to: TopicPartition) -> Self {
        Self { log, to }
    }

    async fn send(&self, call: &Call) -> Result<()> {
        let value = serde_json::to_vec(call)
            .map_err(|e| crate::Error::invalid("call cannot be written").with_source(e))?;
        let record = Record {
            key: Some(Bytes::copy_from_slice(call.saga.as_bytes())),
            value: Some(value.into()),
            ..Record::default()
        };
        let commit = Commit::new().append(self.to.clone(), [record]);
        self.log.submit(commit).await?;
        Ok(())
    }
}

impl Participant for TopicParticipant {
    fn call<'a>(&'a self, call: &'a Call) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        Box::pin(async move {
            match self.send(call).await {
                Ok(()) => Answer::Later,
                Err(error) => Answer::Failed(error.to_string()),
            }
        })
    }
}

/// The answers of services: records whose value is `{"key": …, "done": …}`, or `refused` or `failed` with a text instead of
/// `done`. Each is taken at least once; what comes twice changes nothing.
#[derive(Debug)]
pub struct Replies {
    log: Log,
    from: TopicPartition,
    sagas: Arc<Sagas>,
    next: Option<Offset>,
}

/// An answer as it comes.
#[derive(Debug, Deserialize)]
struct Reply {
    key: String,
    done: Option<Value>,
    refused: Option<String>,
    failed: Option<String>,
}

impl Reply {
    fn answer(self) -> (String, Answer) {
        let answer = match (self.refused, self.failed) {
            (Some(why), _) => Answer::Refused(why),
            (None, Some(why)) => Answer::Failed(why),
            (None, None) => Answer::Done(self.done.unwrap_or(Value::Null)),
        };
        (self.key, answer)
    }
}

impl Replies {
    /// Answers come from this partition.
    pub fn new(log: Log, from: TopicPartition, sagas: Arc<Sagas>) -> Self {
        Self {
            log,
            from,
            sagas,
            next: None,
        }
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    fn owner(&self) -> String {
        format!("saga-replies/{}", self.from)
    }

    /// Takes the answers that are there; gives how many were recorded.
    ///
    /// # Errors
    /// `NotFound` if there is no such topic, `Unavailable`; it can be called again.
    pub async fn turn(&mut self) -> Result<usize> {
        let mut next = self.next.unwrap_or_else(|| self.stored());
        let mut recorded = 0;
        let end = self.log.bounds(&self.from)?.end;
        let before = next;
        while next < end {
            let fetched = self.log.fetch(&self.from, next, FETCH_BYTES)?;
            for record in fetched.batches.iter().flat_map(|batch| batch.records()) {
                let (offset, record) = record?;
                if offset < next {
                    continue;
                }
                recorded += usize::from(self.take(record.value).await?);
                next = Offset(offset.0 + 1);
            }
            let read = fetched.batches.last().map(|batch| batch.next_offset());
            next = read.map_or(end, |read| read.max(next));
        }
        if next > before {
            let commit = Commit::new().position(self.owner(), next.0.to_string());
            self.log.submit(commit).await?;
        }
        self.next = Some(next);
        Ok(recorded)
    }

    async fn take(&self, value: Option<Bytes>) -> Result<bool> {
        let reply: Reply = match serde_json::from_slice(value.as_deref().unwrap_or_default()) {
            Ok(reply) => reply,
            Err(error) => {
                tracing::warn!(topic = %self.from, %error, "answer cannot be read");
                return Ok(false);
            }
        };
        let (key, answer) = reply.answer();
        match self.sagas.answer(&key, answer).await {
            Ok(answered) => Ok(answered == Answered::Recorded),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                tracing::warn!(topic = %self.from, %error, "answer to nobody");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn stored(&self) -> Offset {
        let stored = self.log.position(&self.owner());
        let text = stored.and_then(|value| String::from_utf8(value.to_vec()).ok());
        Offset(text.and_then(|t| t.parse().ok()).unwrap_or(0))
    }
}
