//! What is wrong is said with what mends it, and a gap is never silent.

use std::time::{Duration, Instant};

use headwater_cdc::postgres::{Session, Settings, check};
use headwater_cdc::{Capture, Error, ErrorKind, OnLoss};
use headwater_log::Log;

use super::bench::{LONG, catch_up, content, fold, memory, run, settings, table};
use crate::replication::start;

/// Why a capture fails.
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

#[test]
fn a_slot_that_lost_changes_stops_the_capture_or_has_the_tables_read_anew() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)",
    );
    let settings = settings(&address, &["t"]);
    let log = memory();
    catch_up(&log, &settings);
    let again = Settings {
        on_loss: OnLoss::Backfill,
        ..settings.clone()
    };
    let losses = [
        (
            "SELECT pg_replication_slot_advance('headwater', pg_current_wal_lsn())",
            "was advanced",
        ),
        (
            "SELECT pg_drop_replication_slot('headwater')",
            "was dropped",
        ),
        (
            "SELECT pg_drop_replication_slot('headwater'); SELECT pg_create_logical_replication_slot('headwater', 'pgoutput')",
            "was advanced",
        ),
    ];
    for (loss, why) in losses {
        run(
            &mut session,
            "DELETE FROM t WHERE id = (SELECT min(id) FROM t); INSERT INTO t SELECT max(id) + 1 FROM t",
        );
        until_unused(&mut session);
        run(&mut session, loss);
        let error = failure(&log, &settings);
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains(why), "{error}");
        assert!(error.hint().unwrap().contains("backfill"), "{error}");
        catch_up(&log, &again);
        assert_eq!(fold(&log, "t"), content(&mut session, "t", &["id"]));
    }
}

/// The server may take a moment to see that a capture is gone.
fn until_unused(session: &mut Session) {
    let active = "SELECT 1 FROM pg_replication_slots WHERE active";
    while session.value(active).unwrap().is_some() {
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
}

#[test]
fn two_captures_of_one_slot_do_not_mix() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(&mut session, "CREATE TABLE t (id int PRIMARY KEY)");
    let settings = settings(&address, &["t"]);
    let log = memory();
    catch_up(&log, &settings);
    let error = failure(&memory(), &settings);
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(
        error.to_string().contains("belongs to somebody else"),
        "{error}"
    );
    assert!(
        error
            .hint()
            .unwrap()
            .contains("pg_drop_replication_slot('headwater')")
    );
}

#[test]
fn what_is_missing_is_said_with_the_statement_that_mends_it() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE keyless (n int); CREATE TABLE kept (id int PRIMARY KEY); ALTER TABLE kept REPLICA IDENTITY NOTHING; \
         CREATE ROLE weak LOGIN PASSWORD 'weak-secret'",
    );
    let tables = ["missing", "keyless", "kept"].map(table);
    let found = check(&address, &tables).unwrap();
    let mends: Vec<&str> = found.iter().map(|f| f.mend.as_str()).collect();
    assert_eq!(
        mends,
        [
            "name a table that exists",
            "ALTER TABLE \"public\".\"keyless\" ADD PRIMARY KEY (…)",
            "ALTER TABLE \"public\".\"kept\" REPLICA IDENTITY DEFAULT",
        ]
    );
    let mut weak = address.clone();
    weak.user = "weak".to_owned();
    weak.password = "weak-secret".to_owned();
    let found = check(&weak, &[table("kept")]).unwrap();
    assert_eq!(found[0].mend, "ALTER ROLE \"weak\" REPLICATION");
    assert_eq!(
        found[1].mend,
        "GRANT SELECT ON \"public\".\"kept\" TO \"weak\""
    );
    let error = failure(&memory(), &settings(&weak, &["kept"]));
    assert!(error.to_string().contains("may not replicate"), "{error}");
    let error = failure(&memory(), &settings(&address, &["keyless"]));
    assert!(
        error
            .to_string()
            .contains("nothing that identifies its rows"),
        "{error}"
    );
    weak.password = "wrong-secret".to_owned();
    let error = failure(&memory(), &settings(&weak, &["kept"]));
    assert!(!format!("{error:?}{error}").contains("secret"), "{error:?}");
}
