//! A topic with a key index against a plain list of what was appended: random appends, conditions, compactions,
//! retention, trims, pins, restarts and kills.

use std::sync::Arc;

use bytes::Bytes;
use headwater_log::{
    Cleanup, Clock, Codec, Commit, Condition, ConflictDetail, ErrorKind, Log, ManualClock, MemDisk,
    Offset, Query, QueryItem, Receipt, Record, Result, Timestamp, TopicConfig, TopicPartition,
    Version,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::{Seed, commit_keyed, small};

mod arbitrary;
mod reads;

const TOPIC: &str = "events";
/// More records than fit into an open segment of 4 KiB.
const OPEN_RECORDS_MAX: usize = 80;

#[derive(Debug, Clone, PartialEq)]
struct Row {
    offset: u64,
    commit: u64,
    version: Option<u64>,
    record: Record,
}

impl Row {
    fn has(&self, header: &str, value: &str) -> bool {
        let headers = self.record.headers.iter();
        headers
            .filter(|h| h.key == header)
            .any(|h| h.value.as_deref() == Some(value.as_bytes()))
    }

    fn matches(&self, query: &Query) -> bool {
        let item = |i: &QueryItem| {
            (i.types.is_empty() || i.types.iter().any(|t| self.has("type", t)))
                && i.tags.iter().all(|t| self.has("tag", t))
        };
        query.items.iter().any(item)
    }
}

struct World {
    disk: Arc<MemDisk>,
    clock: Arc<ManualClock>,
    log: Option<Log>,
    of: TopicPartition,
    config: TopicConfig,
    /// Everything that is in the partition, as far as the model knows.
    rows: Vec<Row>,
    end: u64,
    pin: Option<u64>,
}

impl World {
    fn new(rng: &mut StdRng) -> Self {
        let disk = Arc::new(MemDisk::new());
        let clock = Arc::new(ManualClock::new(Timestamp(1_000_000)));
        let config = TopicConfig {
            key_index: true,
            segment_bytes: 4 << 10,
            compression: Codec::ALL[rng.random_range(0..Codec::ALL.len())],
            cleanup: Cleanup {
                compact: rng.random_bool(0.7),
                retention_bytes: rng.random_bool(0.3).then_some(20 << 10),
                retention_ms: rng.random_bool(0.3).then_some(50_000),
                delete_retention_ms: 5_000,
            },
            ..TopicConfig::default()
        };
        let mut world = Self {
            disk,
            clock,
            log: None,
            of: TopicPartition::new(TOPIC, 0),
            config,
            rows: Vec::new(),
            end: 0,
            pin: None,
        };
        world.open();
        world
            .log()
            .create_topic(TOPIC, world.config.clone())
            .unwrap();
        world
    }

    fn open(&mut self) {
        let mut options = small();
        options.threads = false;
        let log = Log::open(self.disk.clone(), self.clock.clone(), options);
        self.log = Some(log.unwrap());
    }

    fn log(&self) -> &Log {
        self.log.as_ref().unwrap()
    }

    fn start(&self) -> u64 {
        self.log().bounds(&self.of).unwrap().start.0
    }

    /// The version of a key by the model.
    fn version(&self, key: &Bytes) -> Option<u64> {
        let newest = self
            .rows
            .iter()
            .rfind(|r| r.record.key.as_ref() == Some(key));
        newest.and_then(|row| row.version)
    }

    fn append(&mut self, rng: &mut StdRng) {
        let count = rng.random_range(1..12);
        let mut records: Vec<Record> = (0..count).map(|_| self.arb_record(rng)).collect();
        let (condition, holds) = self.arb_condition(rng);
        let committed = match rng.random_bool(0.5) {
            true => self.commit(&records, condition.clone()),
            false => {
                let now = self.clock.now();
                commit_keyed(self.log(), TOPIC, now, &mut records, condition.as_ref())
            }
        };
        match committed {
            Ok(receipt) => {
                assert!(
                    holds,
                    "{condition:?} does not hold, but the commit happened"
                );
                assert_eq!(receipt.offsets, [Offset(self.end)]);
                self.note(records, receipt.number.0);
                let new = &self.rows[self.rows.len() - count..];
                let runs = new.chunk_by(|a, b| a.record.key == b.record.key);
                let last = runs.filter_map(|run| run.last()?.version);
                assert_eq!(receipt.versions, last.map(Version).collect::<Vec<_>>());
            }
            Err(error) => {
                assert!(!holds, "{condition:?} holds, but {error}");
                assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
                self.check_detail(error.conflict().unwrap());
            }
        }
    }

    fn commit(&self, records: &[Record], condition: Option<Condition>) -> Result<Receipt> {
        let mut commit = Commit::new().append(self.of.clone(), records.to_vec());
        commit.conditions.extend(condition);
        self.log().commit(commit)
    }

    fn note(&mut self, records: Vec<Record>, commit: u64) {
        for record in records {
            let version = record
                .key
                .as_ref()
                .map(|k| self.version(k).map_or(0, |v| v + 1));
            let offset = self.end;
            self.rows.push(Row {
                offset,
                commit,
                version,
                record,
            });
            self.end += 1;
        }
    }

    fn check_detail(&self, detail: &ConflictDetail) {
        match detail {
            ConflictDetail::Version { key, actual, .. } => {
                assert_eq!(actual.map(|v| v.0), self.version(key));
            }
            ConflictDetail::NoneSince { found, .. } => {
                assert!(found.0 < self.end);
            }
            other => panic!("no such condition was set: {other:?}"),
        }
    }

    /// Everything that is really there.
    fn scan(&self) -> Vec<(u64, u64, Record)> {
        let bounds = self.log().bounds(&self.of).unwrap();
        assert_eq!(bounds.end.0, self.end);
        let (mut at, mut found) = (bounds.start, Vec::new());
        while at < bounds.end {
            let fetched = self.log().fetch(&self.of, at, 3_000).unwrap();
            for (batch, commit) in fetched.batches.iter().zip(&fetched.commits) {
                for record in batch.records() {
                    let (offset, record) = record.unwrap();
                    if offset >= at {
                        found.push((offset.0, commit.0, record));
                    }
                }
            }
            let Some(last) = fetched.batches.last() else {
                break;
            };
            at = last.next_offset();
        }
        found
    }

    /// What is really there is what the model says, unmodified; nothing is missing that must be there.
    fn check_log(&mut self, may_go: impl Fn(&World, &Row) -> bool) {
        let there = self.scan();
        let mut left = Vec::new();
        let mut there = there.iter().peekable();
        for row in &self.rows {
            if there.next_if(|t| t.0 == row.offset).is_some_and(|t| {
                assert_eq!((t.1, &t.2), (row.commit, &row.record), "at {}", row.offset);
                true
            }) {
                left.push(row.clone());
            } else {
                assert!(may_go(self, row), "{row:?} is missing");
            }
        }
        assert_eq!(there.next(), None, "something came back");
        self.rows = left;
    }

    fn superseded(&self, row: &Row) -> bool {
        let newer = |r: &Row| r.offset > row.offset && r.record.key == row.record.key;
        row.record.key.is_some() && self.rows.iter().any(newer)
    }

    fn clean_up(&mut self) {
        let before = self.start();
        self.log().clean_up().unwrap();
        let start = self.start();
        if start > before
            && let Some(pin) = self.pin
        {
            assert!(start <= pin, "retention went past the pin");
        }
        let compact = self.config.cleanup.compact;
        self.check_log(|world, row| {
            let pinned = world.pin.is_some_and(|pin| row.offset >= pin);
            let gone = row.record.value.is_none() && row.record.key.is_some();
            row.offset < start || compact && !pinned && (world.superseded(row) || gone)
        });
        if compact && self.pin.is_none() {
            let closed = self.rows.len().saturating_sub(OPEN_RECORDS_MAX);
            let twice = self.rows[..closed].iter().find(|r| {
                self.superseded(r) && {
                    let newer = |n: &&Row| n.offset > r.offset && n.record.key == r.record.key;
                    self.rows[..closed].iter().any(|n| newer(&n))
                }
            });
            assert_eq!(twice, None, "compaction left a superseded record");
        }
    }
}

fn run(seed: u64) {
    let _seed = Seed(seed);
    let rng = &mut StdRng::seed_from_u64(seed);
    let mut world = World::new(rng);
    for _ in 0..120 {
        match rng.random_range(0..30) {
            0..18 => world.append(rng),
            18..20 => world.clock.advance(rng.random_range(0..4_000)),
            20..22 => world.log().checkpoint().unwrap(),
            22..24 => world.clean_up(),
            24 => {
                let before = rng.random_range(world.start()..=world.end);
                let start = world.log().trim(&world.of, Offset(before)).unwrap().0;
                assert!(world.pin.is_none_or(|pin| start <= pin.max(world.start())));
            }
            25 => {
                let at = rng.random_range(world.start()..=world.end);
                world.log().pin("reader", &world.of, Offset(at)).unwrap();
                world.pin = Some(at);
            }
            26 => {
                world.log().unpin("reader").unwrap();
                world.pin = None;
            }
            27 => {
                world.log = None;
                world.open();
            }
            _ => {
                // Killed: nothing is written on the way out.
                std::mem::forget(world.log.take());
                world.open();
            }
        }
        let start = world.start();
        world.check_log(|world, row| {
            let compact = world.config.cleanup.compact;
            let gone = row.record.value.is_none() && row.record.key.is_some();
            row.offset < start || compact && (world.superseded(row) || gone)
        });
        world.check_reads(rng);
    }
}

#[test]
fn topic_does_what_a_plain_list_would() {
    let rounds = std::env::var_os("HEADWATER_SOAK").map_or(8, |_| 2_000);
    (0..rounds).for_each(run);
}
