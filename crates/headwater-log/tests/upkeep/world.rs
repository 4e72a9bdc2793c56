//! A log whose topics are kept in all ways, and what is known of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use headwater_log::simulation::FaultyDisk;
use headwater_log::{
    Cleanup, Clock, Disk, ErrorKind, Log, ManualClock, Options, Result, Timestamp, TopicConfig,
    TopicPartition, verify,
};
use rand::Rng;
use rand::rngs::StdRng;

use super::asked::Asked;
use super::shelf::Shelf;
use crate::support::small;

pub(super) const KEYS: u32 = 8;
fn options(rng: &mut StdRng) -> Options {
    Options {
        threads: false,
        direct_bytes: 2 << 10,
        flush_bytes: rng.random_range(1..20) << 10,
        checkpoint_bytes: rng.random_range(4..64) << 10,
        compaction_keys_max: rng.random_range(3..20),
        ..small()
    }
}

pub(super) fn kept(key_index: bool, cleanup: Cleanup) -> TopicConfig {
    TopicConfig {
        key_index,
        segment_bytes: 4 << 10,
        cleanup: Cleanup {
            delete_retention_ms: 3_000,
            ..cleanup
        },
        ..TopicConfig::default()
    }
}

/// Topics by all ways of keeping them.
fn topics() -> Vec<(&'static str, TopicConfig)> {
    let compact = || Cleanup {
        compact: true,
        ..Cleanup::default()
    };
    let bytes = || Cleanup {
        retention_bytes: Some(12 << 10),
        ..Cleanup::default()
    };
    let time = Cleanup {
        retention_ms: Some(10_000),
        ..Cleanup::default()
    };
    let two = TopicConfig {
        partitions: 2,
        ..kept(false, compact())
    };
    vec![
        ("table", kept(true, compact())),
        ("changelog", two),
        ("newest", kept(true, bytes())),
        ("recent", kept(false, time)),
        ("events", kept(true, Cleanup::default())),
    ]
}

/// A log on a disk, with all that is known of it.
pub(super) struct World {
    pub(super) disk: FaultyDisk,
    pub(super) clock: Arc<ManualClock>,
    pub(super) log: Option<Log>,
    pub(super) shelves: Vec<Shelf>,
    pub(super) asked: u64,
    /// Commits of which it is not known whether they happened.
    pub(super) unknown: Vec<Asked>,
    /// Topics of which it is not known whether they are there.
    pub(super) passing: BTreeSet<String>,
    pub(super) position: Option<Bytes>,
    /// A pin of which it is not known whether it holds: topic and what was wished.
    pub(super) pinning: Option<(TopicPartition, Option<u64>)>,
    /// Checkpoints when it was last looked at: nothing goes but behind one.
    pub(super) looked: u64,
}

impl World {
    pub(super) fn new(seed: u64, rng: &mut StdRng) -> Self {
        let mut world = Self {
            disk: FaultyDisk::new(seed),
            clock: Arc::new(ManualClock::new(Timestamp(1_000_000))),
            log: None,
            shelves: Vec::new(),
            asked: 0,
            unknown: Vec::new(),
            passing: BTreeSet::new(),
            position: None,
            pinning: None,
            looked: 0,
        };
        world.open(rng).unwrap();
        for (name, config) in topics() {
            world.log().create_topic(name, config.clone()).unwrap();
            world.add_shelves(name, &config);
        }
        world
    }

    /// One that has been played with.
    pub(super) fn played(seed: u64, rng: &mut StdRng, steps: usize) -> Self {
        let mut world = Self::new(seed, rng);
        (0..steps).for_each(|_| world.step(rng));
        world
    }

    pub(super) fn add_shelves(&mut self, name: &str, config: &TopicConfig) {
        let of = |p| TopicPartition::new(name, p);
        let shelves = (0..config.partitions).map(|p| Shelf::new(of(p), config));
        self.shelves.extend(shelves);
    }

    pub(super) fn open(&mut self, rng: &mut StdRng) -> Result<()> {
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        self.log = Some(Log::open(disk, self.clock.clone(), options(rng))?);
        self.looked = u64::MAX;
        Ok(())
    }

    pub(super) fn log(&self) -> &Log {
        self.log.as_ref().unwrap()
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.now().0
    }

    /// Whether nothing can be done with the log any more.
    pub(super) fn is_over(&self) -> bool {
        self.disk.is_off() || !self.unknown.is_empty() || self.pinning.is_some()
    }

    pub(super) fn advance(&self, ms: i64) {
        self.clock.advance(ms);
    }

    /// Closes the log, if the disk lets it.
    pub(super) fn close(&mut self) {
        self.log = None;
    }

    /// Something that is done to a log.
    pub(super) fn step(&mut self, rng: &mut StdRng) {
        match rng.random_range(0..40) {
            0..14 => self.commit_together(rng),
            14..26 => self.commit_if(rng),
            26..29 => self.clock.advance(rng.random_range(0..2_000)),
            29 => self.tolerate(Log::checkpoint),
            30 => self.tolerate(Log::clean_up),
            31 => self.trim(rng),
            32 => self.pin(rng),
            33..35 => self.unpin(),
            35 => self.create(rng),
            36 => self.delete(rng),
            37 if !self.is_over() => {
                drop(self.log.take());
                let is_open = !self.disk.is_off() && self.open(rng).is_ok();
                if !is_open && !self.disk.is_off() {
                    self.open(rng).unwrap(); // what failed once may succeed
                }
            }
            _ => self.read(),
        }
    }

    /// A full disk or one without power is no reason to fail.
    pub(super) fn tolerate(&mut self, duty: impl Fn(&Log) -> Result<()>) {
        if let Err(e) = duty(self.log()) {
            let fails = [ErrorKind::Unavailable, ErrorKind::Closed];
            assert!(fails.contains(&e.kind()), "{e}");
        }
    }

    pub(super) fn look_if_due(&mut self) {
        if self.looked != self.log().stats().checkpoints {
            self.look();
        }
    }

    /// Looks at everything.
    pub(super) fn look(&mut self) {
        if self.disk.is_off() {
            return;
        }
        let now = self.now();
        let log = self.log.as_ref().unwrap();
        self.looked = log.stats().checkpoints;
        self.shelves.iter_mut().for_each(|s| s.look(log, now));
    }

    /// The power goes, and comes back: what is there must be sound and explained.
    pub(super) fn crash(&mut self, rng: &mut StdRng) {
        let crashed = self.disk.crash();
        drop(self.log.take());
        self.disk = crashed;
        self.verify();
        self.open(rng).unwrap();
        self.explain();
        self.read();
        self.verify();
    }

    /// Nothing is wrong in the directory.
    pub(super) fn verify(&self) {
        let report = verify(Arc::new(self.disk.clone())).unwrap();
        assert_eq!(report.findings, []);
        if let Some(log) = &self.log {
            assert_eq!(report.last_commit, log.last_commit().0);
        }
    }
}

pub(super) fn arb_key(key: u32) -> Bytes {
    format!("k{key}").into()
}
