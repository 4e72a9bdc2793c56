//! Views that are topics of the same log: records and position are one commit, so every event counts exactly once.

use bytes::Bytes;
use headwater_log::{Append, Commit, Condition, Log, Record, TopicPartition};

use super::BoxError;
use super::handler::refused;
use super::view::{Batch, ProjectionId, View, decode, encode};
use crate::error::Result;
use crate::event::{Position, Recorded};
use crate::task::Task;

/// A view that is the records which `project` makes of each event, in topics of the same log.
#[derive(Debug)]
pub struct LogView<F> {
    log: Log,
    id: ProjectionId,
    project: F,
    /// The position as it is stored; `None`: it was not looked up yet.
    stored: Option<Option<Bytes>>,
}

impl<F> LogView<F>
where
    F: FnMut(&Recorded) -> Result<Vec<(TopicPartition, Record)>, BoxError> + Send,
{
    /// The view of a projection.
    pub fn new(log: Log, id: ProjectionId, project: F) -> Self {
        Self {
            log,
            id,
            project,
            stored: None,
        }
    }

    fn stored(&mut self) -> Option<Bytes> {
        let look_up = || self.log.position(&self.id.owner());
        self.stored.get_or_insert_with(look_up).clone()
    }

    fn commit(&mut self, batch: &Batch) -> Result<Commit> {
        let (owner, value) = (self.id.owner(), encode(batch.next));
        let mut commit = Commit::new()
            .when(Condition::Position {
                owner: owner.clone(),
                expected: self.stored(),
            })
            .position(owner, value);
        for event in &batch.events {
            let records = (self.project)(event).map_err(|e| refused(event, e))?;
            for (to, record) in records {
                put(&mut commit, to, record);
            }
        }
        Ok(commit)
    }
}

fn put(commit: &mut Commit, to: TopicPartition, record: Record) {
    match commit.appends.iter_mut().find(|a| a.to == to) {
        Some(append) => append.records.push(record),
        None => commit.appends.push(Append {
            to,
            records: vec![record],
        }),
    }
}

impl<F> View for LogView<F>
where
    F: FnMut(&Recorded) -> Result<Vec<(TopicPartition, Record)>, BoxError> + Send,
{
    fn position(&mut self) -> Task<'_, Position> {
        let stored = self.stored();
        let position = stored.map_or(Ok(Position(0)), |p| decode(&self.id.owner(), &p));
        Box::pin(std::future::ready(position))
    }

    fn apply<'a>(&'a mut self, batch: &'a Batch) -> Task<'a, ()> {
        Box::pin(async move {
            let commit = self.commit(batch)?;
            self.log.submit(commit).await?;
            self.stored = Some(Some(encode(batch.next)));
            Ok(())
        })
    }
}
