//! Captures of tables into topics: what the topics add up to is what the tables are, whoever is killed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use headwater_cdc::mysql::{Address, Session, Settings, TableName};
use headwater_cdc::{Capture, Error, ErrorKind, OnLoss};
use headwater_log::{Log, ManualClock, Offset, Options, Timestamp, TopicPartition};
use serde_json::Value;

use super::server::Server;
use crate::process::{kill_after, say, told};

const LONG: Duration = Duration::from_secs(120);
const TEST: &str = "mysql::captures::nothing_is_lost_or_doubled_whoever_is_killed";
const TABLES: [&str; 3] = ["ledger", "pairs", "emptied"];
const WRITERS: u64 = 4;
const KILLS: usize = 8;

fn open(dir: &Path) -> Log {
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    Log::open_dir(dir, clock, Options::default()).unwrap()
}

fn memory() -> Log {
    Log::memory(Arc::new(ManualClock::new(Timestamp(0))))
}

fn settings(address: &Address, tables: &[&str]) -> Settings {
    let new = Settings::new(address.clone(), "headwater");
    let new = Settings {
        range_rows: 100,
        ..new
    };
    tables
        .iter()
        .fold(new, |all, name| all.table(TableName::new("shop", *name)))
}

fn catch_up(log: &Log, settings: &Settings) {
    let end = settings.address.log_end().unwrap();
    let capture = Capture::start(log, settings.clone()).unwrap();
    assert!(
        capture.wait_for(&end, LONG).unwrap(),
        "{:?}",
        capture.status()
    );
    capture.stop();
}

fn failure(log: &Log, settings: &Settings) -> Error {
    let capture = Capture::start(log, settings.clone()).unwrap();
    let until = Instant::now() + LONG;
    loop {
        if let Some(error) = capture.failure() {
            return error;
        }
        assert!(Instant::now() < until, "{:?}", capture.status());
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// The commit, the key and the value of each record.
fn records(log: &Log, name: &str) -> Vec<(u64, String, Option<String>)> {
    let of = TopicPartition::new(format!("shop.{name}"), 0);
    let (mut all, mut next) = (Vec::new(), log.bounds(&of).unwrap().start);
    loop {
        let fetched = log.fetch(&of, next, 1 << 20).unwrap();
        let Some(last) = fetched.batches.last() else {
            return all;
        };
        next = Offset(last.next_offset().0);
        for (batch, commit) in fetched.batches.iter().zip(&fetched.commits) {
            let text = |b: &[u8]| String::from_utf8(b.to_vec()).unwrap();
            batch
                .for_each(|r| all.push((commit.0, text(r.key.unwrap()), r.value.map(text))))
                .unwrap();
        }
    }
}

fn fold(log: &Log, name: &str) -> BTreeMap<String, Value> {
    let mut rows = BTreeMap::new();
    for (_, key, value) in records(log, name) {
        match value {
            Some(value) => rows.insert(key, serde_json::from_str(&value).unwrap()),
            None => rows.remove(&key),
        };
    }
    rows
}

/// What a table of whole numbers is.
fn content(
    session: &mut Session,
    name: &str,
    columns: &[&str],
    key: &[&str],
) -> BTreeMap<String, Value> {
    let sql = format!("SELECT {} FROM shop.{name}", columns.join(", "));
    let rows = session.query(&sql).unwrap();
    let row = |cells: Vec<Option<String>>| {
        let number = |cell: Option<String>| cell.map_or(Value::Null, |c| c.parse().unwrap());
        let values = cells.into_iter().map(number);
        let names = columns.iter().map(|c| (*c).to_owned());
        let row: Value = Value::Object(names.zip(values).collect());
        let members: Vec<String> = key.iter().map(|k| format!("\"{k}\":{}", row[k])).collect();
        (format!("{{{}}}", members.join(",")), row)
    };
    rows.into_iter().map(row).collect()
}

fn run(session: &mut Session, statements: &[&str]) {
    for sql in statements {
        session.execute(sql).unwrap();
    }
}

#[test]
fn a_topic_is_what_was_there_and_what_was_done() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let mut session = server.session("shop");
    run(
        &mut session,
        &[
            "CREATE TABLE orders (id BIGINT PRIMARY KEY, amount DECIMAL(10,2), note TEXT, at TIMESTAMP(3) NULL, raw BLOB)",
            "INSERT INTO orders SELECT seq, seq * 1.5, 'it\"s', '2026-01-01 00:00:00.5', x'00ff' FROM seq_1_to_1000",
        ],
    );
    let settings = settings(&server.address(), &["orders"]);
    let log = memory();
    catch_up(&log, &settings);
    let all = records(&log, "orders");
    assert_eq!(all.len(), 1000);
    let want = "{\"id\":1,\"amount\":1.50,\"note\":\"it\\\"s\",\"at\":\"2026-01-01 00:00:00.500Z\",\"raw\":\"AP8=\"}";
    assert_eq!(all[0].2.as_deref(), Some(want));
    run(
        &mut session,
        &[
            "BEGIN",
            "UPDATE orders SET amount = 7 WHERE id = 1",
            "DELETE FROM orders WHERE id = 2",
            "UPDATE orders SET id = -3 WHERE id = 3",
            "SAVEPOINT s",
            "DELETE FROM orders WHERE id > 500",
            "ROLLBACK TO s",
            "COMMIT",
            "XA START 'x'",
            "UPDATE orders SET amount = 8 WHERE id = 4",
            "XA END 'x'",
            "XA PREPARE 'x'",
        ],
    );
    // It is prepared only: nothing of it is there, and it is still known by the next start.
    catch_up(&log, &settings);
    let done = records(&log, "orders").split_off(1000);
    let keys: Vec<(&str, bool)> = done
        .iter()
        .map(|(_, k, v)| (k.as_str(), v.is_some()))
        .collect();
    let want = [
        ("{\"id\":1}", true),
        ("{\"id\":2}", false),
        ("{\"id\":3}", false),
        ("{\"id\":-3}", true),
    ];
    assert_eq!(keys, want);
    assert!(done.iter().all(|(commit, _, _)| *commit == done[0].0));
    run(&mut session, &["XA COMMIT 'x'"]);
    catch_up(&log, &settings);
    let all = records(&log, "orders");
    assert_eq!(all.len(), 1005);
    assert!(all[1004].2.as_ref().unwrap().contains("\"amount\":8.00"));
    run(
        &mut session,
        &["TRUNCATE orders", "INSERT INTO orders (id) VALUES (1)"],
    );
    catch_up(&log, &settings);
    assert_eq!(fold(&log, "orders").len(), 1);
}

#[test]
fn columns_come_and_go() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let mut session = server.session("shop");
    run(
        &mut session,
        &[
            "CREATE TABLE t (id INT PRIMARY KEY, a INT)",
            "INSERT INTO t SELECT seq, 1 FROM seq_1_to_300",
        ],
    );
    let settings = settings(&server.address(), &["t"]);
    let log = memory();
    catch_up(&log, &settings);
    // No row was changed, but all have the new column.
    run(&mut session, &["ALTER TABLE t ADD COLUMN b INT DEFAULT 7"]);
    let capture = Capture::start(&log, settings.clone()).unwrap();
    let want = content(&mut session, "t", &["id", "a", "b"], &["id"]);
    let until = Instant::now() + LONG;
    while fold(&log, "t") != want {
        assert!(Instant::now() < until, "{:?}", capture.status());
        std::thread::park_timeout(Duration::from_millis(5));
    }
    capture.stop();
    let read = records(&log, "t").len();
    run(&mut session, &["UPDATE t SET b = 8 WHERE id = 1"]);
    catch_up(&log, &settings);
    assert_eq!(records(&log, "t").len(), read + 1, "it was read once more");
}

#[test]
fn a_log_that_lost_changes_stops_the_capture_or_has_the_tables_read_anew() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let mut session = server.session("shop");
    run(
        &mut session,
        &[
            "CREATE TABLE t (id INT PRIMARY KEY)",
            "INSERT INTO t VALUES (1), (2)",
        ],
    );
    let settings = settings(&server.address(), &["t"]);
    let log = memory();
    catch_up(&log, &settings);
    for loss in ["purge", "RESET MASTER"] {
        run(
            &mut session,
            &[
                "DELETE FROM t WHERE id = (SELECT * FROM (SELECT min(id) FROM t) m)",
                "INSERT INTO t SELECT max(id) + 1 FROM t",
            ],
        );
        if loss == "purge" {
            run(&mut session, &["FLUSH BINARY LOGS"]);
            let file = session.query("SHOW MASTER STATUS").unwrap()[0][0].clone();
            let purge = format!("PURGE BINARY LOGS TO '{}'", file.unwrap());
            // The server keeps what a connection that is gone was reading until it notices that.
            let until = Instant::now() + LONG;
            while session.query("SHOW BINARY LOGS").unwrap().len() > 1 {
                assert!(Instant::now() < until, "the log is not purged");
                run(&mut session, &[&purge]);
                std::thread::park_timeout(Duration::from_millis(20));
            }
        } else {
            run(&mut session, &[loss]);
        }
        let error = failure(&log, &settings);
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.hint().unwrap().contains("backfill"), "{error}");
        let again = Settings {
            on_loss: OnLoss::Backfill,
            ..settings.clone()
        };
        catch_up(&log, &again);
        assert_eq!(
            fold(&log, "t"),
            content(&mut session, "t", &["id"], &["id"])
        );
    }
}

/// Xorshift, which a printed seed repeats.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
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
        database: String::new(),
    };
    let log = open(&dir);
    let capture = Capture::start(&log, settings(&address, &TABLES)).unwrap();
    loop {
        std::thread::park_timeout(Duration::from_millis(2));
        if let Some(error) = capture.failure() {
            panic!("{error}");
        }
        say("captures");
    }
}

fn create(session: &mut Session) {
    run(
        session,
        &[
            "CREATE TABLE ledger (id BIGINT, part INT, parts INT, PRIMARY KEY (id, part))",
            "CREATE TABLE pairs (a INT, b INT, n INT, PRIMARY KEY (b, a))",
            "INSERT INTO pairs SELECT seq % 7, seq, seq FROM seq_1_to_6000",
            "CREATE TABLE emptied (id INT PRIMARY KEY, n INT)",
            "INSERT INTO emptied SELECT seq, seq FROM seq_1_to_3000",
        ],
    );
}

/// What a transaction does besides writing its parts into the ledger.
fn statements(random: &mut Random) -> Vec<String> {
    let (id, other, n) = (
        random.below(6400),
        random.below(6400),
        random.below(1 << 30),
    );
    match random.below(100) {
        0..25 => vec![format!("UPDATE pairs SET n = {n} WHERE b = {id}")],
        25..40 => vec![format!(
            "UPDATE IGNORE pairs SET b = {other} WHERE b = {id}"
        )],
        40..50 => vec![format!("REPLACE INTO pairs VALUES (1, {id}, {n})")],
        50..60 => vec![format!("DELETE FROM pairs WHERE b = {id}")],
        60..75 => vec![format!("REPLACE INTO emptied VALUES ({id}, {n})")],
        75..80 => vec![format!(
            "UPDATE emptied SET n = {n} WHERE id % 100 = {}",
            id % 100
        )],
        80..90 => vec![
            "SAVEPOINT s".to_owned(),
            format!("DELETE FROM emptied WHERE id < {other}"),
            "ROLLBACK TO s".to_owned(),
        ],
        _ => vec![
            "SAVEPOINT s".to_owned(),
            format!("DELETE FROM emptied WHERE id = {id}"),
            "RELEASE SAVEPOINT s".to_owned(),
        ],
    }
}

fn transaction(random: &mut Random, id: u64) -> Vec<String> {
    if random.below(400) == 0 {
        return vec!["TRUNCATE emptied".to_owned()];
    }
    let xa = random.below(8) == 0;
    let parts = 1 + random.below(4);
    let mut all = vec![match xa {
        true => format!("XA START 'x{id}'"),
        false => "BEGIN".to_owned(),
    }];
    for part in 0..parts {
        all.push(format!("INSERT INTO ledger VALUES ({id}, {part}, {parts})"));
        all.extend(statements(random));
    }
    let end = match random.below(10) {
        0 => "ROLLBACK",
        _ => "COMMIT",
    };
    match xa {
        true => {
            all.push(format!("XA END 'x{id}'"));
            all.push(format!("XA PREPARE 'x{id}'"));
            all.push(format!("XA {end} 'x{id}'"));
        }
        false => all.push(end.to_owned()),
    }
    all
}

/// Writes until it is told to stop; a statement that fails ends its session, which takes back what was not prepared.
fn write(server: &Server, seed: u64, writer: u64, stop: &AtomicBool, done: &AtomicU32) {
    let mut random = Random(seed.wrapping_mul(writer + 1) | 1);
    let mut id = writer;
    let address = Address {
        database: "shop".to_owned(),
        ..server.address()
    };
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut session) = Session::connect(&address) else {
            std::thread::park_timeout(Duration::from_millis(20));
            continue;
        };
        while !stop.load(Ordering::Relaxed) {
            id += WRITERS;
            let mut all = transaction(&mut random, id).into_iter();
            if !all.all(|sql| session.execute(&sql).is_ok()) {
                break;
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What was prepared and never ended, for the server or its session was gone, is ended now.
fn end_prepared(session: &mut Session) {
    for row in session.query("XA RECOVER").unwrap() {
        let xid = row[3].as_deref().unwrap();
        session.execute(&format!("XA COMMIT '{xid}'")).unwrap();
    }
}

/// Every transaction of the ledger is in one commit of the log, with all its parts, each once.
fn check_ledger(log: &Log) -> usize {
    let mut transactions: BTreeMap<i64, (u64, u64, u64)> = BTreeMap::new();
    for (commit, _, value) in records(log, "ledger") {
        let row: Value = serde_json::from_str(&value.unwrap()).unwrap();
        let known = transactions.entry(row["id"].as_i64().unwrap()).or_default();
        assert!(known.0 == 0 || known.0 == commit, "torn: {row}");
        *known = (commit, known.1 + 1, row["parts"].as_u64().unwrap());
    }
    for (id, (_, parts, want)) in &transactions {
        assert_eq!(parts, want, "transaction {id}");
    }
    transactions.len()
}

#[test]
fn nothing_is_lost_or_doubled_whoever_is_killed() {
    if let Some(told) = told() {
        return child(&told);
    }
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let seed = std::env::var("HEADWATER_SEED")
        .ok()
        .and_then(|s| s.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()) * 0x9e37_79b9);
    eprintln!("HEADWATER_SEED={seed}");
    let mut random = Random(seed | 1);
    create(&mut server.session("shop"));
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let address = server.address();
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
            let (server, stop, done) = (&server, &stop, &done);
            scope.spawn(move || write(server, seed, writer, stop, done));
        }
        for kill in 0..KILLS {
            if kill % 4 == 2 {
                server.crash();
                server.resume();
            }
            let lines = 1 + random.below(250) as usize;
            let said = kill_after(TEST, &told, lines);
            assert!(said.len() >= lines, "it ended by itself");
        }
        stop.store(true, Ordering::Relaxed);
    });
    let mut session = server.session("shop");
    end_prepared(&mut session);
    let log = open(dir);
    catch_up(&log, &settings(&address, &TABLES));
    let shapes: [(&[&str], &[&str]); 3] = [
        (&["id", "part", "parts"], &["id", "part"]),
        (&["a", "b", "n"], &["b", "a"]),
        (&["id", "n"], &["id"]),
    ];
    for (name, (columns, key)) in TABLES.iter().zip(shapes) {
        let want = content(&mut session, name, columns, key);
        let got = fold(&log, name);
        let is_wrong = |(k, v): &(&String, &Value)| got.get(*k) != Some(*v);
        let wrong: Vec<_> = want.iter().filter(is_wrong).map(|(k, _)| k).collect();
        assert!(wrong.is_empty(), "{name}: lost or old: {wrong:?}");
        let extra: Vec<_> = got.keys().filter(|k| !want.contains_key(*k)).collect();
        assert!(extra.is_empty(), "{name}: rows that are gone: {extra:?}");
    }
    let transactions = check_ledger(&log);
    let done = done.load(Ordering::Relaxed);
    eprintln!("{transactions} transactions of {done} that were written or rolled back");
    assert!(transactions > 100, "{transactions} transactions");
}
