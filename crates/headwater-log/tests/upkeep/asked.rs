//! Commits that were asked for, and what came of them.

use bytes::Bytes;
use headwater_log::{
    Commit, ErrorKind, Header, Receipt, Record, Result, Timestamp, TopicPartition,
};

/// A record of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) to: TopicPartition,
    pub(super) key: Option<Bytes>,
    pub(super) value: Option<Bytes>,
}

/// A commit.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) id: u64,
    pub(super) time: i64,
    /// Its records; those for one partition are adjacent.
    pub(super) wishes: Vec<Wish>,
    pub(super) position: Option<Bytes>,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Said {
    Yes(Receipt),
    /// It did not happen; whether because of a condition.
    No {
        conflict: bool,
    },
    /// It may have happened.
    Unknown,
}

impl Said {
    pub(super) fn of(result: Result<Receipt>) -> Self {
        match result {
            Ok(receipt) => Self::Yes(receipt),
            Err(e) if e.kind() == ErrorKind::Closed => Self::Unknown,
            Err(e) => {
                let conflict = e.kind() == ErrorKind::Conflict;
                assert!(conflict || e.kind() == ErrorKind::Unavailable, "{e}");
                Self::No { conflict }
            }
        }
    }
}

impl Asked {
    pub(super) fn commit(&self) -> Commit {
        let parts = self.wishes.chunk_by(|a, b| a.to == b.to);
        let mut commit = parts.fold(Commit::new(), |commit, wishes| {
            let records = wishes.iter().map(|wish| self.record(wish));
            commit.append(wishes[0].to.clone(), records)
        });
        if let Some(position) = &self.position {
            commit = commit.position("owner", position.clone());
        }
        commit
    }

    fn record(&self, wish: &Wish) -> Record {
        Record {
            key: wish.key.clone(),
            value: wish.value.clone(),
            headers: vec![Header {
                key: "id".into(),
                value: Some(self.id.to_string().into()),
            }],
            timestamp: Some(Timestamp(self.time)),
        }
    }
}
