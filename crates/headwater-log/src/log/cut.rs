//! The whole log as of one commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::handle::Log;
use crate::error::{Error, ErrorKind, Result};
use crate::record::{CommitNumber, TopicPartition};
use crate::shared::{Held, PartitionId, Shared};
use crate::topic::Bounds;

/// How often a cut is tried while others write.
const TRIES: usize = 1_000;

/// Where all partitions began and ended at one commit. As long as it lives, what lies between stays readable, and
/// compaction does not take a record because of one that lies behind; nothing of it survives the process.
///
/// ```
/// # use std::sync::Arc;
/// # use headwater_log::{Commit, Log, ManualClock, Record, Timestamp, TopicConfig, TopicPartition};
/// # let log = Log::memory(Arc::new(ManualClock::new(Timestamp(0))));
/// # log.create_topic("a", TopicConfig::default())?;
/// # log.create_topic("b", TopicConfig::default())?;
/// let (a, b) = (TopicPartition::new("a", 0), TopicPartition::new("b", 0));
/// let both = || Commit::new().append(a.clone(), [Record::default()]).append(b.clone(), [Record::default()]);
/// let receipt = log.commit(both())?;
/// let cut = log.cut()?;
/// log.commit(both())?;
/// assert_eq!(cut.commit(), receipt.number);
/// assert_eq!(cut.bounds(&a), cut.bounds(&b));
/// # Ok::<(), headwater_log::Error>(())
/// ```
#[derive(Debug)]
pub struct ReadCut {
    commit: CommitNumber,
    bounds: BTreeMap<TopicPartition, Bounds>,
    hold: u64,
    shared: Arc<Shared>,
}

impl ReadCut {
    /// The newest commit that belongs to it.
    pub fn commit(&self) -> CommitNumber {
        self.commit
    }

    /// Where a partition began and ended; `None` if it was not there.
    pub fn bounds(&self, of: &TopicPartition) -> Option<Bounds> {
        self.bounds.get(of).copied()
    }

    /// All partitions.
    pub fn partitions(&self) -> impl Iterator<Item = (&TopicPartition, Bounds)> {
        self.bounds.iter().map(|(of, bounds)| (of, *bounds))
    }
}

impl Drop for ReadCut {
    fn drop(&mut self) {
        self.shared.holds.end(self.hold);
    }
}

impl Log {
    /// The log as of its newest commit: a commit over several partitions is in it whole or not at all.
    ///
    /// # Errors
    /// `Unavailable` if others write so fast, or this thread is so slow, that no moment is found.
    pub fn cut(&self) -> Result<ReadCut> {
        let shared = Arc::clone(self.shared());
        let mut cut = ReadCut {
            commit: CommitNumber(0),
            bounds: BTreeMap::new(),
            // First nothing goes, then it is looked where everything is.
            hold: shared.holds.begin(),
            shared,
        };
        for _ in 0..TRIES {
            let commit = cut.shared.last();
            if let Some((bounds, held)) = at(&cut.shared, commit) {
                cut.shared.holds.settle(cut.hold, held);
                (cut.commit, cut.bounds) = (commit, bounds);
                return Ok(cut);
            }
        }
        let text = "the log is written too fast to find a moment between two commits";
        Err(Error::new(ErrorKind::Unavailable, text))
    }
}

type Found = (
    BTreeMap<TopicPartition, Bounds>,
    BTreeMap<PartitionId, Held>,
);

/// All partitions as of a commit; `None` if memory does not go back to it.
fn at(shared: &Shared, commit: CommitNumber) -> Option<Found> {
    let (mut all, mut held) = (BTreeMap::new(), BTreeMap::new());
    for topic in shared.topics().all() {
        for partition in &topic.partitions {
            let view = partition.view();
            let (start, end) = (view.start(), view.end_at(commit)?);
            let end = end.max(start);
            all.insert(partition.name.clone(), Bounds { start, end });
            let id = (partition.topic, partition.name.partition);
            let (start, end) = (start.0, end.0);
            held.insert(id, Held { start, end });
        }
    }
    Some((all, held))
}
