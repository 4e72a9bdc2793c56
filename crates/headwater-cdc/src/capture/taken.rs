//! What has been taken over from the server, and how it becomes durable: commits on their way, in order, each on condition
//! that nobody else has taken something over meanwhile.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use headwater_log::{Commit, Condition, KeyedCommit, Log, Offset, Pending, Result, Timestamp};

use super::assembly::Before;
use super::place::Place;
use super::records;
use super::server::{Server, TableIndex};
use super::setup::Captured;
use super::state::{self, Part, Position};

/// Commits that may be on their way.
const IN_FLIGHT_MAX: usize = 256;
/// Bytes of a large transaction after which the log writes down what it has of them in memory: their keys, and what its disk has not
/// kept up with.
const RELIEF_BYTES: usize = 64 << 20;

/// What is true when a commit is durable.
#[derive(Debug, Clone, Default)]
pub(super) struct Meaning {
    /// When its newest transaction was committed.
    pub(super) time: Option<Timestamp>,
    /// How many transactions it has.
    pub(super) transactions: u64,
    /// How many changes of rows.
    pub(super) changes: u64,
    /// The table that has been read whole.
    pub(super) finished: Option<TableIndex>,
}

struct Sent {
    pending: Pending,
    end: Place,
    meaning: Meaning,
}

/// A commit that is still to depend on the position.
pub(super) enum Outgoing<'c> {
    /// Of what was streamed, or of none.
    Streamed(Commit),
    /// Of rows that were read.
    Read(Box<KeyedCommit<'c>>),
}

impl From<Commit> for Outgoing<'_> {
    fn from(commit: Commit) -> Self {
        Self::Streamed(commit)
    }
}

impl<'c> From<KeyedCommit<'c>> for Outgoing<'c> {
    fn from(commit: KeyedCommit<'c>) -> Self {
        Self::Read(Box::new(commit))
    }
}

impl Outgoing<'_> {
    /// Sends it to a log if `owner` still has the position that is expected, which becomes another one.
    fn submit(self, log: &Log, owner: &str, expected: Option<Bytes>, value: Bytes) -> Pending {
        let owner = owner.to_owned();
        match self {
            Self::Streamed(commit) => {
                let is_still = Condition::Position {
                    owner: owner.clone(),
                    expected,
                };
                log.submit(commit.when(is_still).position(owner, value))
            }
            Self::Read(mut commit) => {
                commit.expect_position(owner.clone(), expected);
                commit.position(owner, Some(value));
                commit.submit()
            }
        }
    }
}

/// What has been taken over.
pub(super) struct Taken {
    log: Log,
    owner: String,
    position: Position,
    /// The position as it will be stored when all that is on its way is.
    stored: Option<Bytes>,
    end: Place,
    durable: Place,
    sent: VecDeque<Sent>,
    settled: Vec<Meaning>,
    /// Before these offsets no key has a value: tables were emptied there.
    emptied: HashMap<TableIndex, Offset>,
    /// Bytes of large transactions since the log was relieved of them.
    unrelieved: usize,
}

impl Taken {
    /// Everything before `end` is durable already.
    pub(super) fn new(log: &Log, name: &str, position: Position, end: Place) -> Self {
        let owner = state::owner(name);
        Self {
            log: log.clone(),
            stored: log.position(&owner),
            owner,
            position,
            durable: end.clone(),
            end,
            sent: VecDeque::new(),
            settled: Vec::new(),
            emptied: HashMap::new(),
            unrelieved: 0,
        }
    }

    /// Where it is put.
    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    /// Everything before this is durable or on its way.
    pub(super) fn end(&self) -> &Place {
        &self.end
    }

    /// Everything before this is durable.
    pub(super) fn durable(&self) -> &Place {
        &self.durable
    }

    /// Whether something is on its way.
    pub(super) fn is_busy(&self) -> bool {
        !self.sent.is_empty()
    }

    /// From now on a stream that begins anew is to begin here; `None`: at the end.
    pub(super) fn resume_from(&mut self, place: Option<Place>) {
        self.position.resume = place;
    }

    /// What is in the log, or on its way, of the transaction that comes next.
    pub(super) fn part(&self) -> Option<&Part> {
        self.position.part.as_ref()
    }

    /// From now on that is in the log of the transaction that comes next.
    pub(super) fn set_part(&mut self, part: Option<Part>) {
        self.position.part = part;
    }

    /// Whether tables are not read for now.
    pub(super) fn is_paused(&self) -> bool {
        self.position.paused
    }

    /// From now on tables are read, or not.
    pub(super) fn pause(&mut self, is_paused: bool) {
        self.position.paused = is_paused;
    }

    /// Sends a commit after which everything before `end` is taken over.
    ///
    /// # Errors
    /// As those of commits, of one that was sent before.
    pub(super) fn send<'c>(
        &mut self,
        commit: impl Into<Outgoing<'c>>,
        end: Place,
        meaning: Meaning,
    ) -> Result<()> {
        while self.sent.len() >= IN_FLIGHT_MAX {
            self.wait()?;
        }
        self.position.end = Some(end.clone());
        let value = Bytes::from(state::store(&self.position)?);
        let expected = self.stored.replace(value.clone());
        self.end = end.clone();
        let commit = commit.into();
        let pending = commit.submit(&self.log, &self.owner, expected, value);
        self.sent.push_back(Sent {
            pending,
            end,
            meaning,
        });
        Ok(())
    }

    /// Waits for the first one on its way.
    fn wait(&mut self) -> Result<()> {
        if let Some(sent) = self.sent.pop_front() {
            sent.pending.wait()?;
            self.durable = sent.end;
            self.settled.push(sent.meaning);
        }
        Ok(())
    }

    /// Waits until nothing is on its way.
    ///
    /// # Errors
    /// Those of commits.
    pub(super) fn drain(&mut self) -> Result<()> {
        while self.is_busy() {
            self.wait()?;
        }
        Ok(())
    }

    /// So many bytes of a large transaction come next: what came of such before must not stay in memory.
    ///
    /// # Errors
    /// `Unavailable` if there is no room on the disk.
    pub(super) fn relieve(&mut self, bytes: usize) -> Result<()> {
        self.unrelieved += bytes;
        if self.unrelieved < RELIEF_BYTES {
            return Ok(());
        }
        self.unrelieved = 0;
        self.log.checkpoint()
    }

    /// What has become durable since this was asked last.
    ///
    /// # Errors
    /// Those of commits.
    pub(super) fn settled(&mut self) -> Result<Vec<Meaning>> {
        while self.sent.front().is_some_and(|sent| sent.pending.is_done()) {
            self.wait()?;
        }
        Ok(std::mem::take(&mut self.settled))
    }
}

/// What is on its way comes into the log, whatever ended the connection: who begins again must find it there. Else it would stream from
/// the position before it, under a condition that holds after it, and all of it would come twice.
impl Drop for Taken {
    fn drop(&mut self) {
        for sent in self.sent.drain(..) {
            // Whether it came is told by the position.
            drop(sent.pending.wait());
        }
    }
}

/// Looks into the topics.
pub(crate) struct InTopics<'a, S: Server> {
    pub(super) taken: &'a mut Taken,
    pub(super) tables: &'a [Captured<S>],
}

impl<S: Server> Before for InTopics<'_, S> {
    fn value(&mut self, table: TableIndex, key: &Bytes) -> Result<Bytes> {
        self.taken.drain()?;
        let Captured { topic, form, .. } = &self.tables[table];
        let known = records::newest(&self.taken.log, topic, &form.record_key(key))?;
        let row = form.row_of(known.as_deref());
        Ok(row.map(Bytes::copy_from_slice).unwrap_or_default())
    }

    fn live_keys(&mut self, table: TableIndex) -> Result<Vec<Bytes>> {
        self.taken.drain()?;
        let Captured { topic, form, .. } = &self.tables[table];
        let log = &self.taken.log;
        // Whoever asks deletes them all, so that nobody looks at what lies before again.
        let end = log.bounds(topic)?.end;
        let from = self.taken.emptied.insert(table, end);
        let live = records::live_keys(log, topic, form, from.unwrap_or(Offset(0)))?;
        let key = |key: &Bytes| Bytes::copy_from_slice(form.key_of(key));
        Ok(live.iter().map(key).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use headwater_log::ManualClock;

    use super::*;
    use crate::postgres::Lsn;

    #[test]
    fn what_is_on_its_way_has_come_when_the_connection_is_over() {
        let log = Log::memory(Arc::new(ManualClock::new(Timestamp(0))));
        for lsn in 1..=200 {
            let position: Position = match log.position(&state::owner("c")) {
                Some(stored) => serde_json::from_slice(&stored).unwrap(),
                None => Position {
                    system: "1".to_owned(),
                    timeline: None,
                    database: String::new(),
                    format: "rows".to_owned(),
                    end: None,
                    paused: false,
                    resume: None,
                    part: None,
                },
            };
            let end = |lsn| Place::from(Lsn(lsn));
            assert_eq!(position.end, (lsn > 1).then(|| end(lsn - 1)));
            let mut taken = Taken::new(&log, "c", position, end(lsn - 1));
            taken
                .send(Commit::new(), end(lsn), Meaning::default())
                .unwrap();
        }
    }
}
