//! A transaction that the log has as prepared and the server has not, as a kill between its log and its engine leaves one.

use std::time::{Duration, Instant};

use headwater_cdc::Capture;
use headwater_cdc::mysql::{Address, Position, Session};
use headwater_log::Log;
use serde_json::Value;

use super::capturing::{LONG, catch_up, content, fold, memory, reach, records, settings};
use super::server::{Product, Server};
use super::transactions::{numbers, run};

const LOST: &str = "'lost'";
/// Servers list bytes that can be printed otherwise than those that cannot.
const KEPT: [&str; 3] = ["'kept','b',7", "X'00ff'", "X'612761',X'5c'"];

/// As often the server is asked at most.
const ASKED: Duration = Duration::from_secs(10);

/// From where a capture that starts again hears the log; `None`: from where it has come to.
fn resume(log: &Log) -> Option<Position> {
    let stored = log.position("cdc/headwater").unwrap();
    let stored: Value = serde_json::from_slice(&stored).unwrap();
    let place = stored.get("resume")?.clone();
    Some(serde_json::from_value(place).unwrap())
}

/// Rolls one back in a way that the log does not have. It can be once the session that prepared it is gone.
fn lose(server: &Server, xid: &str) {
    let mut session = Session::connect(&server.address()).unwrap();
    run(&mut session, &["SET SESSION sql_log_bin = 0"]);
    let until = Instant::now() + LONG;
    while let Err(e) = session.execute(&format!("XA ROLLBACK {xid}")) {
        assert!(Instant::now() < until, "{e}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn prepare(server: &Server, xid: &str, id: u32) {
    let sql = [
        format!("XA START {xid}"),
        format!("UPDATE t SET a = 7 WHERE id = {id}"),
        format!("XA END {xid}"),
        format!("XA PREPARE {xid}"),
    ];
    let mut session = server.session("shop");
    sql.iter().for_each(|sql| session.execute(sql).unwrap());
}

#[test]
fn what_the_server_has_lost_keeps_no_place() {
    let servers: Vec<Server> = Server::each(&[]).collect();
    std::thread::scope(|scope| {
        for server in &servers {
            scope.spawn(|| keeps_no_place(server));
        }
    });
}

fn keeps_no_place(server: &Server) {
    let mut session = server.session("shop");
    run(
        &mut session,
        &[
            "CREATE TABLE t (id INT PRIMARY KEY, a INT)",
            &format!("INSERT INTO t SELECT seq, 1 FROM {}", numbers(1, 10)),
        ],
    );
    let settings = settings(&server.address(), &["t"]);
    let log = memory();
    catch_up(&log, &settings);
    prepare(server, LOST, 1);
    run(&mut session, &["UPDATE t SET a = 2 WHERE id = 2"]);
    for (id, xid) in (5..).zip(KEPT) {
        prepare(server, xid, id);
    }
    catch_up(&log, &settings);
    let before = resume(&log).unwrap();
    lose(server, LOST);
    let capture = Capture::start(&log, settings.clone()).unwrap();
    let until = Instant::now() + LONG;
    // The place that is stored moves with what comes. A stream that begins anew has no file of it.
    while resume(&log).unwrap().gtids == before.gtids {
        assert!(Instant::now() < until, "{before}");
        run(&mut session, &["UPDATE t SET a = a + 1 WHERE id = 4"]);
        reach(&capture, &settings);
        std::thread::park_timeout(Duration::from_millis(500));
    }
    capture.stop();
    // The others are still heard, and may end.
    let after = resume(&log).unwrap();
    assert!(after.reaches(&before), "{after} {before}");
    for xid in KEPT {
        run(&mut session, &[&format!("XA COMMIT {xid}")]);
    }
    catch_up(&log, &settings);
    assert_eq!(resume(&log), None);
    let want = content(&mut session, "t", &["id", "a"], &["id"]);
    assert_eq!(fold(&log, "t"), want);
    let is_gone = |(_, _, value): &(u64, String, Option<String>)| value.is_none();
    assert!(!records(&log, "t").iter().any(is_gone), "it was read anew");
}

#[test]
fn who_may_not_ask_what_is_prepared_goes_on() {
    let Some(server) = Server::of(Product::MySql, &[]) else {
        return;
    };
    let mut session = server.session("shop");
    run(
        &mut session,
        &[
            "CREATE TABLE t (id INT PRIMARY KEY, a INT)",
            "INSERT INTO t VALUES (1, 1), (2, 1)",
            "CREATE USER me IDENTIFIED WITH mysql_native_password BY 'x'",
            "GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO me",
        ],
    );
    let address = Address {
        user: "me".to_owned(),
        password: "x".to_owned(),
        ..server.address()
    };
    let settings = settings(&address, &["t"]);
    let log = memory();
    let capture = Capture::start(&log, settings.clone()).unwrap();
    reach(&capture, &settings);
    prepare(&server, LOST, 1);
    reach(&capture, &settings);
    lose(&server, LOST);
    let place = resume(&log).unwrap();
    let until = Instant::now() + 3 * ASKED;
    while Instant::now() < until {
        run(&mut session, &["UPDATE t SET a = a + 1 WHERE id = 2"]);
        reach(&capture, &settings);
        // A stream that begins anew has no file of it.
        assert_eq!(resume(&log), Some(place.clone()), "it begins anew");
        std::thread::park_timeout(Duration::from_millis(200));
    }
}
