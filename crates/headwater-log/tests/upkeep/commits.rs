//! Commits that are made at random, and what is known of them.

use bytes::Bytes;
use headwater_log::{Condition, ExpectedVersion, Pending, Receipt, TopicPartition, Version};
use rand::Rng;
use rand::rngs::StdRng;

use super::asked::{Asked, Said, Wish};
use super::shelf::{Row, Shelf};
use super::world::{KEYS, World, arb_key};

impl World {
    pub(super) fn arb_asked(&mut self, rng: &mut StdRng) -> Asked {
        self.asked += 1;
        let mut wishes = Vec::new();
        for shelf in &self.shelves {
            if rng.random_bool(0.6) {
                continue;
            }
            let first = rng.random_range(0..KEYS);
            for key in first..first + rng.random_range(1..4) {
                let key = rng.random_bool(0.9).then(|| arb_key(key));
                let size = match rng.random_range(0..25) {
                    0 => 2_500,
                    _ => rng.random_range(0..120),
                };
                let is_tombstone = key.is_some() && rng.random_bool(0.15);
                wishes.push(Wish {
                    to: shelf.of.clone(),
                    key,
                    value: (!is_tombstone).then(|| vec![b'x'; size].into()),
                });
            }
        }
        let position = rng.random_bool(0.3);
        Asked {
            id: self.asked,
            time: self.now(),
            wishes,
            position: position.then(|| format!("{}", self.asked).into()),
        }
    }

    pub(super) fn commit_together(&mut self, rng: &mut StdRng) {
        self.look_if_due();
        let count: u64 = rng.random_range(1..5);
        let asked: Vec<Asked> = (0..count).map(|_| self.arb_asked(rng)).collect();
        let checkpoints = self.log().stats().checkpoints;
        let submit = |asked: Asked| (self.log().submit(asked.commit()), asked);
        let pending: Vec<(Pending, Asked)> = asked.into_iter().map(submit).collect();
        for (pending, asked) in pending {
            match Said::of(pending.wait()) {
                Said::Yes(receipt) => self.accept(&asked, &receipt),
                Said::No { conflict } => assert!(!conflict, "there was no condition"),
                Said::Unknown => self.unknown.push(asked),
            }
        }
        if checkpoints != self.log().stats().checkpoints {
            // Between two groups something may have gone with which versions were counted.
            self.forget_versions(self.asked - count);
        }
    }

    /// Deletes half of the keys of the table, and writes enough behind it that compaction finds it.
    pub(super) fn bury(&mut self, rng: &mut StdRng) {
        let to = TopicPartition::new("table", 0);
        let wish = |key: u32, value: Option<Bytes>| Wish {
            to: to.clone(),
            key: Some(arb_key(key)),
            value,
        };
        let buried = (KEYS / 2..KEYS).map(|key| wish(key, None)).collect();
        let above = || wish(rng.random_range(0..KEYS / 2), Some(vec![b'x'; 150].into()));
        let above: Vec<Vec<Wish>> = std::iter::repeat_with(above)
            .take(40)
            .map(|w| vec![w])
            .collect();
        for wishes in std::iter::once(buried).chain(above) {
            self.asked += 1;
            let asked = Asked {
                id: self.asked,
                time: self.now(),
                wishes,
                position: None,
            };
            match Said::of(self.log().commit(asked.commit())) {
                Said::Yes(receipt) => self.accept(&asked, &receipt),
                Said::No { .. } => {}
                Said::Unknown => panic!("the disk has no fault"),
            }
            self.forget_versions(self.asked - 1);
        }
    }

    /// A commit that happened.
    pub(super) fn accept(&mut self, asked: &Asked, receipt: &Receipt) {
        let now = self.now();
        let parts = asked.wishes.chunk_by(|a, b| a.to == b.to);
        for (wishes, first) in parts.zip(&receipt.offsets) {
            let is_it = |s: &&mut Shelf| s.of == wishes[0].to;
            let shelf = self.shelves.iter_mut().find(is_it).unwrap();
            for (offset, wish) in (first.0..).zip(wishes) {
                let row = Row {
                    offset,
                    commit: receipt.number.0,
                    id: asked.id,
                    key: wish.key.clone(),
                    value: wish.value.clone(),
                    time: asked.time,
                    version: None,
                };
                shelf.add(row, now);
            }
        }
        if asked.position.is_some() {
            self.position.clone_from(&asked.position);
        }
    }

    /// A commit with a condition, of which it is known whether it holds.
    pub(super) fn commit_if(&mut self, rng: &mut StdRng) {
        self.look_if_due();
        let asked = self.arb_asked(rng);
        let (condition, holds) = self.arb_condition(rng);
        let commit = asked.commit().when(condition.clone());
        match Said::of(self.log().commit(commit)) {
            Said::Yes(receipt) => {
                assert!(holds, "{condition:?} does not hold");
                self.accept(&asked, &receipt);
            }
            Said::No { conflict: true } => assert!(!holds, "{condition:?} holds"),
            Said::No { conflict: false } => {}
            Said::Unknown => self.unknown.push(asked),
        }
    }

    pub(super) fn arb_condition(&mut self, rng: &mut StdRng) -> (Condition, bool) {
        if rng.random_bool(0.2) {
            let right = rng.random_bool(0.5);
            let expected = match right {
                true => self.position.clone(),
                false => Some("nobody's".into()),
            };
            let owner = "owner".into();
            return (Condition::Position { owner, expected }, right);
        }
        let indexed = self.shelves.iter().filter(|s| s.config.key_index);
        let indexed: Vec<&Shelf> = indexed.collect();
        let shelf = indexed[rng.random_range(0..indexed.len())];
        let key = arb_key(rng.random_range(0..KEYS));
        let actual = match shelf.newest(&key) {
            None => None,
            Some(row) if row.version.is_some() => row.version,
            Some(_) => self
                .log()
                .key_version(&shelf.of, &key)
                .unwrap()
                .map(|v| v.0),
        };
        let (expected, holds) = match rng.random_range(0..4) {
            0 => (ExpectedVersion::NoStream, actual.is_none()),
            1 => (ExpectedVersion::Exists, actual.is_some()),
            2 => (ExpectedVersion::Exact(Version(1)), actual == Some(1)),
            _ => match actual {
                Some(version) => (ExpectedVersion::Exact(Version(version)), true),
                None => (ExpectedVersion::NoStream, true),
            },
        };
        let of = shelf.of.clone();
        (Condition::Version { of, key, expected }, holds)
    }

    /// The versions in commits after this one are not known.
    pub(super) fn forget_versions(&mut self, after: u64) {
        let rows = self.shelves.iter_mut().flat_map(|s| &mut s.rows);
        rows.filter(|row| row.id > after)
            .for_each(|row| row.version = None);
    }
}
