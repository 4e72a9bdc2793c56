//! The oracle: several sessions write at random while one fault after another meets the capturing process, the server and what
//! is between them; afterwards the topics add up to the tables, and every transaction is there once, whole and in the order of commits.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use headwater_cdc::postgres::{Address, Session, Settings};
use headwater_cdc::{Capture, Filters, Hash, Treatment};
use headwater_log::Log;
use serde_json::{Value, json};

use super::bench::{
    LONG, catch_up, content, fold, memory, open, records, run, settings, table, url,
};
use super::writers::{WRITERS_MAX, create, finish_prepared, write};
use crate::faults::{Faults, Hurt, capture, parts, rounds, tell};
use crate::oracle::{Random, StopsAtEnd, check_ledger, check_order, check_same, seed};
use crate::process::told;
use crate::proxy::Proxy;
use crate::replication::start;
use crate::server::Server;

const TEST: &str = "capture::oracle::nothing_is_lost_or_doubled_whatever_happens";
/// The last one is made when half of all has happened.
const TABLES: [&str; 9] = [
    "ledger", "ordered", "docs", "pairs", "emptied", "late", "rekeyed", "altered", "people",
];
const ADDED: &str = "added";

fn of_all(address: &Address) -> Settings {
    let pattern = |text: &str| text.parse().unwrap();
    Settings {
        range_blocks: 3,
        conditions: vec![(table("people"), "n >= 0".to_owned())],
        filters: Filters {
            excluded: vec![pattern(r"public\.people\.secret")],
            treatments: vec![
                (pattern(r"public\.people\.name"), Treatment::Mask(3)),
                (
                    pattern(r"public\.people\.phone"),
                    Treatment::Hash(Hash::new("salt")),
                ),
            ],
            ..Filters::default()
        },
        ..settings(address, &TABLES)
    }
}

fn with_added(address: &Address, is_added: bool) -> Settings {
    let all = of_all(address);
    if is_added {
        all.table(table(ADDED))
    } else {
        all
    }
}

/// Makes rows of a table be identified by another of its columns.
fn rekey(session: &mut Session, by: &str) {
    alter(
        session,
        &format!("ALTER TABLE rekeyed DROP CONSTRAINT rekeyed_pkey, ADD PRIMARY KEY ({by})"),
    );
}

/// Columns come, go, and are others.
fn reshape(session: &mut Session, round: usize) {
    let sql = match round % 5 {
        0 => "ALTER TABLE altered ADD more int DEFAULT 7",
        1 => "ALTER TABLE altered RENAME more TO other",
        2 => "ALTER TABLE altered ALTER n TYPE text USING 'n' || n",
        3 => "ALTER TABLE altered DROP other",
        _ => "ALTER TABLE altered ALTER n TYPE bigint USING length(n)",
    };
    alter(session, sql);
}

fn alter(session: &mut Session, sql: &str) {
    finish_prepared(session);
    // Writers may be in its way: then one of them ends.
    while let Err(error) = session.query(sql) {
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
    let keys: [(&str, &[&str]); 8] = [
        ("ledger", &["id", "part"]),
        ("ordered", &["n"]),
        ("docs", &["id"]),
        ("pairs", &["b", "a"]),
        ("emptied", &["id"]),
        ("late", &["id"]),
        ("rekeyed", &[&by]),
        ("altered", &["id"]),
    ];
    for (name, key) in keys {
        check_same(name, &fold(log, name), &content(session, name, key));
    }
    check_people(log, session);
}

/// What was left out, masked or hashed was nowhere to be seen, and rows are there as long as their condition holds.
fn check_people(log: &Log, session: &mut Session) {
    let sql = "SELECT id, n, encode(sha256(convert_to('salt' || phone, 'UTF8')), 'hex') FROM people WHERE n >= 0";
    let rows = session.query(sql).unwrap().into_iter();
    let row = |cells: Vec<Option<String>>| {
        let [Some(id), Some(n), phone] = &cells[..] else {
            panic!("{cells:?}");
        };
        let (id, n): (i64, i64) = (id.parse().unwrap(), n.parse().unwrap());
        let row = json!({"id": id, "n": n, "name": "***", "phone": phone});
        (format!("{{\"id\":{id}}}"), row)
    };
    check_same("people", &fold(log, "people"), &rows.map(row).collect());
    for (_, key, value) in records(log, "people") {
        let row: Value = value.map_or(Value::Null, |v| serde_json::from_str(&v).unwrap());
        let is_hidden = row.is_null() || row["name"] == "***" && row.get("secret").is_none();
        assert!(is_hidden, "{key}: {row}");
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
                scope.spawn(move || write(address, (seed, writer), stop, done));
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

impl Hurt for (&Server, &Address) {
    fn crash(&self) {
        self.0.crash();
        self.0.resume();
    }

    fn terminate(&self) {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_replication";
        run(&mut Session::connect(self.1).unwrap(), sql);
    }
}

/// Between two faults the tables become others.
fn define(address: &Address, round: usize) {
    // The server may have fallen, with the session.
    let mut session = Session::connect(address).unwrap();
    match round % 4 {
        1 => rekey(&mut session, ["other", "id"][round / 4 % 2]),
        2 => reshape(&mut session, round / 4),
        _ => {}
    }
}

#[test]
fn nothing_is_lost_or_doubled_whatever_happens() {
    if let Some(told) = told() {
        let (dir, url, added) = parts(&told);
        return capture(&dir, with_added(&url.parse().unwrap(), added == ADDED));
    }
    let Some((server, address)) = start() else {
        return;
    };
    let (seed, begun) = (seed(), Instant::now());
    create(&mut Session::connect(&address).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    // These have been read when the writing begins, so that each of their rows comes from the stream alone.
    catch_up(&open(dir), &settings(&address, &TABLES[..2]));
    let (stop, done) = (AtomicBool::new(false), AtomicU32::new(0));
    let writers = 1 + Random(seed | 1).below(WRITERS_MAX);
    let proxy = Proxy::start(address.port);
    let url = url(&address, proxy.port());
    let hurt = (&server, &address);
    let mut faults = Faults::new(TEST, tell(dir, &url, ""), (&proxy, &hurt), seed);
    std::thread::scope(|scope| {
        let stops = StopsAtEnd(&stop);
        for writer in 0..writers {
            let (address, stop, done) = (&address, &stop, &done);
            scope.spawn(move || write(address, (seed, writer), stop, done));
        }
        for round in 0..rounds() {
            define(&address, round);
            if round == rounds() / 2 {
                let sql = "CREATE TABLE added AS SELECT n AS id FROM generate_series(1, 3000) n; ALTER TABLE added ADD PRIMARY KEY (id)";
                run(&mut Session::connect(&address).unwrap(), sql);
                faults.kill();
                faults.told = tell(dir, &url, ADDED);
            }
            faults.round(round);
        }
        drop(stops);
    });
    let seen = faults.end();
    eprintln!("{writers} writers, {seen:?} after {:?}", begun.elapsed());
    let mut session = Session::connect(&address).unwrap();
    finish_prepared(&mut session);
    // Other columns are noticed by the next change.
    run(&mut session, "INSERT INTO altered (id) VALUES (-1)");
    let log = open(dir);
    catch_up(&log, &with_added(&address, true));
    check_tables(&log, &mut session);
    let added = content(&mut session, ADDED, &["id"]);
    check_same(ADDED, &fold(&log, ADDED), &added);
    let (transactions, has_gone) = check_ledger(records(&log, "ledger"));
    assert!(!has_gone, "a row of the ledger is gone");
    let ordered = check_order(records(&log, "ordered"));
    let done = done.load(Ordering::Relaxed);
    eprintln!(
        "{transactions} transactions of {done} that were written or rolled back, {ordered} counted, {:?}",
        begun.elapsed()
    );
    assert!(transactions > 100, "{transactions} transactions");
    assert!(ordered > 10, "{ordered} counted");
}
