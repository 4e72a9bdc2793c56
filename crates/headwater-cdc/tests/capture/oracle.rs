//! The oracle: several sessions write at random while the capturing process is killed at random and the server crashes;
//! afterwards the topics add up to the tables, and every transaction is there once and whole.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use headwater_cdc::Capture;
use headwater_cdc::postgres::{Address, Session, Settings, Tls};
use headwater_log::Log;

use super::bench::{LONG, catch_up, content, fold, memory, open, records, run, settings};
use crate::oracle::{Random, StopsAtEnd, check_ledger, check_same, seed};
use crate::process::{kill_after, say, told};
use crate::replication::start;

const TEST: &str = "capture::oracle::nothing_is_lost_or_doubled_whoever_is_killed";
const TABLES: [&str; 6] = ["ledger", "docs", "pairs", "emptied", "late", "rekeyed"];
const WRITERS: u64 = 4;
const KILLS: usize = 10;

fn of_all(address: &Address) -> Settings {
    Settings {
        range_blocks: 3,
        ..settings(address, &TABLES)
    }
}

/// The process that is killed: it captures, and says so again and again.
fn child(told: &str) {
    let mut told = told.split('\t');
    let mut next = || told.next().unwrap();
    let (dir, port) = (PathBuf::from(next()), next().parse().unwrap());
    let address = Address {
        port,
        host: "127.0.0.1".to_owned(),
        user: next().to_owned(),
        password: next().to_owned(),
        database: "postgres".to_owned(),
        tls: Tls::default(),
    };
    let log = open(&dir);
    let capture = Capture::start(&log, of_all(&address)).unwrap();
    loop {
        std::thread::park_timeout(Duration::from_millis(2));
        if let Some(error) = capture.failure() {
            panic!("{error}");
        }
        say("captures");
    }
}

fn create(session: &mut Session) {
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
        86..88 => format!("UPDATE rekeyed SET id = id + 3000 WHERE id = {id}"),
        88..89 => format!("DELETE FROM rekeyed WHERE other % 100 = {}", id % 100),
        89..90 => {
            format!("INSERT INTO rekeyed VALUES ({id}, {id} + 20000, {n}) ON CONFLICT DO NOTHING")
        }
        // Sent while it runs; rarely, so that the stream keeps up.
        90..91 if n.is_multiple_of(5) => format!(
            "UPDATE docs SET body = repeat('z', 2500) || {n} WHERE id % 60 = {}; SAVEPOINT s; \
             DELETE FROM docs WHERE id % 30 = {}; ROLLBACK TO s; UPDATE docs SET n = {n} WHERE id % 60 = {}",
            id % 60,
            other % 30,
            other % 60
        ),
        90..94 => format!("UPDATE late SET n = {n} WHERE id % 400 = {}", id % 400),
        94..97 => format!("SAVEPOINT s; DELETE FROM late WHERE id = {id}; ROLLBACK TO s"),
        _ => format!(
            "SAVEPOINT s; INSERT INTO late VALUES (-{n}, 1) ON CONFLICT DO NOTHING; RELEASE s"
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
        _ => [sql, "COMMIT".to_owned()],
    }
}

/// Writes until it is told to stop; a failed statement rolls its transaction back, a server that is away is waited for.
fn write(address: &Address, seed: u64, writer: u64, stop: &AtomicBool, done: &AtomicU32) {
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
            id += WRITERS;
            let [sql, end] = transaction(&mut random, id);
            let written = session.query(&sql).and_then(|_| session.query(&end));
            if written.is_err() && session.query("ROLLBACK").is_err() {
                break;
            }
            done.fetch_add(u32::from(written.is_ok()), Ordering::Relaxed);
        }
    }
}

/// Ends the transactions that a crash has left prepared, one way or the other.
fn finish_prepared(session: &mut Session) {
    let sql = "SELECT gid FROM pg_prepared_xacts";
    let left = session.query(sql).unwrap().into_iter().flatten().flatten();
    for (at, gid) in left.enumerate() {
        let end = ["COMMIT", "ROLLBACK"][at % 2];
        // Its own session may do it too.
        drop(session.query(&format!("{end} PREPARED '{gid}'")));
    }
}

/// Makes rows of a table be identified by another of its columns.
fn rekey(address: &Address, by: &str) {
    let mut session = Session::connect(address).unwrap();
    finish_prepared(&mut session);
    let sql = format!("ALTER TABLE rekeyed DROP CONSTRAINT rekeyed_pkey, ADD PRIMARY KEY ({by})");
    // Writers may be in its way: then one of them ends.
    while let Err(error) = session.query(&sql) {
        assert!(error.message().contains("deadlock"), "{error}");
    }
}

/// The column that identifies its rows.
fn rekeyed_by(session: &mut Session) -> String {
    let sql = "SELECT attname FROM pg_attribute WHERE attrelid = 'rekeyed_pkey'::regclass";
    session.value(sql).unwrap().unwrap()
}

/// The topics add up to the tables.
fn check_tables(log: &Log, session: &mut Session) {
    let by = rekeyed_by(session);
    let keys: [&[&str]; 6] = [
        &["id", "part"],
        &["id"],
        &["b", "a"],
        &["id"],
        &["id"],
        &[&by],
    ];
    for (name, key) in TABLES.iter().zip(keys) {
        let (got, want) = (fold(log, name), content(session, name, key));
        check_same(name, &got, &want);
    }
}

/// Writers go on only as long as tables are read, so that no later change hides what was put in wrongly.
#[test]
fn a_backfill_beside_writers_is_what_the_tables_are() {
    let Some((_server, address)) = start() else {
        return;
    };
    let seed = seed();
    let mut session = Session::connect(&address).unwrap();
    create(&mut session);
    for round in 0..3 {
        let log = memory();
        let settings = Settings {
            slot: format!("round_{round}"),
            publication: format!("round_{round}"),
            range_blocks: 1 + round * 20,
            ..of_all(&address)
        };
        let (stop, done) = (AtomicBool::new(false), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for writer in 0..2 {
                let (address, stop, done) = (&address, &stop, &done);
                let writer = writer + u64::from(round + 1) * 1_000_000_000;
                scope.spawn(move || write(address, seed, writer, stop, done));
            }
            let end = address.log_end().unwrap();
            let capture = Capture::start(&log, settings.clone()).unwrap();
            let reached = capture.wait_for(&end, LONG);
            stop.store(true, Ordering::Relaxed);
            assert!(reached.unwrap(), "{:?}", capture.status());
        });
        catch_up(&log, &settings);
        check_tables(&log, &mut session);
        assert!(done.load(Ordering::Relaxed) > 0);
    }
}

#[test]
fn nothing_is_lost_or_doubled_whoever_is_killed() {
    if let Some(told) = told() {
        return child(&told);
    }
    let Some((server, address)) = start() else {
        return;
    };
    let seed = seed();
    let mut random = Random(seed | 1);
    let mut session = Session::connect(&address).unwrap();
    create(&mut session);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    // The ledger has been read when the writing begins, so that each of its rows comes from the stream alone.
    catch_up(&open(dir), &settings(&address, &TABLES[..1]));
    let (stop, done) = (AtomicBool::new(false), AtomicU32::new(0));
    let told = [
        &dir.display().to_string(),
        &address.port.to_string(),
        &address.user,
        &address.password,
    ];
    let told = told.map(String::as_str).join("\t");
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (address, stop, done) = (&address, &stop, &done);
            scope.spawn(move || write(address, seed, writer, stop, done));
        }
        let stops = StopsAtEnd(&stop);
        for kill in 0..KILLS {
            if kill % 4 == 2 {
                server.crash();
                server.resume();
            }
            rekey(&address, ["other", "id"][kill % 2]);
            let lines = 1 + random.below(250) as usize;
            let said = kill_after(TEST, &told, lines);
            assert!(said.len() >= lines, "it ended by itself");
        }
        drop(stops);
    });
    let mut session = Session::connect(&address).unwrap();
    finish_prepared(&mut session);
    {
        let log = open(dir);
        catch_up(&log, &of_all(&address));
        check_tables(&log, &mut session);
    }
    let (transactions, has_gone) = check_ledger(records(&open(dir), "ledger"));
    assert!(!has_gone, "a row of the ledger is gone");
    let done = done.load(Ordering::Relaxed);
    eprintln!("{transactions} transactions of {done} that were written or rolled back");
    assert!(transactions > 100, "{transactions} transactions");
}
