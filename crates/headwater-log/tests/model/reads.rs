//! Reads by key, by time and by query against the model.

use bytes::Bytes;
use headwater_log::{Direction, Offset, ReadKey, Timestamp, Version};
use rand::Rng;
use rand::rngs::StdRng;

use super::arbitrary::arb_query;
use super::{Row, TOPIC, World};

impl World {
    pub(super) fn check_reads(&self, rng: &mut StdRng) {
        for key in (0..12).map(|k| Bytes::from(format!("key{k}"))) {
            let of_key = self
                .rows
                .iter()
                .filter(|r| r.record.key.as_ref() == Some(&key));
            let expected: Vec<&Row> = of_key.collect();
            let version = self.log().key_version(&self.of, &key).unwrap();
            assert_eq!(version.map(|v| v.0), self.version(&key));
            if !self.config.cleanup.compact {
                let end = Offset(rng.random_range(0..=self.end));
                let before = self.log().key_version_before(&self.of, &key, end).unwrap();
                let last = expected.iter().rfind(|r| r.offset < end.0);
                assert_eq!(before.map(|v| v.0), last.and_then(|r| r.version), "{end:?}");
            }
            let read = ReadKey {
                direction: [Direction::Forward, Direction::Backward][rng.random_range(0..2)],
                from: rng
                    .random_bool(0.3)
                    .then(|| Version(rng.random_range(0..9))),
                until: rng
                    .random_bool(0.3)
                    .then(|| Timestamp(1_000_000 + rng.random_range(0..100_000))),
                limit: if rng.random_bool(0.3) {
                    rng.random_range(0..5)
                } else {
                    usize::MAX
                },
            };
            let found = self.log().read_key(&self.of, &key, read).unwrap();
            let found: Vec<Row> = found
                .into_iter()
                .map(|f| Row {
                    offset: f.offset.0,
                    commit: f.commit.0,
                    version: Some(f.version.0),
                    record: f.record,
                })
                .collect();
            assert_eq!(found, selected(&expected, read), "{read:?}");
        }
        let time = Timestamp(1_000_000 + rng.random_range(-1_000..101_000));
        let late = self.rows.iter().find(|r| r.record.timestamp >= Some(time));
        let found = self.log().offset_at(&self.of, time).unwrap();
        assert_eq!(found.0, late.map_or(self.end, |r| r.offset), "{time:?}");
        let query = arb_query(rng);
        let after = rng.random_range(0..=self.end);
        let limit = rng.random_range(1..40);
        let found = self
            .log()
            .query(TOPIC, &query, Offset(after), limit)
            .unwrap();
        let hits = self
            .rows
            .iter()
            .filter(|r| r.offset >= after && r.matches(&query));
        let expected: Vec<u64> = hits.map(|r| r.offset).take(limit).collect();
        let offsets: Vec<u64> = found.records.iter().map(|r| r.offset.0).collect();
        assert_eq!(offsets, expected, "{query:?}");
    }
}

fn selected(of_key: &[&Row], read: ReadKey) -> Vec<Row> {
    let mut rows: Vec<Row> = of_key.iter().map(|r| (*r).clone()).collect();
    let from = read.from.map(|v| v.0);
    if read.direction == Direction::Backward {
        rows.reverse();
        rows.retain(|r| from.is_none_or(|from| r.version <= Some(from)));
    } else {
        rows.retain(|r| from.is_none_or(|from| r.version >= Some(from)));
    }
    rows.retain(|r| {
        read.until
            .is_none_or(|until| r.record.timestamp <= Some(until))
    });
    rows.truncate(read.limit);
    rows
}
