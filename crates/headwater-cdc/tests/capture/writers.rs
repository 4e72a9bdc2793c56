//! The sessions of the oracle: what they write at random.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use headwater_cdc::postgres::{Address, Session};

use super::bench::run;
use crate::oracle::Random;

/// What a session takes between two transactions, so that who captures keeps up.
const PACE: Duration = Duration::from_millis(60);
/// Sessions there are at most.
pub(super) const WRITERS_MAX: u64 = 16;

pub(super) fn create(session: &mut Session) {
    for sql in [
        "CREATE TABLE ledger (id bigint, part int, parts int, PRIMARY KEY (id, part))",
        "CREATE TABLE docs (id int PRIMARY KEY, n int, body text)",
        "ALTER TABLE docs ALTER body SET STORAGE EXTERNAL",
        "INSERT INTO docs SELECT n, 0, repeat('x', 2500) || n FROM generate_series(1, 2000) n",
        "CREATE TABLE pairs (a text, b int, n int, PRIMARY KEY (b, a))",
        "ALTER TABLE pairs REPLICA IDENTITY FULL",
        "INSERT INTO pairs SELECT 'k' || n % 7, n, n FROM generate_series(1, 3000) n",
        "CREATE TABLE emptied (id int PRIMARY KEY, n int)",
        "INSERT INTO emptied SELECT n, n FROM generate_series(1, 2000) n",
        "CREATE TABLE late (id int PRIMARY KEY, n int)",
        "INSERT INTO late SELECT n, n FROM generate_series(1, 4000) n",
        "CREATE TABLE rekeyed (id int PRIMARY KEY, other int NOT NULL, n int)",
        "CREATE UNIQUE INDEX ON rekeyed (id); CREATE UNIQUE INDEX ON rekeyed (other)",
        "INSERT INTO rekeyed SELECT n, n + 10000, n FROM generate_series(1, 500) n",
        "CREATE TABLE altered (id bigint PRIMARY KEY, n int, kept text)",
        "INSERT INTO altered SELECT n, n, 'k' || n FROM generate_series(1, 800) n",
        "CREATE TABLE people (id int PRIMARY KEY, n int, name text, phone text, secret text)",
        "ALTER TABLE people REPLICA IDENTITY FULL, ALTER phone SET STORAGE EXTERNAL, ALTER secret SET STORAGE EXTERNAL",
        "INSERT INTO people SELECT n, n % 5 - 2, 'name ' || n, repeat('5', 2500) || n, repeat('s', 2500) FROM generate_series(1, 600) n",
        "CREATE TABLE counter (n bigint); INSERT INTO counter VALUES (0)",
        "CREATE TABLE ordered (n bigint PRIMARY KEY)",
    ] {
        run(session, sql);
    }
}

/// What a transaction does besides writing its parts into the ledger.
fn statement(random: &mut Random) -> String {
    let id = random.below(2400);
    let other = random.below(2400);
    let n = random.below(1 << 30);
    match random.below(100) {
        0..25 => format!("UPDATE docs SET n = {n} WHERE id = {id}"),
        25..35 => format!(
            "UPDATE docs SET id = {other} WHERE id = {id} AND NOT EXISTS (SELECT 1 FROM docs WHERE id = {other})"
        ),
        35..45 => format!(
            "INSERT INTO docs VALUES ({id}, {n}, repeat('y', 2500) || {n}) ON CONFLICT (id) DO UPDATE SET body = excluded.body"
        ),
        45..53 => format!("DELETE FROM docs WHERE id = {id}"),
        53..63 => format!("UPDATE pairs SET n = {n} WHERE b = {id}"),
        63..69 => format!("UPDATE pairs SET a = 'm' || {n} WHERE b = {id}"),
        69..75 => format!("DELETE FROM pairs WHERE b = {id}"),
        75..83 => format!(
            "INSERT INTO emptied VALUES ({id}, {n}) ON CONFLICT (id) DO UPDATE SET n = excluded.n"
        ),
        83..84 => "TRUNCATE emptied".to_owned(),
        84..86 => format!("UPDATE rekeyed SET n = {n} WHERE id % 50 = {}", id % 50),
        86..87 => format!("UPDATE rekeyed SET id = id + 3000 WHERE id = {id}"),
        88..89 => format!("DELETE FROM rekeyed WHERE other % 100 = {}", id % 100),
        87..88 => {
            format!("INSERT INTO rekeyed VALUES ({id}, {id} + 20000, {n}) ON CONFLICT DO NOTHING")
        }
        89..90 => copy(random),
        // Sent while it runs; rarely, so that the stream keeps up.
        90..91 if n.is_multiple_of(5) => format!(
            "UPDATE docs SET body = repeat('z', 2500) || {n} WHERE id % 60 = {}; SAVEPOINT s; \
             DELETE FROM docs WHERE id % 30 = {}; ROLLBACK TO s; UPDATE docs SET n = {n} WHERE id % 60 = {}",
            id % 60,
            other % 30,
            other % 60
        ),
        91..93 => people(random),
        93..94 => format!(
            "UPDATE altered SET n = {n} % 1000 WHERE id % 200 = {}",
            id % 200
        ),
        90..95 => format!("UPDATE late SET n = {n} WHERE id % 400 = {}", id % 400),
        95..98 => format!("SAVEPOINT s; DELETE FROM late WHERE id = {id}; ROLLBACK TO s"),
        _ => format!(
            "SAVEPOINT s; INSERT INTO late VALUES (-{n}, 1) ON CONFLICT DO NOTHING; RELEASE s"
        ),
    }
}

/// Rows from a program, as many clients load them.
fn copy(random: &mut Random) -> String {
    let from = 100_000 + random.below(1 << 30) * 8;
    format!(
        "COPY late (id, n) FROM PROGRAM 'seq -f %.0f,1 {from} {}' (FORMAT csv)",
        from + 7
    )
}

/// Rows that come to be captured or cease to, with values that nobody may see.
fn people(random: &mut Random) -> String {
    let (id, n) = (random.below(700), random.below(7));
    match random.below(4) {
        0 => format!("UPDATE people SET n = {n} - 3 WHERE id = {id}"),
        1 => format!("UPDATE people SET phone = repeat('6', 2500) || {n} WHERE id = {id}"),
        2 => format!("DELETE FROM people WHERE id = {id}"),
        _ => format!(
            "INSERT INTO people VALUES ({id}, {n} - 3, 'new {n}', repeat('7', 2500), repeat('s', 2500)) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name"
        ),
    }
}

/// A transaction, and how it ends.
fn transaction(random: &mut Random, id: u64) -> [String; 2] {
    let parts = 1 + random.below(4);
    let mut sql = String::from("BEGIN");
    for part in 0..parts {
        sql += &format!(
            "; INSERT INTO ledger VALUES ({id}, {part}, {parts}); {}",
            statement(random)
        );
    }
    let prepare = format!("; PREPARE TRANSACTION 'p{id}'");
    match random.below(20) {
        0..2 => [sql, "ROLLBACK".to_owned()],
        2 => [sql + &prepare, format!("COMMIT PREPARED 'p{id}'")],
        3 => [sql + &prepare, format!("ROLLBACK PREPARED 'p{id}'")],
        // Whoever counts holds the counter until it ends: the counts are in the order of commits.
        4..9 => [
            sql + "; UPDATE counter SET n = n + 1; INSERT INTO ordered SELECT n FROM counter",
            "COMMIT".to_owned(),
        ],
        _ => [sql, "COMMIT".to_owned()],
    }
}

/// Writes until it is told to stop; a failed statement rolls its transaction back, a server that is away is waited for.
pub(super) fn write(
    address: &Address,
    (seed, writer): (u64, u64),
    stop: &AtomicBool,
    done: &AtomicU32,
) {
    let mut random = Random(seed.wrapping_mul(writer + 1) | 1);
    let mut id = writer;
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut session) = Session::connect(address) else {
            std::thread::park_timeout(Duration::from_millis(20));
            continue;
        };
        // What a crash left prepared keeps its locks until it is ended; who waits for them must see that it is to stop.
        if session.query("SET lock_timeout = '2s'").is_err() {
            continue;
        }
        while !stop.load(Ordering::Relaxed) {
            id += WRITERS_MAX;
            let [sql, end] = transaction(&mut random, id);
            let written = session.query(&sql).and_then(|_| session.query(&end));
            if written.is_err() && session.query("ROLLBACK").is_err() {
                break;
            }
            done.fetch_add(u32::from(written.is_ok()), Ordering::Relaxed);
            std::thread::park_timeout(PACE);
        }
    }
}

/// Ends the transactions that a crash has left prepared, one way or the other.
pub(super) fn finish_prepared(session: &mut Session) {
    let sql = "SELECT gid FROM pg_prepared_xacts";
    let left = session.query(sql).unwrap().into_iter().flatten().flatten();
    for (at, gid) in left.enumerate() {
        let end = ["COMMIT", "ROLLBACK"][at % 2];
        // Its own session may do it too.
        drop(session.query(&format!("{end} PREPARED '{gid}'")));
    }
}
