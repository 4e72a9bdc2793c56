//! The oracle of the outbox against MariaDB: sessions count under the lock of a key and write what they counted, while the process that
//! takes events over is killed at random and the server crashes; afterwards every count is there once and in order.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use headwater_cdc::mysql::{Address, Session};
use headwater_cdc::outbox::OutboxSettings;

use super::bench::{catch_up, lines, open};
use super::mariadb::{emptied, from_log, run, with_outbox};
use super::oracle::{Random, seed, take_over};
use crate::process::{kill_after, told};

const WRITERS: u64 = 3;
const KEYS: u64 = 5;
const KILLS: usize = 10;
const TOPIC: &str = "outbox.event.order";

fn settings(address: &Address, way: &str) -> OutboxSettings {
    let settings = match way {
        "log" => from_log(address),
        _ => emptied(address),
    };
    OutboxSettings {
        prunes: true,
        ..settings
    }
}

/// The process that is killed.
fn child(told: &str) {
    let mut told = told.split('\t');
    let mut next = || told.next().unwrap().to_owned();
    let (dir, port) = (PathBuf::from(next()), next().parse().unwrap());
    let address = Address {
        host: "127.0.0.1".to_owned(),
        port,
        user: next(),
        password: next(),
        database: String::new(),
        tls: Default::default(),
    };
    take_over(&dir, settings(&address, &next()));
}

/// Writes transactions until it is told to stop.
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
            let end: &[&str] = match random.below(8) {
                0 => &["ROLLBACK"],
                1 => &[
                    "SAVEPOINT s",
                    "INSERT INTO shop.outbox (aggregatetype, aggregateid, type) VALUES ('order', 'x', 'E')",
                    "ROLLBACK TO s",
                    "COMMIT",
                ],
                _ => &["COMMIT"],
            };
            let count = [
                "BEGIN".to_owned(),
                format!("UPDATE shop.counts SET n = n + 1 WHERE k = {key}"),
                format!(
                    "INSERT INTO shop.outbox (aggregatetype, aggregateid, type, payload) \
                     SELECT 'order', k, 'E', n FROM shop.counts WHERE k = {key}"
                ),
            ];
            let count = count.iter().map(String::as_str);
            let mut all = count.chain(end.iter().copied());
            if all.any(|sql| session.execute(sql).is_err()) {
                break;
            }
        }
    }
}

fn oracle(test: &str, way: &str) {
    if let Some(told) = told() {
        return child(&told);
    }
    let Some((server, mut session)) = with_outbox() else {
        return;
    };
    let seed = seed();
    run(
        &mut session,
        &[
            "CREATE TABLE counts (k BIGINT PRIMARY KEY, n BIGINT)",
            &format!(
                "INSERT INTO counts SELECT seq, 0 FROM seq_0_to_{}",
                KEYS - 1
            ),
        ],
    );
    let (address, dir) = (server.address(), tempfile::tempdir().unwrap());
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
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for line in lines(&open(dir.path()), TOPIC) {
        let (key, n) = line.split_once(' ').unwrap();
        let last = seen.entry(key.to_owned()).or_default();
        assert_eq!(n.parse::<u64>().unwrap(), *last + 1, "key {key}");
        *last += 1;
    }
    let mut session = server.session("shop");
    let rows = session
        .query("SELECT k, n FROM counts WHERE n > 0")
        .unwrap();
    let counts = rows.into_iter().map(|row| {
        let mut row = row.into_iter().flatten();
        (row.next().unwrap(), row.next().unwrap().parse().unwrap())
    });
    let counts: BTreeMap<String, u64> = counts.collect();
    assert!(counts.values().sum::<u64>() > 0);
    assert_eq!(seen, counts);
}

#[test]
fn from_the_binary_log_nothing_is_lost_or_doubled_whoever_is_killed() {
    oracle(
        "outbox::mariadb_oracle::from_the_binary_log_nothing_is_lost_or_doubled_whoever_is_killed",
        "log",
    );
}

#[test]
fn emptied_nothing_is_lost_or_doubled_whoever_is_killed() {
    oracle(
        "outbox::mariadb_oracle::emptied_nothing_is_lost_or_doubled_whoever_is_killed",
        "emptied",
    );
}
