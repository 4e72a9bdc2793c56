//! A group: commits that are written together. Which of those that wait it takes. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use super::request::{Prepared, Request, Work};
use crate::pending::Slot;

/// Commits that are written together.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) commits: Vec<(Prepared, Arc<Slot>)>,
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
        let mut group = Self::default();
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
            group.commits.push((commit, request.slot));
        }
        group
    }
}
