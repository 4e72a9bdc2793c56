//! Tables whose rows are identified otherwise from some moment on, and tables that are made anew under their old name.

use headwater_cdc::postgres::{Address, Session, Settings};
use headwater_cdc::{Capture, Debezium, ErrorKind, Format};
use headwater_log::Log;

use super::bench::{LONG, catch_up, content, fold, memory, records, run, settings};
use crate::replication::start;

/// What makes another table of `t`, and the key that it has then.
const CHANGES: [(&str, &[&str]); 7] = [
    (
        "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (b)",
        &["b"],
    ),
    (
        "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (b, a)",
        &["b", "a"],
    ),
    (
        "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (a)",
        &["a"],
    ),
    // There and back again, with changes between that are streamed by another key.
    (
        "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (b); UPDATE t SET n = 7; DELETE FROM t WHERE b = 12; \
         ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (a)",
        &["a"],
    ),
    ("ALTER TABLE t REPLICA IDENTITY USING INDEX by_b", &["b"]),
    // Whole rows do not say what identifies them.
    (
        "ALTER TABLE t REPLICA IDENTITY FULL; UPDATE t SET n = 8; ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (b)",
        &["b"],
    ),
    (
        "DROP TABLE t; CREATE TABLE t (a int PRIMARY KEY, b int NOT NULL, n int); CREATE UNIQUE INDEX by_b ON t (b); \
         INSERT INTO t VALUES (5, 15, 0), (6, 16, 0)",
        &["a"],
    ),
];

fn create(session: &mut Session) {
    for sql in [
        "CREATE TABLE t (a int PRIMARY KEY, b int NOT NULL, n int); CREATE UNIQUE INDEX by_b ON t (b)",
        "INSERT INTO t SELECT n, n + 10, 0 FROM generate_series(1, 50) n",
    ] {
        run(session, sql);
    }
}

fn check(log: &Log, session: &mut Session, key: &[&str], why: &str) {
    assert_eq!(fold(log, "t"), content(session, "t", key), "{why}");
}

#[test]
fn a_table_whose_key_changes_is_read_anew_by_the_new_one() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    create(&mut session);
    let (log, settings) = (memory(), settings(&address, &["t"]));
    catch_up(&log, &settings);
    for (change, key) in CHANGES {
        // Nobody captures while it changes.
        run(&mut session, change);
        run(&mut session, "UPDATE t SET n = n + 1 WHERE a % 2 = 0");
        catch_up(&log, &settings);
        check(&log, &mut session, key, change);
        run(
            &mut session,
            "DELETE FROM t WHERE a = (SELECT min(a) FROM t); UPDATE t SET a = a + 1000 WHERE n = 2",
        );
        catch_up(&log, &settings);
        check(&log, &mut session, key, change);
    }
}

#[test]
fn a_key_that_changes_while_it_is_captured_changes_the_topic() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    create(&mut session);
    let (log, settings) = (memory(), settings(&address, &["t"]));
    let capture = Capture::start(&log, settings).unwrap();
    for (change, key) in CHANGES {
        run(&mut session, change);
        // A table that was made anew is found a while later, when it is looked for.
        loop {
            run(&mut session, "UPDATE t SET n = n + 1 WHERE a % 2 = 0");
            let end = address.log_end().unwrap();
            assert!(
                capture.wait_for(&end, LONG).unwrap(),
                "{:?}",
                capture.status()
            );
            if fold(&log, "t") == content(&mut session, "t", key) {
                break;
            }
            assert!(change.starts_with("DROP"), "{change}");
        }
    }
}

fn without_backfill(address: &Address) -> Settings {
    Settings {
        backfills: false,
        ..settings(address, &["t"])
    }
}

#[test]
fn a_capture_that_reads_no_tables_stops_when_a_key_changes() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    create(&mut session);
    let log = memory();
    let capture = Capture::start(&log, without_backfill(&address)).unwrap();
    let end = address.log_end().unwrap();
    assert!(capture.wait_for(&end, LONG).unwrap());
    run(&mut session, CHANGES[0].0);
    run(&mut session, "UPDATE t SET n = 3 WHERE a = 3");
    let error = capture
        .wait_for(&address.log_end().unwrap(), LONG)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains("public.t"), "{error}");
}

#[test]
fn events_of_debezium_delete_the_rows_of_the_old_key() {
    let Some((_server, address)) = start() else {
        return;
    };
    for schemas in [false, true] {
        let mut session = Session::connect(&address).unwrap();
        run(&mut session, "DROP TABLE IF EXISTS t");
        create(&mut session);
        let debezium = Debezium {
            schemas,
            ..Debezium::new("shop")
        };
        let slot = format!("events_{schemas}");
        let settings = Settings {
            format: Format::Debezium(debezium),
            publication: slot.clone(),
            slot,
            ..settings(&address, &["t"])
        };
        let log = memory();
        catch_up(&log, &settings);
        run(&mut session, CHANGES[0].0);
        catch_up(&log, &settings);
        let events = records(&log, "t");
        // 50 rows that were read, 50 deletions each with a tombstone, 50 rows that were read anew.
        assert_eq!(events.len(), 200);
        for row in 0..50 {
            let [deleted, tombstone] = [&events[50 + 2 * row], &events[51 + 2 * row]];
            let event: serde_json::Value =
                serde_json::from_str(deleted.2.as_ref().unwrap()).unwrap();
            let payload = if schemas { &event["payload"] } else { &event };
            assert_eq!(
                (&payload["op"], &payload["after"]),
                (&"d".into(), &serde_json::Value::Null)
            );
            assert_eq!((&tombstone.1, &tombstone.2), (&deleted.1, &None));
            // As it stood in the record that it deletes.
            assert!(
                events[..50].iter().any(|(_, key, _)| *key == deleted.1),
                "{}",
                deleted.1
            );
        }
        let is_new = |(_, key, _): &(u64, String, Option<String>)| key.contains("\"b\":");
        assert!(events[150..].iter().all(is_new));
    }
}
