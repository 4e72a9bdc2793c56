//! Records that are keyed by other columns than the server identifies rows by.

use headwater_cdc::postgres::{Session, Settings};
use headwater_cdc::{Capture, Debezium, Error, ErrorKind, Filters, Format};
use headwater_log::Log;

use super::bench::{LONG, catch_up, content, fold, memory, records, run, settings};
use crate::replication::start;

fn keyed(settings: Settings, patterns: &[&str]) -> Settings {
    Settings {
        filters: Filters {
            keyed: patterns.iter().map(|p| p.parse().unwrap()).collect(),
            ..Filters::default()
        },
        ..settings
    }
}

fn failure(log: &Log, settings: &Settings) -> Error {
    let capture = Capture::start(log, settings.clone()).unwrap();
    let until = std::time::Instant::now() + LONG;
    loop {
        if let Some(error) = capture.failure() {
            return error;
        }
        assert!(std::time::Instant::now() < until, "{:?}", capture.status());
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
}

#[test]
fn rows_are_keyed_by_the_columns_that_are_wanted() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (a int PRIMARY KEY, b int, n int); ALTER TABLE t REPLICA IDENTITY FULL; \
         INSERT INTO t SELECT n, n % 5, 0 FROM generate_series(1, 50) n",
    );
    let (log, own) = (memory(), settings(&address, &["t"]));
    catch_up(&log, &own);
    assert_eq!(fold(&log, "t"), content(&mut session, "t", &["a"]));
    // In the order of the expressions, whatever that of the table is.
    let wanted = keyed(own.clone(), &[r"public\.t\.b", r"public\.t\.a"]);
    for (settings, key) in [
        (&wanted, &["b", "a"][..]),
        (&own, &["a"]),
        (&wanted, &["b", "a"]),
    ] {
        run(
            &mut session,
            "UPDATE t SET n = n + 1 WHERE a % 2 = 0; UPDATE t SET b = b + 1 WHERE a % 3 = 0; UPDATE t SET b = NULL WHERE a = 7; \
             DELETE FROM t WHERE a = (SELECT max(a) FROM t)",
        );
        catch_up(&log, settings);
        assert_eq!(fold(&log, "t"), content(&mut session, "t", key), "{key:?}");
        run(
            &mut session,
            "UPDATE t SET b = 0 WHERE a = 7; UPDATE t SET b = b + 1 WHERE b < 3; INSERT INTO t VALUES (100 + (SELECT max(a) FROM t), 1, 2)",
        );
        catch_up(&log, settings);
        assert_eq!(fold(&log, "t"), content(&mut session, "t", key), "{key:?}");
    }
}

#[test]
fn events_of_a_row_that_gets_another_key_are_a_deletion_and_a_new_row() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    // No primary key: what is wanted is what identifies rows.
    run(
        &mut session,
        "CREATE TABLE t (a int UNIQUE NOT NULL, n int); ALTER TABLE t REPLICA IDENTITY FULL; INSERT INTO t VALUES (1, 0)",
    );
    let settings = Settings {
        format: Format::Debezium(Debezium::new("shop")),
        ..keyed(settings(&address, &["t"]), &[r"public\.t\.a"])
    };
    let log = memory();
    catch_up(&log, &settings);
    run(&mut session, "UPDATE t SET n = 1; UPDATE t SET a = 2");
    catch_up(&log, &settings);
    let found = records(&log, "t").into_iter().map(|(_, key, value)| {
        let value: Option<serde_json::Value> = value.map(|v| serde_json::from_str(&v).unwrap());
        let op = value.map_or("none".to_owned(), |v| v["op"].as_str().unwrap().to_owned());
        (key, op)
    });
    let one = |key: &str, op: &str| (key.to_owned(), op.to_owned());
    let (old, new) = ("{\"a\":1}", "{\"a\":2}");
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            one(old, "r"),
            one(old, "u"),
            one(old, "d"),
            one(old, "none"),
            one(new, "c")
        ]
    );
}

#[test]
fn a_large_key_that_a_change_leaves_as_it_was_is_known() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    // Too large to stand in the row, and small enough for an index.
    run(
        &mut session,
        "CREATE TABLE t (k text PRIMARY KEY, n int); ALTER TABLE t ALTER k SET STORAGE EXTERNAL; \
         INSERT INTO t SELECT string_agg(md5(n::text), ''), 0 FROM generate_series(1, 75) n",
    );
    let (log, settings) = (memory(), settings(&address, &["t"]));
    catch_up(&log, &settings);
    run(&mut session, "UPDATE t SET n = 1");
    catch_up(&log, &settings);
    let found = fold(&log, "t");
    assert_eq!(found.len(), 1, "{:?}", found.keys());
    let (key, row) = found.first_key_value().unwrap();
    assert!(
        key.len() > 2000 && row["n"] == 1 && row["k"].is_string(),
        "{key}"
    );
}

#[test]
fn keys_that_do_not_identify_rows_or_that_old_rows_lack_are_refused_by_name() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (a int PRIMARY KEY, b int NOT NULL, c int UNIQUE, n int); CREATE UNIQUE INDEX ON t (b) WHERE n > 0; \
         CREATE TABLE p (a int PRIMARY KEY, b int) PARTITION BY RANGE (a); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9); \
         ALTER TABLE p REPLICA IDENTITY FULL",
    );
    for (table, pattern, says, hint) in [
        ("t", r"public\.t\.b", "NOT NULL", "add a"),
        ("t", r"public\.t\.c", "NOT NULL", "add a"),
        (
            "t",
            r"public\.t\.[ab]",
            "before a change",
            "REPLICA IDENTITY FULL",
        ),
        ("p", r"public\.p\.[ab]", "partitions", "primary key"),
    ] {
        let error = failure(&memory(), &keyed(settings(&address, &[table]), &[pattern]));
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        let name = format!("public.{table}");
        assert!(
            error.message().contains(says) && error.message().contains(&name),
            "{error}"
        );
        assert!(error.hint().unwrap().contains(hint), "{error:?}");
    }
}

#[test]
fn a_table_that_no_longer_tells_its_key_stops_the_capture() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (a int PRIMARY KEY, b int); ALTER TABLE t REPLICA IDENTITY FULL; INSERT INTO t VALUES (1, 1)",
    );
    let (log, settings) = (
        memory(),
        keyed(settings(&address, &["t"]), &[r"public\.t\.[ab]"]),
    );
    catch_up(&log, &settings);
    // And what was changed meanwhile is read from the table, for the stream does not tell by which key.
    run(
        &mut session,
        "ALTER TABLE t REPLICA IDENTITY DEFAULT; UPDATE t SET b = 2; ALTER TABLE t REPLICA IDENTITY FULL; UPDATE t SET b = b + 1",
    );
    catch_up(&log, &settings);
    assert_eq!(fold(&log, "t"), content(&mut session, "t", &["a", "b"]));
    run(
        &mut session,
        "ALTER TABLE t REPLICA IDENTITY DEFAULT; UPDATE t SET b = 7",
    );
    let error = failure(&log, &settings);
    assert!(error.message().contains("before a change"), "{error}");
}
