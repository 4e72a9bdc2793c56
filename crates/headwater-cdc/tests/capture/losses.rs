//! What is wrong is said with what mends it, and a gap is never silent.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use headwater_cdc::postgres::{Address, Session, Settings, check};
use headwater_cdc::{Capture, Error, ErrorKind, OnLoss};
use headwater_log::Log;

use super::bench::{LONG, catch_up, content, fold, memory, run, settings, table};
use crate::replication::start;

/// Why a capture fails.
pub(super) fn failure(log: &Log, settings: &Settings) -> Error {
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

#[test]
fn log_that_the_server_has_removed_is_never_a_silent_gap() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (id int PRIMARY KEY, body text)",
    );
    run(
        &mut session,
        "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'",
    );
    run(&mut session, "SELECT pg_reload_conf()");
    let settings = settings(&address, &["t"]);
    let log = memory();
    catch_up(&log, &settings);
    until_unused(&mut session);
    let lost = "SELECT 1 FROM pg_replication_slots WHERE wal_status = 'lost'";
    let mut id = 0;
    while session.value(lost).unwrap().is_none() {
        id += 1;
        assert!(id < 100, "the server removes nothing");
        run(&mut session, &format!("INSERT INTO t VALUES ({id}, 'x')"));
        run(&mut session, "SELECT pg_switch_wal()");
        run(&mut session, "CHECKPOINT");
    }
    let error = failure(&log, &settings);
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("has removed"), "{error}");
    let again = Settings {
        on_loss: OnLoss::Backfill,
        ..settings
    };
    catch_up(&log, &again);
    assert_eq!(fold(&log, "t"), content(&mut session, "t", &["id"]));
}

/// Puts the files of a server that does not run elsewhere.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.unwrap().success());
}

#[test]
fn a_server_that_was_restored_is_not_taken_for_the_one_that_was_captured() {
    let Some((server, address)) = start() else {
        return;
    };
    let connect = || Session::connect(&address).unwrap();
    run(
        &mut connect(),
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)",
    );
    let settings = settings(&address, &["t"]);
    let log = memory();
    catch_up(&log, &settings);
    let (data, saved) = (server.dir().join("data"), server.dir().join("saved"));
    server.crash();
    copy(&data, &saved);
    server.resume();
    run(&mut connect(), "INSERT INTO t VALUES (2)");
    catch_up(&log, &settings);
    server.crash();
    std::fs::remove_dir_all(&data).unwrap();
    copy(&saved, &data);
    restore(&data);
    server.resume();
    until_writable(&mut connect());
    // Its log is longer than what was taken over soon.
    run(&mut connect(), "SELECT pg_switch_wal()");
    run(&mut connect(), "INSERT INTO t VALUES (3)");
    let error = failure(&log, &settings);
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("was restored"), "{error}");
    let again = Settings {
        on_loss: OnLoss::Backfill,
        ..settings.clone()
    };
    catch_up(&log, &again);
    assert_eq!(fold(&log, "t"), content(&mut connect(), "t", &["id"]));
    // One that becomes the server with all that was taken over loses nothing.
    server.crash();
    restore(&data);
    server.resume();
    until_writable(&mut connect());
    run(&mut connect(), "DELETE FROM t WHERE id = 1");
    catch_up(&log, &settings);
    assert_eq!(fold(&log, "t"), content(&mut connect(), "t", &["id"]));
}

/// A copy that becomes the server takes statements before it is it.
fn until_writable(session: &mut Session) {
    let is_copy = "SELECT 1 WHERE pg_is_in_recovery()";
    while session.value(is_copy).unwrap().is_some() {
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Has the server recover at its next start as a copy that becomes the server, on a timeline of its own.
fn restore(data: &Path) {
    let owner = data.metadata().unwrap();
    let signal = data.join("recovery.signal");
    std::fs::write(&signal, "").unwrap();
    chown(&signal, Some(owner.uid()), Some(owner.gid())).unwrap();
    let mut config = std::fs::OpenOptions::new()
        .append(true)
        .open(data.join("postgresql.conf"))
        .unwrap();
    writeln!(config, "restore_command = 'false'").unwrap();
}

#[test]
fn an_idle_table_does_not_have_the_server_keep_what_others_write() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(&mut session, "CREATE TABLE idle (id int PRIMARY KEY)");
    run(&mut session, "CREATE DATABASE busy");
    let log = memory();
    let capture = Capture::start(&log, settings(&address, &["idle"])).unwrap();
    assert!(capture.wait_for(&address.log_end().unwrap(), LONG).unwrap());
    let mut busy = Session::connect(&Address {
        database: "busy".to_owned(),
        ..address.clone()
    })
    .unwrap();
    run(
        &mut busy,
        "CREATE TABLE t AS SELECT n, md5(n::text) FROM generate_series(1, 200000) n",
    );
    let end = busy.value("SELECT pg_current_wal_lsn()").unwrap().unwrap();
    let kept = format!(
        "SELECT 1 FROM pg_replication_slots WHERE confirmed_flush_lsn < '{end}' OR restart_lsn < '{end}'"
    );
    let until = Instant::now() + LONG;
    while session.value(&kept).unwrap().is_some() {
        assert!(Instant::now() < until, "{:?}", capture.status());
        // What the server keeps is decided when it says which transactions run, as it does at checkpoints.
        run(&mut session, "CHECKPOINT");
        std::thread::park_timeout(Duration::from_millis(200));
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
    let standing = Settings {
        failover: true,
        ..settings(&address, &["kept"])
    };
    if session
        .value("SELECT current_setting('server_version_num')::int < 170000")
        .unwrap()
        .as_deref()
        == Some("t")
    {
        let error = failure(&memory(), &standing);
        assert!(
            error.to_string().contains("has no failover slots"),
            "{error}"
        );
    }
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
