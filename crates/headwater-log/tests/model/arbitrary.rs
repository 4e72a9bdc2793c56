//! Random records, conditions and queries, and whether the conditions hold.

use bytes::Bytes;
use headwater_log::{
    Condition, ExpectedVersion, Header, Offset, Query, QueryItem, Record, Timestamp, Version,
};
use rand::Rng;
use rand::rngs::StdRng;

use super::{Row, TOPIC, World};

impl World {
    pub(super) fn arb_record(&self, rng: &mut StdRng) -> Record {
        let value = (0..rng.random_range(0..60))
            .map(|_| rng.random())
            .collect::<Vec<u8>>();
        let header = |key: &str, value: String| Header {
            key: key.into(),
            value: Some(value.into()),
        };
        let mut headers = Vec::new();
        for _ in 0..rng.random_range(0..2) {
            headers.push(header("type", format!("t{}", rng.random_range(0..3))));
        }
        for _ in 0..rng.random_range(0..3) {
            headers.push(header("tag", format!("g{}", rng.random_range(0..5))));
        }
        Record {
            key: rng.random_bool(0.95).then(|| arb_key(rng)),
            value: rng.random_bool(0.85).then(|| value.into()),
            headers,
            timestamp: Some(Timestamp(1_000_000 + rng.random_range(0..100_000))),
        }
    }

    pub(super) fn arb_condition(&self, rng: &mut StdRng) -> (Option<Condition>, bool) {
        match rng.random_range(0..10) {
            0..5 => {
                let key = arb_key(rng);
                let actual = self.version(&key);
                let (expected, holds) = match rng.random_range(0..5) {
                    0 => (ExpectedVersion::Any, true),
                    3 => (ExpectedVersion::Exists, actual.is_some()),
                    1 => (ExpectedVersion::NoStream, actual.is_none()),
                    2 => (ExpectedVersion::Exact(Version(7)), actual == Some(7)),
                    _ => match actual {
                        Some(version) => (ExpectedVersion::Exact(Version(version)), true),
                        None => (ExpectedVersion::NoStream, true),
                    },
                };
                let of = self.of.clone();
                (Some(Condition::Version { of, key, expected }), holds)
            }
            5..8 => {
                let query = arb_query(rng);
                let after = self.end.saturating_sub(rng.random_range(0..30));
                let came = |r: &Row| r.offset >= after && r.matches(&query);
                let holds = !self.rows.iter().any(came);
                let (topic, after) = (TOPIC.to_owned(), Offset(after));
                (
                    Some(Condition::NoneSince {
                        topic,
                        query,
                        after,
                    }),
                    holds,
                )
            }
            _ => (None, true),
        }
    }
}

fn arb_key(rng: &mut StdRng) -> Bytes {
    format!("key{}", rng.random_range(0..12)).into()
}

pub(super) fn arb_query(rng: &mut StdRng) -> Query {
    let mut names = |kind: &str, n: u32, most: u32| -> Vec<String> {
        let count = rng.random_range(0..=most);
        (0..count)
            .map(|_| format!("{kind}{}", rng.random_range(0..n)))
            .collect()
    };
    let mut item = || QueryItem {
        types: names("t", 3, 2),
        tags: names("g", 5, 2),
    };
    Query {
        items: vec![item(), item()],
    }
}
