//! What a log has promised, and whether one that was opened again keeps it.

use std::collections::BTreeMap;

use bytes::Bytes;
use headwater_log::{Commit, Condition, ErrorKind, Log, Pending, Receipt};
use rand::Rng;
use rand::rngs::StdRng;

use super::{PARTITIONS, all_values, partition};
use crate::support::record;

/// What the log was asked to commit, and what it said.
pub(super) struct Asked {
    /// Values by partition.
    pub(super) values: Vec<(u32, Bytes)>,
    /// The position that it sets.
    pub(super) position: Option<Bytes>,
    pub(super) said: Said,
}

pub(super) enum Said {
    Yes(Receipt),
    /// It will not happen.
    No,
    /// It may have happened.
    Unknown,
}

/// The log's promises so far.
#[derive(Default)]
pub(super) struct Model {
    pub(super) asked: Vec<Asked>,
    /// Numbers of commits that a reader has seen, with their values.
    pub(super) seen: BTreeMap<u64, Vec<(u32, Bytes)>>,
    /// The position when the log was last opened.
    pub(super) position: Option<Bytes>,
    /// The number of the newest commit that was found or acknowledged.
    pub(super) last: u64,
}

impl Model {
    /// Submits some commits at once and notes what comes of them.
    pub(super) fn submit(&mut self, log: &Log, rng: &mut StdRng) {
        let count = rng.random_range(1..8);
        let pending: Vec<(Pending, Asked)> = (0..count)
            .map(|i| self.one(log, rng, self.asked.len() + i))
            .collect();
        for (pending, mut asked) in pending {
            asked.said = match pending.wait() {
                Ok(receipt) => Said::Yes(receipt),
                Err(e) if e.kind() == ErrorKind::Closed => Said::Unknown,
                Err(_) => Said::No,
            };
            self.asked.push(asked);
        }
    }

    fn one(&self, log: &Log, rng: &mut StdRng, id: usize) -> (Pending, Asked) {
        let mut commit = Commit::new();
        let mut values = Vec::new();
        for p in 0..PARTITIONS {
            if rng.random_bool(0.5) {
                continue;
            }
            let size = match rng.random_range(0..20) {
                0 => rng.random_range(2_000..9_000),
                1 => 30_000,
                _ => rng.random_range(0..200),
            };
            let mut value = format!("{id}/{p}:").into_bytes();
            value.resize(value.len() + size, b'x');
            let value = Bytes::from(value);
            values.push((p, value.clone()));
            commit = commit.append(partition(p), [record(value)]);
        }
        let position = rng.random_bool(0.3).then(|| Bytes::from(format!("{id}")));
        if let Some(position) = &position {
            commit = commit.position("owner", position.clone());
        }
        if rng.random_bool(0.2) {
            // True now; another commit of the group may make it false.
            commit = commit.when(Condition::Position {
                owner: "owner".into(),
                expected: log.position("owner"),
            });
        }
        let asked = Asked {
            values,
            position,
            said: Said::Unknown,
        };
        (log.submit(commit), asked)
    }

    /// A reader looks at everything.
    pub(super) fn look(&mut self, log: &Log) {
        self.seen = all_values(log);
        self.last = self.last.max(log.last_commit().0);
    }

    /// What a log that was opened again must still hold, and nothing else.
    pub(super) fn check(&mut self, log: &Log) {
        assert!(log.last_commit().0 >= self.last, "commits are gone");
        let found = all_values(log);
        for (number, values) in &self.seen {
            assert_eq!(
                found.get(number),
                Some(values),
                "a reader saw commit {number}"
            );
        }
        let mut unexplained = found.clone();
        let mut position = self.position.clone();
        // Commits happen in the order in which they were asked for.
        let mut number = 0;
        for asked in &mut self.asked {
            let here = match &asked.said {
                Said::No => continue,
                Said::Yes(receipt) => Some(receipt.number.0),
                Said::Unknown => unexplained
                    .range(number + 1..)
                    .find(|(_, values)| !asked.values.is_empty() && **values == asked.values)
                    .map(|(number, _)| *number),
            };
            let Some(here) = here else {
                continue;
            };
            assert!(here > number, "commits changed places");
            number = here;
            let values = unexplained.remove(&here).unwrap_or_default();
            assert_eq!(values, asked.values, "commit {here} is not whole");
            if let Said::Yes(receipt) = &asked.said {
                check_offsets(log, receipt, &asked.values);
            }
            if asked.position.is_some() {
                position = asked.position.clone();
            }
        }
        assert!(
            unexplained.is_empty(),
            "nobody asked for {:?}",
            unexplained.keys()
        );
        let maybe = |a: &&Asked| matches!(a.said, Said::Unknown) && a.values.is_empty();
        if self
            .asked
            .iter()
            .filter(maybe)
            .all(|a| a.position.is_none())
        {
            assert_eq!(log.position("owner"), position);
        }
        self.settle(&found, log);
    }

    /// What was unknown is known now.
    fn settle(&mut self, found: &BTreeMap<u64, Vec<(u32, Bytes)>>, log: &Log) {
        self.asked.retain(|asked| match asked.said {
            Said::Unknown => found.values().any(|v| *v == asked.values) && !asked.values.is_empty(),
            _ => true,
        });
        for asked in self
            .asked
            .iter_mut()
            .filter(|a| matches!(a.said, Said::Unknown))
        {
            let at = found.iter().find(|(_, values)| **values == asked.values);
            let number = headwater_log::CommitNumber(*at.unwrap().0);
            asked.said = Said::Yes(Receipt {
                number,
                offsets: Vec::new(),
                versions: Vec::new(),
            });
        }
        // From here on the position is what was found, whoever set it.
        self.asked.iter_mut().for_each(|a| a.position = None);
        self.position = log.position("owner");
        self.seen.clone_from(found);
        self.last = log.last_commit().0;
    }
}

fn check_offsets(log: &Log, receipt: &Receipt, values: &[(u32, Bytes)]) {
    for (offset, (p, value)) in receipt.offsets.iter().zip(values) {
        let fetched = log.fetch(&partition(*p), *offset, 1).unwrap();
        let (_, record) = fetched.batches[0]
            .records()
            .map(|r| r.unwrap())
            .find(|(o, _)| o == offset)
            .unwrap();
        assert_eq!(record.value.as_ref(), Some(value));
    }
}
