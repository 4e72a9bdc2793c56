//! The oracle: sessions write at random while the process that captures is killed and the server crashes; what the topics add
//! up to is what the tables are.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use headwater_cdc::Capture;
use headwater_cdc::mysql::{Address, Message, Position, Replica, Session, Settings, TableName};
use headwater_log::Log;

use super::capturing::{LONG, catch_up, content, fold, memory, open, records, settings};
use super::following::read_to_end;
use super::server::Server;
use super::transactions::{numbers, run};
use crate::faults::{Faults, Hurt, SILENCE_S, capture, parts, rounds, tell};
use crate::oracle::{Random, StopsAtEnd, check_ledger, check_same, seed};
use crate::process::told;
use crate::proxy::Proxy;

const TEST: &str = "mysql::killed::nothing_is_lost_or_doubled_whatever_happens";
const TABLES: [&str; 3] = ["ledger", "pairs", "emptied"];
const WRITERS_MAX: u64 = 16;

impl Hurt for Server {
    fn crash(&self) {
        Self::crash(self);
        self.resume();
    }

    fn terminate(&self) {
        let mut session = Session::connect(&self.address()).unwrap();
        let sql = "SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'";
        for id in session.query(sql).unwrap().into_iter().flatten().flatten() {
            // It may be gone by now.
            drop(session.execute(&format!("KILL CONNECTION {id}")));
        }
    }
}

/// Which of the pairs are captured: changes bring and take them.
const CHOSEN: &str = "n < 500000000";

/// Tables are cut into pieces, which several sessions read side by side.
fn of_all(address: &Address) -> Settings {
    Settings {
        readers: 3,
        conditions: vec![(TableName::new("shop", "pairs"), CHOSEN.to_owned())],
        ..settings(address, &TABLES)
    }
}

fn create(session: &mut Session) {
    run(
        session,
        &[
            "CREATE TABLE ledger (id BIGINT, part INT, parts INT, PRIMARY KEY (id, part))",
            "CREATE TABLE pairs (a INT, b INT, n INT, PRIMARY KEY (b, a))",
            &format!(
                "INSERT INTO pairs SELECT seq % 7, seq, seq FROM {}",
                numbers(1, 6000)
            ),
            "CREATE TABLE emptied (id INT PRIMARY KEY, n INT)",
            &format!(
                "INSERT INTO emptied SELECT seq, seq FROM {}",
                numbers(1, 3000)
            ),
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

fn transaction(random: &mut Random, id: u64, has_xa: bool) -> Vec<String> {
    if random.below(400) == 0 {
        return vec!["TRUNCATE emptied".to_owned()];
    }
    let xa = has_xa && random.below(8) == 0;
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
    // A prepared transaction that nobody ends holds its rows, and locking reads wait for them.
    let has_xa = server.has_names();
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
            id += WRITERS_MAX;
            let mut all = transaction(&mut random, id, has_xa).into_iter();
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

/// Transactions that were committed in a second step although the log never had the first: the server fell between its engine and its
/// log.
fn orphans(server: &Server, session: &mut Session) -> usize {
    let first = session.query("SHOW BINARY LOGS").unwrap()[0][0].clone();
    let begin = Position {
        file: first.unwrap(),
        offset: 4,
        ..Position::default()
    };
    let mut replica = Replica::connect(&server.address(), 88, &begin).unwrap();
    let (mut prepared, mut orphans) = (HashSet::new(), 0);
    read_to_end(&mut replica, session, |message| match message {
        Message::Prepare { xid, .. } => drop(prepared.insert(xid)),
        Message::CommitPrepared { xid, .. } => orphans += usize::from(!prepared.remove(&xid)),
        Message::RollbackPrepared { xid, .. } => drop(prepared.remove(&xid)),
        _ => {}
    })
    .unwrap();
    orphans
}

/// The topics add up to the tables.
fn check_tables(log: &Log, session: &mut Session) {
    let shapes: [(&[&str], &[&str]); 3] = [
        (&["id", "part", "parts"], &["id", "part"]),
        (&["a", "b", "n"], &["b", "a"]),
        (&["id", "n"], &["id"]),
    ];
    for (name, (columns, key)) in TABLES.iter().zip(shapes) {
        let rows = match *name {
            "pairs" => format!("pairs WHERE {CHOSEN}"),
            name => name.to_owned(),
        };
        let want = content(session, &rows, columns, key);
        let got = fold(log, name);
        check_same(name, &got, &want);
    }
}

#[test]
fn nothing_is_lost_or_doubled_whatever_happens() {
    if let Some(told) = told() {
        let (dir, url, _) = parts(&told);
        return capture(&dir, of_all(&url.parse().unwrap()));
    }
    for server in Server::each(&[]) {
        let seed = seed();
        create(&mut server.session("shop"));
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let address = server.address();
        // The ledger has been read when the writing begins, so that each of its rows comes from the stream alone.
        catch_up(&open(dir), &settings(&address, &TABLES[..1]));
        let (stop, done) = (AtomicBool::new(false), AtomicU32::new(0));
        let writers = 1 + Random(seed | 1).below(WRITERS_MAX);
        let proxy = Proxy::start(address.port);
        let url = format!(
            "mysql://{}:{}@127.0.0.1:{}/?silence={SILENCE_S}",
            address.user,
            address.password,
            proxy.port()
        );
        let mut faults = Faults::new(TEST, tell(dir, &url, ""), (&proxy, &server), seed);
        std::thread::scope(|scope| {
            let stops = StopsAtEnd(&stop);
            for writer in 0..writers {
                let (server, stop, done) = (&server, &stop, &done);
                scope.spawn(move || write(server, seed, writer, stop, done));
            }
            for round in 0..rounds() {
                faults.round(round);
            }
            drop(stops);
        });
        eprintln!("{writers} writers, {:?}", faults.end());
        let mut session = server.session("shop");
        end_prepared(&mut session);
        let log = open(dir);
        catch_up(&log, &of_all(&address));
        check_tables(&log, &mut session);
        let orphans = orphans(&server, &mut session);
        let (transactions, has_gone) = check_ledger(records(&log, "ledger"));
        // Tables are read anew for an orphan alone.
        assert!(orphans > 0 || !has_gone, "a row of the ledger is gone");
        let done = done.load(Ordering::Relaxed);
        eprintln!("{transactions} of {done} transactions, {orphans} orphans");
        assert!(
            transactions > 100 || orphans > 0,
            "{transactions} transactions"
        );
    }
}

/// Writers go on only as long as tables are read, so that no later change hides what was put in wrongly.
#[test]
fn a_backfill_by_several_sessions_beside_writers_is_what_the_tables_are() {
    for server in Server::each(&[]).chain(Server::without_names()) {
        let seed = seed();
        let mut session = server.session("shop");
        create(&mut session);
        for round in 0..3 {
            let log = memory();
            let settings = Settings {
                name: format!("round_{round}"),
                range_rows: 40 + round * 300,
                readers: 4,
                ..of_all(&server.address())
            };
            let (stop, done) = (AtomicBool::new(false), AtomicU32::new(0));
            std::thread::scope(|scope| {
                for writer in 0..2 {
                    let (server, stop, done) = (&server, &stop, &done);
                    let writer = writer + u64::from(round + 1) * 1_000_000_000;
                    scope.spawn(move || write(server, seed, writer, stop, done));
                }
                let stops = StopsAtEnd(&stop);
                let end = settings.address.log_end().unwrap();
                let capture = Capture::start(&log, settings.clone()).unwrap();
                let reached = capture.wait_for(&end, LONG);
                drop(stops);
                assert!(reached.unwrap(), "{:?}", capture.status());
            });
            end_prepared(&mut session);
            catch_up(&log, &settings);
            check_tables(&log, &mut session);
            assert!(done.load(Ordering::Relaxed) > 0);
        }
    }
}
