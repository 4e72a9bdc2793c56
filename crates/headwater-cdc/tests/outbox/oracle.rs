//! The oracle: sessions write events at random while the process that takes them over is killed at random and the server
//! crashes; afterwards every event of a committed transaction is there once, and those of a key are in their order.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use headwater_cdc::outbox::{Outbox, OutboxSettings};
use headwater_cdc::postgres::{Address, Session};

use super::bench::{catch_up, from_asking, from_log, lines, open, run, with_outbox};
use crate::faults::{parts, tell};
use crate::oracle::{Random, StopsAtEnd, is_soak, seed};
use crate::process::{kill_after, say, told};
use crate::replication::start;

const WRITERS: u64 = 3;
pub(super) const KEYS: u64 = 5;
const KILLS: usize = 10;
const KILLS_SOAK: usize = 250;
const TOPIC: &str = "outbox.event.order";

/// The process that is killed.
fn child(told: &str) {
    let (dir, url, way) = parts(told);
    take_over(&dir, settings(&url.parse().unwrap(), way));
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

/// What both kinds of servers have in common: writers, each with a seed of its own, and a process that is killed again and again while
/// the server crashes now and then.
pub(super) fn kill_again(
    (test, told): (&str, &str),
    crash: impl Fn(),
    write: impl Fn(u64, &AtomicBool) + Sync,
) {
    let seed = seed();
    let stop = AtomicBool::new(false);
    let mut random = Random(seed | 1);
    let kills = if is_soak() { KILLS_SOAK } else { KILLS };
    std::thread::scope(|scope| {
        let stops = StopsAtEnd(&stop);
        for writer in 0..WRITERS {
            let (write, stop) = (&write, &stop);
            scope.spawn(move || write(seed.wrapping_mul(31) + writer * 977, stop));
        }
        for kill in 0..kills {
            if kill % 4 == 3 {
                crash();
            }
            kill_after(test, told, 1 + random.below(300) as usize);
        }
        drop(stops);
    });
}

/// All counts, each once and in order, as far as the database has counted: its keys and counts.
pub(super) fn check(counts: Vec<Vec<Option<String>>>, dir: &Path) {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for line in lines(&open(dir), TOPIC) {
        let (key, n) = line.split_once(' ').unwrap();
        let last = seen.entry(key.to_owned()).or_default();
        assert_eq!(n.parse::<u64>().unwrap(), *last + 1, "key {key}");
        *last += 1;
    }
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
    let mut session = with_outbox(&address);
    let keys = KEYS - 1;
    for sql in [
        "CREATE TABLE counts (key bigint PRIMARY KEY, n bigint)",
        &format!("INSERT INTO counts SELECT n, 0 FROM generate_series(0, {keys}) n"),
    ] {
        run(&mut session, sql);
    }
    let dir = tempfile::tempdir().unwrap();
    let told = tell(dir.path(), &server.url("postgres"), way);
    let crash = || {
        server.crash();
        server.resume();
    };
    kill_again((test, &told), crash, |seed, stop| {
        write(&address, seed, stop)
    });
    catch_up(&open(dir.path()), &settings(&address, way));
    let mut session = Session::connect(&address).unwrap();
    let counts = session.query("SELECT key, n FROM counts WHERE n > 0");
    check(counts.unwrap(), dir.path());
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
