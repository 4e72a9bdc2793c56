//! A group: commits that are written together. Which of those that wait it takes. Pure.

use std::collections::VecDeque;

use super::request::{Prepared, PreparedBatch, Request, Work};
use crate::pending::Promise;

/// Commits that are written together.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) commits: Vec<(Box<Prepared>, Promise)>,
    pub(super) wal_bytes: usize,
    pub(super) direct_bytes: usize,
}

impl Group {
    /// Takes as many commits off the backlog as fit: at most `wal_max` bytes of the write-ahead log and `direct_max`
    /// that go straight to segments, but at least one commit if one is next.
    pub(super) fn gather(
        backlog: &mut VecDeque<Request>,
        wal_max: usize,
        direct_max: usize,
    ) -> Self {
        let mut group = Self {
            commits: Vec::with_capacity(backlog.len()),
            ..Self::default()
        };
        while let Some(request) = backlog.pop_front() {
            let Work::Commit(commit) = request.work else {
                backlog.push_front(request);
                break;
            };
            let wal_bytes = group.wal_bytes + commit.wal_bytes;
            let direct_bytes = group.direct_bytes + commit.direct_bytes;
            let too_many = wal_bytes > wal_max || direct_bytes > direct_max;
            if too_many && !group.commits.is_empty() {
                let work = Work::Commit(commit);
                backlog.push_front(Request { work, ..request });
                break;
            }
            group.wal_bytes = wal_bytes;
            group.direct_bytes = direct_bytes;
            group.commits.push((commit, request.promise));
        }
        group
    }
    /// Has batches of at least `least` bytes go straight to their segments too, if all of them together have `much` bytes:
    /// writing those twice costs more than a second sync.
    pub(super) fn spare_the_log(&mut self, least: usize, much: usize) {
        if self.wal_bytes + self.direct_bytes < much {
            return;
        }
        let is_large = |batch: &&mut PreparedBatch| batch.batch.bytes().len() >= least;
        let appends = self.commits.iter_mut().flat_map(|(c, _)| &mut c.appends);
        let batches = appends.flat_map(|append| &mut append.batches);
        let large: Vec<&mut PreparedBatch> = batches.filter(is_large).collect();
        let bytes = large.iter().map(|batch| batch.batch.bytes().len());
        if bytes.sum::<usize>() < much {
            return;
        }
        for batch in large.into_iter().filter(|batch| !batch.direct) {
            let bytes = batch.batch.bytes().len();
            batch.direct = true;
            self.wal_bytes -= bytes;
            self.direct_bytes += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use smallvec::smallvec;

    use super::*;
    use crate::batch::{Codec, LogBatch};
    use crate::clock::Timestamp;
    use crate::partition::{Origin, Partition};
    use crate::record::{Offset, Record, TopicPartition};
    use crate::writer::request::PreparedAppend;

    fn batch(len: usize) -> PreparedBatch {
        let record = Record {
            value: Some(vec![0; len].into()),
            ..Record::default()
        };
        let batch = LogBatch::build(Offset(0), &[record], Codec::None, Timestamp(0));
        PreparedBatch {
            batch: batch.expect("a small batch"),
            direct: len >= 1000,
        }
    }

    /// Which batches of these lengths go straight to their segments, each in a commit of its own.
    fn direct(lengths: &[usize]) -> Vec<bool> {
        let partition = Arc::new(Partition::empty(Origin {
            topic: 1,
            name: TopicPartition::new("t", 0),
            dir: "t".into(),
            segment_bytes: 1 << 20,
            index: None,
            internal: false,
        }));
        let commit = |len: &usize| {
            let append = PreparedAppend {
                partition: Arc::clone(&partition),
                batches: smallvec![batch(*len)],
                entries: None,
            };
            let commit = Prepared {
                appends: smallvec![append],
                ..Prepared::default()
            };
            (Box::new(commit), Promise::of(&Arc::default()))
        };
        let mut group = Group {
            commits: lengths.iter().map(commit).collect(),
            wal_bytes: 1 << 20,
            direct_bytes: 0,
        };
        group.spare_the_log(200, 1000);
        let appends = group.commits.iter().flat_map(|(c, _)| &c.appends);
        let batches = appends.flat_map(|append| &append.batches);
        batches.map(|batch| batch.direct).collect()
    }

    #[test]
    fn many_large_batches_are_not_written_twice() {
        assert_eq!(direct(&[300, 100, 300, 300]), [true, false, true, true]);
        assert_eq!(direct(&[300, 1000, 100]), [true, true, false]);
    }

    #[test]
    fn few_large_batches_need_one_sync() {
        assert_eq!(direct(&[300, 100, 300]), [false; 3]);
        assert_eq!(direct(&[100; 20]), [false; 20]);
    }
}
