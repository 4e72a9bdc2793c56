//! Connections that say nothing any more, and what is left of those that ended at the wrong moment.

use std::time::{Duration, Instant};

use headwater_cdc::postgres::{Address, Session, Settings};
use headwater_cdc::{Capture, Phase};

use super::bench::{LONG, catch_up, content, fold, memory, open, run, settings, url};
use crate::faults::{capture, parts, tell};
use crate::process::{Running, told};
use crate::proxy::{Flow, Proxy};
use crate::replication::start;

const TEST: &str = "capture::silence::a_slot_that_was_being_made_as_the_process_was_killed_is_used";

/// Waits until a capture is so.
fn until(capture: &Capture, is_so: impl Fn(&Phase) -> bool) {
    let until = Instant::now() + LONG;
    while !is_so(&capture.status().phase) {
        assert!(capture.failure().is_none(), "{:?}", capture.failure());
        assert!(Instant::now() < until, "{:?}", capture.status());
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

fn is_silent(phase: &Phase) -> bool {
    matches!(phase, Phase::Waiting(why) if why.contains("has said nothing for") || why.contains("does not answer"))
}

#[test]
fn a_frozen_connection_is_noticed_while_it_streams_and_while_tables_are_read() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (id int PRIMARY KEY, body text); INSERT INTO t SELECT n, repeat('x', 1000) FROM generate_series(1, 10000) n",
    );
    let proxy = Proxy::start(address.port);
    let behind = Address {
        port: proxy.port(),
        silence: Duration::from_secs(1),
        ..address.clone()
    };
    let settings = Settings {
        range_blocks: 16,
        ..settings(&behind, &["t"])
    };
    let log = memory();
    let capture = Capture::start(&log, settings).unwrap();
    until(&capture, |_| {
        capture.status().tables.iter().any(|t| t.rows > 0)
    });
    // Readers wait for the server too: they must not be waited for.
    for _ in 0..2 {
        proxy.set(Flow::Frozen);
        let frozen = Instant::now();
        until(&capture, is_silent);
        let after = frozen.elapsed();
        eprintln!("noticed after {after:?}");
        assert!(after < Duration::from_secs(30), "noticed after {after:?}");
        proxy.set(Flow::Passes);
        run(
            &mut session,
            "INSERT INTO t SELECT max(id) + 1, 'new' FROM t",
        );
        assert!(capture.wait_for(&address.log_end().unwrap(), LONG).unwrap());
        assert_eq!(fold(&log, "t"), content(&mut session, "t", &["id"]));
    }
    // A moment of silence is borne.
    until(&capture, |phase| *phase == Phase::Streaming);
    proxy.set(Flow::Frozen);
    run(
        &mut session,
        "INSERT INTO t SELECT max(id) + 1, 'new' FROM t",
    );
    std::thread::park_timeout(Duration::from_millis(200));
    proxy.set(Flow::Passes);
    assert!(capture.wait_for(&address.log_end().unwrap(), LONG).unwrap());
    assert_eq!(fold(&log, "t"), content(&mut session, "t", &["id"]));
}

/// Waits until a process says something; what else it says is shown.
fn says(process: &mut Running, what: &str) {
    let mut last = String::new();
    loop {
        let line = process.line().expect("it captures until it is killed");
        if line.contains(what) {
            return;
        }
        if line != last {
            eprintln!("{line}");
        }
        last = line;
    }
}

#[test]
fn a_slot_that_was_being_made_as_the_process_was_killed_is_used() {
    if let Some(told) = told() {
        let (dir, url, _) = parts(&told);
        return capture(&dir, settings(&url.parse().unwrap(), &["t"]));
    }
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    let mut open_one = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)",
    );
    // The server makes no slot until it ends.
    run(&mut open_one, "BEGIN; INSERT INTO t VALUES (2)");
    let folder = tempfile::tempdir().unwrap();
    let told = tell(folder.path(), &url(&address, address.port), "");
    let mut first = Running::start(TEST, &told);
    let being_made = "SELECT 1 FROM pg_replication_slots WHERE confirmed_flush_lsn IS NULL";
    let until = Instant::now() + LONG;
    while session.value(being_made).unwrap().is_none() {
        assert!(Instant::now() < until, "no slot is being made");
        std::thread::park_timeout(Duration::from_millis(2));
    }
    first.kill();
    let mut second = Running::start(TEST, &told);
    says(&mut second, "still being made");
    run(&mut open_one, "COMMIT");
    says(&mut second, "streams");
    second.kill();
    run(&mut session, "INSERT INTO t VALUES (3)");
    let log = open(folder.path());
    catch_up(&log, &settings(&address, &["t"]));
    assert_eq!(fold(&log, "t"), content(&mut session, "t", &["id"]));
}
