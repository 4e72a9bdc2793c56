//! What only servers later than Debian's have: slots that outlive their server, slots that end of themselves, generated columns.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use headwater_cdc::postgres::{Address, Session, Settings};
use headwater_cdc::{Capture, ErrorKind, OnLoss};

use super::bench::{LONG, catch_up, content, fold, memory, run, settings};
use super::losses::failure;
use super::writers;
use crate::oracle::{StopsAtEnd, check_order, check_same, seed};
use crate::proxy::Proxy;
use crate::replication::REPLICATES;
use crate::server::Server;

const NAME: &str = "postgresql-18.6";

/// Where `cargo xtask test` has put it; `None`: nowhere.
fn programs() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let places = [
        PathBuf::from("/var/cache/headwater/servers"),
        workspace.join("target/servers"),
    ];
    let mut found = places.iter().map(|place| place.join(NAME).join("bin"));
    let found = found.find(|programs| programs.join("postgres").is_file());
    if found.is_none() {
        let what =
            "PostgreSQL 18 is not there (`cargo xtask test` fetches it): its tests are NOT run";
        let may_be_missing = std::env::var_os("CI").is_none();
        assert!(may_be_missing || !cfg!(target_arch = "x86_64"), "{what}");
        eprintln!("\n{what}\n");
    }
    found
}

fn start(more: &[&str]) -> Option<(Server, Address)> {
    let all: Vec<&str> = REPLICATES.iter().chain(more).copied().collect();
    let server = Server::start_of(programs()?, &all);
    let address = server.url("postgres").parse().unwrap();
    Some((server, address))
}

/// Waits until a statement gives a row.
fn until(session: &mut Session, sql: &str) {
    let until = Instant::now() + LONG;
    while session.value(sql).unwrap().is_none() {
        assert!(Instant::now() < until, "{sql}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// A standby that has the slots of its primary, which was stopped for the copy and runs again.
fn standby(primary: &Server, address: &Address) -> Server {
    let Address {
        user,
        password,
        port,
        ..
    } = address;
    primary.crash();
    let standby = primary.copy(&[
        &format!(
            "primary_conninfo = 'host=127.0.0.1 port={port} user={user} password={password} dbname=postgres'"
        ),
        "primary_slot_name = 'standby'",
        "hot_standby_feedback = on",
        "sync_replication_slots = on",
    ]);
    primary.resume();
    let mut session = Session::connect(address).unwrap();
    for sql in [
        "SELECT pg_create_physical_replication_slot('standby', true)",
        // What is sent to others must have come to the standby before.
        "ALTER SYSTEM SET synchronized_standby_slots = 'standby'",
        "SELECT pg_reload_conf()",
    ] {
        run(&mut session, sql);
    }
    standby.begin()
}

#[test]
fn a_standby_that_becomes_the_server_goes_on_without_loss() {
    let Some((primary, address)) = start(&[]) else {
        return;
    };
    let seed = seed();
    writers::create(&mut Session::connect(&address).unwrap());
    let tables = ["ledger", "ordered", "docs", "late"];
    let standby = standby(&primary, &address);
    let proxy = Proxy::start(address.port);
    let behind = Address {
        port: proxy.port(),
        ..address.clone()
    };
    let settings = Settings {
        failover: true,
        ..settings(&behind, &tables)
    };
    let log = memory();
    let capture = Capture::start(&log, settings).unwrap();
    assert!(capture.wait_for(&address.log_end().unwrap(), LONG).unwrap());
    let there: Address = standby.url("postgres").parse().unwrap();
    let mut session = Session::connect(&there).unwrap();
    let synced = "SELECT 1 FROM pg_replication_slots WHERE slot_name = 'headwater' AND synced AND NOT temporary";
    let (stop, done) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        let stops = StopsAtEnd(&stop);
        for writer in 0..3 {
            let (address, stop, done) = (&address, &stop, &done);
            scope.spawn(move || writers::write(address, (seed, writer), stop, done));
        }
        until(&mut session, synced);
        let before = done.load(Ordering::Relaxed);
        while done.load(Ordering::Relaxed) < before + 200 {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        // In the midst of it: some of what it has said is committed the standby may not have.
        primary.crash();
        drop(stops);
    });
    run(&mut session, "SELECT pg_promote()");
    proxy.lead_to(there.port);
    writers::finish_prepared(&mut session);
    run(&mut session, "UPDATE docs SET n = -1 WHERE id % 10 = 0");
    let end = there.log_end().unwrap();
    assert!(
        capture.wait_for(&end, LONG).unwrap(),
        "{:?}",
        capture.status()
    );
    let keys: [&[&str]; 4] = [&["id", "part"], &["n"], &["id"], &["id"]];
    for (name, key) in tables.into_iter().zip(keys) {
        check_same(name, &fold(&log, name), &content(&mut session, name, key));
    }
    let ordered = check_order(super::bench::records(&log, "ordered"));
    eprintln!(
        "{ordered} counted, {} committed",
        done.load(Ordering::Relaxed)
    );
    assert!(ordered > 10, "{ordered} counted");
}

#[test]
fn a_slot_that_the_server_ended_for_nobody_used_it_is_never_a_silent_gap() {
    let Some((_server, address)) = start(&["idle_replication_slot_timeout = '1s'"]) else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(&mut session, "CREATE TABLE t (id int PRIMARY KEY)");
    let settings = settings(&address, &["t"]);
    let log = memory();
    catch_up(&log, &settings);
    run(&mut session, "INSERT INTO t VALUES (1)");
    let until = Instant::now() + LONG;
    let ended = "SELECT invalidation_reason FROM pg_replication_slots";
    while session.value(ended).unwrap().is_none() {
        assert!(Instant::now() < until, "the server does not end it");
        run(&mut session, "CHECKPOINT");
        std::thread::park_timeout(Duration::from_millis(100));
    }
    let error = failure(&log, &settings);
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("idle_timeout"), "{error}");
    let again = Settings {
        on_loss: OnLoss::Backfill,
        ..settings
    };
    catch_up(&log, &again);
    assert_eq!(fold(&log, "t"), content(&mut session, "t", &["id"]));
}

#[test]
fn generated_columns_are_there_if_the_publication_has_them() {
    let Some((_server, address)) = start(&[]) else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (id int PRIMARY KEY, n int, note text DEFAULT 'x', twice int GENERATED ALWAYS AS (n * 2) STORED, thrice int GENERATED ALWAYS AS (n * 3))",
    );
    run(&mut session, "INSERT INTO t (id, n) VALUES (1, 1), (2, 2)");
    for (name, publication, columns) in [
        (
            "stored",
            "FOR TABLE t WITH (publish_via_partition_root, publish_generated_columns = stored)",
            "id, n, note, twice",
        ),
        (
            "listed",
            "FOR TABLE t (id, n) WITH (publish_via_partition_root)",
            "id, n",
        ),
        (
            "usual",
            "FOR TABLE t WITH (publish_via_partition_root)",
            "id, n, note",
        ),
    ] {
        run(
            &mut session,
            &format!("CREATE PUBLICATION {name} {publication}"),
        );
        let settings = Settings {
            slot: name.to_owned(),
            publication: name.to_owned(),
            ..settings(&address, &["t"])
        };
        let log = memory();
        for id in [3, 4] {
            catch_up(&log, &settings);
            let changed = format!(
                "UPDATE t SET n = n + 1; INSERT INTO t (id, n) SELECT max(id) + {id}, 7 FROM t"
            );
            run(&mut session, &changed);
        }
        catch_up(&log, &settings);
        let want = content(&mut session, &format!("(SELECT {columns} FROM t)"), &["id"]);
        check_same(name, &fold(&log, "t"), &want);
        // Nothing was read anew: the stream and the backfill have the same columns.
        let records = super::bench::records(&log, "t").len();
        let first = want.len() - 2;
        assert_eq!(records, first + first + 1 + first + 2, "{name}");
    }
}
