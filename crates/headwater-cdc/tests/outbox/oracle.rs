//! The oracle: sessions write events at random while the process that takes them over is killed at random and the server
//! crashes; afterwards every event of a committed transaction is there once, and those of a key are in their order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use headwater_cdc::outbox::{Outbox, OutboxSettings};
use headwater_cdc::postgres::{Address, Session, Tls};

use super::bench::{catch_up, from_asking, from_log, lines, open, run, with_outbox};
use crate::process::{kill_after, say, told};
use crate::replication::start;

const WRITERS: u64 = 3;
const KEYS: u64 = 5;
const KILLS: usize = 10;
const TOPIC: &str = "outbox.event.order";

/// Xorshift, which a printed seed repeats.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// The process that is killed.
fn child(told: &str) {
    let mut told = told.split('\t');
    let mut next = || told.next().unwrap().to_owned();
    let (dir, port) = (PathBuf::from(next()), next().parse().unwrap());
    let address = Address {
        port,
        host: "127.0.0.1".to_owned(),
        user: next(),
        password: next(),
        database: "postgres".to_owned(),
        tls: Tls::default(),
    };
    take_over(&dir, settings(&address, &next()));
}

/// Takes events over until the process is killed.
pub(super) fn take_over(dir: &Path, settings: OutboxSettings) {
    let log = open(dir);
    let outbox = Outbox::start(&log, settings).unwrap();
    loop {
        std::thread::park_timeout(Duration::from_millis(2));
        if let Some(error) = outbox.failure() {
            panic!("{error}");
        }
        say("takes over");
    }
}

/// What everything random comes from, which is printed.
pub(super) fn seed() -> u64 {
    let seed: u64 = std::env::var("HEADWATER_SEED").map_or_else(
        |_| u64::from(std::process::id()) * 7919,
        |s| s.parse().unwrap(),
    );
    eprintln!("HEADWATER_SEED={seed}");
    seed
}

fn settings(address: &Address, way: &str) -> OutboxSettings {
    let settings = match way {
        "log" => from_log(address),
        _ => from_asking(address),
    };
    OutboxSettings {
        prunes: true,
        ..settings
    }
}

/// Writes transactions until it is told to stop: each takes the lock of a key, counts it up and writes what it counted.
fn write(address: &Address, seed: u64, stop: &AtomicBool) {
    let mut random = Random(seed | 1);
    while !stop.load(Ordering::Relaxed) {
        // The server may have crashed.
        let Ok(mut session) = Session::connect(address) else {
            std::thread::park_timeout(Duration::from_millis(20));
            continue;
        };
        while !stop.load(Ordering::Relaxed) {
            let key = random.below(KEYS);
            let end = match random.below(8) {
                0 => "ROLLBACK",
                1 => {
                    "SAVEPOINT s; INSERT INTO outbox (aggregatetype, aggregateid, type) VALUES ('order', 'x', 'E'); ROLLBACK TO s; COMMIT"
                }
                _ => "COMMIT",
            };
            let count = format!(
                "BEGIN; UPDATE counts SET n = n + 1 WHERE key = {key}; \
                 INSERT INTO outbox (aggregatetype, aggregateid, type, payload) \
                 SELECT 'order', key, 'E', to_jsonb(n) FROM counts WHERE key = {key}; {end}"
            );
            if session.query(&count).is_err() {
                break;
            }
        }
    }
}

/// All counts, each once and in order, as far as the database has counted.
fn check(session: &mut Session, dir: &Path) {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for line in lines(&open(dir), TOPIC) {
        let (key, n) = line.split_once(' ').unwrap();
        let last = seen.entry(key.to_owned()).or_default();
        assert_eq!(n.parse::<u64>().unwrap(), *last + 1, "key {key}");
        *last += 1;
    }
    let counts = session
        .query("SELECT key, n FROM counts WHERE n > 0")
        .unwrap();
    let counts = counts.into_iter().map(|row| {
        let mut row = row.into_iter().flatten();
        (row.next().unwrap(), row.next().unwrap().parse().unwrap())
    });
    let counts: BTreeMap<String, u64> = counts.collect();
    assert!(counts.values().sum::<u64>() > 0);
    assert_eq!(seen, counts);
}

fn oracle(test: &str, way: &str) {
    if let Some(told) = told() {
        return child(&told);
    }
    let Some((server, address)) = start() else {
        return;
    };
    let seed = seed();
    let mut session = with_outbox(&address);
    run(
        &mut session,
        "CREATE TABLE counts (key bigint PRIMARY KEY, n bigint)",
    );
    run(
        &mut session,
        &format!(
            "INSERT INTO counts SELECT n, 0 FROM generate_series(0, {}) n",
            KEYS - 1
        ),
    );
    let dir = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    let told = format!(
        "{}\t{}\t{}\t{}\t{way}",
        dir.path().display(),
        address.port,
        address.user,
        address.password
    );
    let mut random = Random(seed | 1);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (address, stop) = (&address, &stop);
            scope.spawn(move || write(address, seed.wrapping_mul(31) + writer * 977, stop));
        }
        for kill in 0..KILLS {
            if kill % 4 == 3 {
                server.crash();
                server.resume();
            }
            kill_after(test, &told, 1 + random.below(300) as usize);
        }
        stop.store(true, Ordering::Relaxed);
    });
    catch_up(&open(dir.path()), &settings(&address, way));
    let mut session = Session::connect(&address).unwrap();
    check(&mut session, dir.path());
}

#[test]
fn from_the_log_nothing_is_lost_or_doubled_whoever_is_killed() {
    oracle(
        "outbox::oracle::from_the_log_nothing_is_lost_or_doubled_whoever_is_killed",
        "log",
    );
}

#[test]
fn by_asking_nothing_is_lost_or_doubled_whoever_is_killed() {
    oracle(
        "outbox::oracle::by_asking_nothing_is_lost_or_doubled_whoever_is_killed",
        "asking",
    );
}
