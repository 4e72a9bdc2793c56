//! Tables that are read once more while their changes are streamed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use headwater_cdc::postgres::{Address, Session, Settings};
use headwater_cdc::{Capture, ErrorKind};

use super::bench::{LONG, content, fold, memory, records, run, settings};
use crate::replication::start;

/// A capture that does not read what is in the table at first.
fn of_changes(address: &Address) -> Settings {
    Settings {
        backfills: false,
        range_blocks: 2,
        ..settings(address, &["t"])
    }
}

fn reach(capture: &Capture, address: &Address) {
    let end = address.log_end().unwrap();
    assert!(
        capture.wait_for(&end, LONG).unwrap(),
        "{:?}",
        capture.status()
    );
}

const ROWS: &str = "CREATE TABLE t (id int PRIMARY KEY, n int, body text); \
     INSERT INTO t SELECT n, 0, repeat('x', 100) FROM generate_series(1, 2000) n";

#[test]
fn a_table_is_read_beside_its_changes_whole_or_in_part() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(&mut session, ROWS);
    let log = memory();
    let capture = Capture::start(&log, of_changes(&address)).unwrap();
    reach(&capture, &address);
    run(&mut session, "UPDATE t SET n = 1 WHERE id = 5");
    reach(&capture, &address);
    assert_eq!(fold(&log, "t").len(), 1);
    let condition = "id % 10 = 0 AND body <> 'it''s' -- the tenth part";
    capture.snapshot("public.t", Some(condition)).unwrap();
    reach(&capture, &address);
    assert_eq!(fold(&log, "t").len(), 201);
    capture.snapshot("public.t", None).unwrap();
    reach(&capture, &address);
    assert_eq!(fold(&log, "t"), content(&mut session, "t", &["id"]));
    assert_eq!(records(&log, "t").len(), 2201);
}

#[test]
fn a_table_that_is_read_again_and_again_beside_a_writer_is_what_it_is() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(&mut session, ROWS);
    let log = memory();
    let capture = Capture::start(&log, settings(&address, &["t"])).unwrap();
    reach(&capture, &address);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut session = Session::connect(&address).unwrap();
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                run(
                    &mut session,
                    &format!(
                        "UPDATE t SET n = {n} WHERE id % 300 = {n} % 300; DELETE FROM t WHERE id = {n} % 2000; \
                         INSERT INTO t VALUES (2000 + {n} % 50, {n}, 'new') ON CONFLICT (id) DO UPDATE SET n = {n}"
                    ),
                );
            }
        });
        for round in 0..5 {
            let filter = (round % 2 == 1).then_some("id < 1500");
            capture.snapshot("public.t", filter).unwrap();
            let reached = capture.wait_for(&address.log_end().unwrap(), LONG);
            stop.store(
                round == 4 || !matches!(reached, Ok(true)),
                Ordering::Relaxed,
            );
            assert!(reached.unwrap(), "{:?}", capture.status());
        }
    });
    reach(&capture, &address);
    assert_eq!(fold(&log, "t"), content(&mut session, "t", &["id"]));
}

#[test]
fn a_backfill_that_is_paused_goes_on_when_it_is_resumed() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(&mut session, ROWS);
    let log = memory();
    let capture = Capture::start(&log, of_changes(&address)).unwrap();
    reach(&capture, &address);
    capture.pause();
    capture.snapshot("public.t", None).unwrap();
    // Changes come nevertheless.
    run(&mut session, "UPDATE t SET n = 2 WHERE id = 7");
    let until = Instant::now() + LONG;
    while fold(&log, "t").is_empty() {
        assert!(Instant::now() < until, "{:?}", capture.status());
        std::thread::yield_now();
    }
    capture.stop();
    let capture = Capture::start(&log, of_changes(&address)).unwrap();
    let stands = address.log_end().unwrap();
    while capture
        .status()
        .durable
        .is_none_or(|durable| !durable.reaches(&stands))
    {
        assert!(!capture.has_reached(&stands).unwrap());
        assert!(Instant::now() < until, "{:?}", capture.status());
    }
    let status = capture.status();
    assert!(
        status.is_paused && !status.tables[0].is_done && status.tables[0].rows == 0,
        "{status:?}"
    );
    assert_eq!(fold(&log, "t").len(), 1);
    capture.resume();
    reach(&capture, &address);
    assert_eq!(fold(&log, "t"), content(&mut session, "t", &["id"]));
}

#[test]
fn what_cannot_be_read_is_said_at_once() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(&mut session, ROWS);
    let capture = Capture::start(&memory(), of_changes(&address)).unwrap();
    reach(&capture, &address);
    let error = capture.snapshot("public.other", None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.hint().unwrap().contains("public.t"), "{error}");
    for wrong in ["missing = 1", "n +", "true); DROP TABLE t; --"] {
        let error = capture.snapshot("public.t", Some(wrong)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{wrong}: {error}");
    }
    reach(&capture, &address);
}
