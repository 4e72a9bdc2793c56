//! The oracle of the outbox against MariaDB and MySQL: sessions count under the lock of a key and write what they counted, while the process that
//! takes events over is killed at random and the server crashes; afterwards every count is there once and in order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use headwater_cdc::mysql::{Address, Session};
use headwater_cdc::outbox::OutboxSettings;

use super::bench::{catch_up, open};
use super::mariadb::{emptied, from_log, run, with_outbox};
use super::oracle::{KEYS, check, kill_again, take_over};
use crate::faults::{parts, tell};
use crate::mysql::numbers;
use crate::oracle::Random;
use crate::process::told;

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
    let (dir, url, way) = parts(told);
    take_over(&dir, settings(&url.parse().unwrap(), way));
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
                     SELECT 'order', k, 'E', CAST(n AS CHAR) FROM shop.counts WHERE k = {key}"
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
    for (server, mut session) in with_outbox() {
        run(
            &mut session,
            &[
                "CREATE TABLE counts (k BIGINT PRIMARY KEY, n BIGINT)",
                &format!(
                    "INSERT INTO counts SELECT seq, 0 FROM {}",
                    numbers(0, KEYS as u32 - 1)
                ),
            ],
        );
        let (address, dir) = (server.address(), tempfile::tempdir().unwrap());
        let Address {
            user,
            password,
            port,
            ..
        } = &address;
        let url = format!("mariadb://{user}:{password}@127.0.0.1:{port}/");
        let told = tell(dir.path(), &url, way);
        let crash = || {
            server.crash();
            server.resume();
        };
        kill_again((test, &told), crash, |seed, stop| {
            write(&address, seed, stop)
        });
        catch_up(&open(dir.path()), &settings(&address, way));
        let counts = server
            .session("shop")
            .query("SELECT k, n FROM counts WHERE n > 0");
        check(counts.unwrap(), dir.path());
    }
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
