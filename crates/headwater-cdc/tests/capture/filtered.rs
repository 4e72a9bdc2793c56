//! What is left out, made unreadable or skipped, in the backfill and in the stream alike.

use std::time::{Duration, Instant};

use headwater_cdc::postgres::{Session, Settings};
use headwater_cdc::{Capture, Debezium, ErrorKind, Filters, Format, Hash, Matching, Treatment};
use serde_json::{Value, json};

use super::bench::{catch_up, content, fold, memory, records, run, settings, table};
use super::losses::failure;
use crate::replication::start;
use crate::topics::{self, LONG};

/// Waits until these tables are captured into these topics.
fn until(capture: &Capture, want: &[&str]) {
    let names = || -> Vec<String> {
        let tables = capture.status().tables.into_iter();
        tables
            .map(|t| format!("{} in {}", t.name, t.topic))
            .collect()
    };
    let end = Instant::now() + LONG;
    while names() != want {
        assert!(
            capture.failure().is_none() && Instant::now() < end,
            "{:?}",
            capture.status()
        );
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn tables_are_chosen_by_patterns() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE SCHEMA sales; CREATE TABLE sales.lines (id int PRIMARY KEY); CREATE TABLE sales.old (id int PRIMARY KEY); \
         CREATE TABLE other (id int); CREATE TABLE sales.parts (id int PRIMARY KEY) PARTITION BY RANGE (id); \
         CREATE TABLE sales.part_1 PARTITION OF sales.parts FOR VALUES FROM (0) TO (9); CREATE VIEW sales.seen AS SELECT 1",
    );
    let patterns = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect();
    let with = |included: &[&str]| Settings {
        matching: Some(Matching {
            included: patterns(included),
            excluded: patterns(&[r".*\.old"]),
            topic_prefix: "p.".to_owned(),
            ..Matching::default()
        }),
        backfills: false,
        ..settings(&address, &[])
    };
    assert_eq!(
        failure(&memory(), &with(&["nothing"])).kind(),
        ErrorKind::NotFound
    );
    let log = memory();
    let capture = Capture::start(&log, with(&[r"sales\..*"])).unwrap();
    let until = |want: &[&str]| until(&capture, want);
    until(&[
        "sales.lines in p.sales.lines",
        "sales.parts in p.sales.parts",
    ]);
    // A table that is made later is captured with what it has, although the others are not read.
    run(
        &mut session,
        "CREATE TABLE sales.more (id int PRIMARY KEY); INSERT INTO sales.more VALUES (1), (2); CREATE TABLE other_more (id int); \
         INSERT INTO sales.lines VALUES (3)",
    );
    until(&[
        "sales.lines in p.sales.lines",
        "sales.more in p.sales.more",
        "sales.parts in p.sales.parts",
    ]);
    run(&mut session, "INSERT INTO sales.more VALUES (3)");
    let reach = || {
        let end = headwater_cdc::Settings::from(with(&[])).log_end().unwrap();
        assert!(capture.wait_for(&end, LONG).unwrap());
    };
    reach();
    assert_eq!(topics::fold(&log, "p.sales.more").len(), 3);
    assert_eq!(topics::fold(&log, "p.sales.lines").len(), 1);
    // One that is dropped is none of them any more.
    run(&mut session, "DROP TABLE sales.lines");
    until(&["sales.more in p.sales.more", "sales.parts in p.sales.parts"]);
    run(&mut session, "INSERT INTO sales.more VALUES (4)");
    reach();
    assert_eq!(topics::fold(&log, "p.sales.more").len(), 4);
}

#[test]
fn tables_are_read_as_far_as_that_is_wanted() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY); INSERT INTO t VALUES (1); INSERT INTO u VALUES (1), (2)",
    );
    let settings = Settings {
        backfilled: vec![r"public\.u".parse().unwrap()],
        ..settings(&address, &["t", "u"])
    };
    let log = memory();
    catch_up(&log, &settings);
    assert_eq!((records(&log, "t").len(), records(&log, "u").len()), (0, 2));
    // What has become another table is read if it would have been.
    run(
        &mut session,
        "ALTER TABLE t ADD a int; ALTER TABLE u ADD a int; INSERT INTO t VALUES (2); INSERT INTO u VALUES (3)",
    );
    catch_up(&log, &settings);
    catch_up(&log, &settings);
    assert_eq!((fold(&log, "t").len(), fold(&log, "u").len()), (1, 3));
    let again = Settings {
        reads_again: true,
        ..settings
    };
    let before = records(&log, "u").len();
    let capture = Capture::start(&log, again).unwrap();
    let end = Instant::now() + LONG;
    while records(&log, "u").len() < before + 3 || fold(&log, "t").len() < 2 {
        assert!(Instant::now() < end, "{:?}", capture.status());
        std::thread::park_timeout(Duration::from_millis(20));
    }
    capture.stop();
}

fn row(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn columns_are_left_out_masked_hashed_and_cut_wherever_rows_come_from() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE users (id int PRIMARY KEY, n int, password text, mail text, phone text, note text); \
         ALTER TABLE users ALTER phone SET STORAGE EXTERNAL, ALTER note SET STORAGE EXTERNAL, ALTER password SET STORAGE EXTERNAL",
    );
    let insert = |id: u32| {
        format!(
            "INSERT INTO users VALUES ({id}, 0, repeat('p', 3000), 'me@example.org', repeat('1', 3000), repeat('ü', 3000))"
        )
    };
    run(&mut session, &insert(1));
    let treat = |pattern: &str, treatment| (pattern.parse().unwrap(), treatment);
    let settings = Settings {
        filters: Filters {
            excluded: vec![r".*\.password".parse().unwrap()],
            treatments: vec![
                treat(r"public\.users\.mail", Treatment::Mask(5)),
                treat(r"public\.users\.phone", Treatment::Hash(Hash::new("salt"))),
                treat(r"public\.users\.note", Treatment::Truncate(4)),
            ],
            ..Filters::default()
        },
        ..settings(&address, &["users"])
    };
    let log = memory();
    catch_up(&log, &settings);
    let hash = "SELECT encode(sha256(convert_to('salt' || repeat('1', 3000), 'UTF8')), 'hex')";
    let hash = session.value(hash).unwrap().unwrap();
    let want =
        |id: u32, n: u32| json!({"id": id, "n": n, "mail": "*****", "phone": hash, "note": "üüüü"});
    assert_eq!(fold(&log, "users")["{\"id\":1}"], want(1, 0));
    run(&mut session, &insert(2));
    // What a change leaves as it was is not treated a second time.
    run(&mut session, "UPDATE users SET n = n + 1");
    catch_up(&log, &settings);
    run(&mut session, "UPDATE users SET n = n + 1");
    catch_up(&log, &settings);
    for id in [1, 2] {
        assert_eq!(
            fold(&log, "users")[&format!("{{\"id\":{id}}}")],
            want(id, 2)
        );
    }
    for (_, _, value) in records(&log, "users") {
        let value = value.unwrap();
        assert!(
            !value.contains("pp") && !value.contains("111111111111"),
            "{value}"
        );
    }
    // Nothing is read again: the table has no gaps.
    assert_eq!(records(&log, "users").len(), 6);
}

#[test]
fn events_say_nothing_of_columns_that_are_left_out() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (id int PRIMARY KEY, a text, b text); ALTER TABLE t REPLICA IDENTITY FULL; INSERT INTO t VALUES (1, 'x', 'secret')",
    );
    let settings = Settings {
        format: Format::Debezium(Debezium {
            schemas: true,
            ..Debezium::new("postgres")
        }),
        filters: Filters {
            included: vec![r"public\.t\.a".parse().unwrap()],
            ..Filters::default()
        },
        ..settings(&address, &["t"])
    };
    let log = memory();
    catch_up(&log, &settings);
    run(&mut session, "UPDATE t SET a = 'y'; DELETE FROM t");
    catch_up(&log, &settings);
    let values: Vec<Value> = records(&log, "t")
        .iter()
        .filter_map(|(_, _, value)| value.as_deref().map(row))
        .collect();
    let of = |event: &Value| {
        (
            event["payload"]["before"].clone(),
            event["payload"]["after"].clone(),
        )
    };
    let a = |a: &str| json!({"id": 1, "a": a});
    assert_eq!(of(&values[0]), (Value::Null, a("x")));
    assert_eq!(of(&values[1]), (a("x"), a("y")));
    assert_eq!(of(&values[2]), (a("y"), Value::Null));
    assert!(!values[1].to_string().contains("\"field\":\"b\""));
}

#[test]
fn what_identifies_rows_is_neither_left_out_nor_treated() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (id text PRIMARY KEY, n int); INSERT INTO t VALUES ('a', 7)",
    );
    let with = |filters| Settings {
        filters,
        ..settings(&address, &["t"])
    };
    let of_key = with(Filters {
        excluded: vec![r".*\.id".parse().unwrap()],
        ..Filters::default()
    });
    let error = failure(&memory(), &of_key);
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("'public.t.id'"), "{error}");
    let of_number = with(Filters {
        treatments: vec![(r".*\.n".parse().unwrap(), Treatment::Mask(3))],
        ..Filters::default()
    });
    let error = failure(&memory(), &of_number);
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("no texts"), "{error}");
}

#[test]
fn changes_that_are_skipped_leave_what_was_there() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 0), (2, 0)",
    );
    let settings = Settings {
        filters: Filters {
            skipped: "d,t".parse().unwrap(),
            ..Filters::default()
        },
        ..settings(&address, &["t"])
    };
    let log = memory();
    catch_up(&log, &settings);
    run(
        &mut session,
        "DELETE FROM t WHERE id = 1; UPDATE t SET n = 1; INSERT INTO t VALUES (3, 0); TRUNCATE t; INSERT INTO t VALUES (4, 0)",
    );
    catch_up(&log, &settings);
    let rows: Vec<String> = fold(&log, "t")
        .values()
        .map(|row| format!("{}:{}", row["id"], row["n"]))
        .collect();
    assert_eq!(rows, ["1:0", "2:1", "3:0", "4:0"]);
    let none = Settings {
        filters: Filters {
            skipped: "c,u".parse().unwrap(),
            ..Filters::default()
        },
        slot: "none".to_owned(),
        publication: "none".to_owned(),
        ..settings
    };
    let log = memory();
    catch_up(&log, &none);
    run(
        &mut session,
        "INSERT INTO t VALUES (5, 0); UPDATE t SET n = 9; TRUNCATE t",
    );
    catch_up(&log, &none);
    assert_eq!(records(&log, "t").len(), 2);
    assert!(fold(&log, "t").is_empty());
}

#[test]
fn a_condition_chooses_rows_in_the_table_and_in_the_stream() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (id int PRIMARY KEY, n int, a text); INSERT INTO t SELECT n, n % 10, 'a' FROM generate_series(1, 100) n; \
         CREATE TABLE u (id int PRIMARY KEY); INSERT INTO u VALUES (1)",
    );
    let with = |condition: &str| Settings {
        conditions: vec![(table("t"), condition.to_owned())],
        ..settings(&address, &["t", "u"])
    };
    let error = failure(&memory(), &with("n > 5"));
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("needs 'n'"), "{error}");
    assert_eq!(
        error.hint(),
        Some("ALTER TABLE \"public\".\"t\" REPLICA IDENTITY FULL")
    );
    run(&mut session, "ALTER TABLE t REPLICA IDENTITY FULL");
    let log = memory();
    let is_chosen = |log: &_, session: &mut Session, least: i64| {
        let mut want = content(session, "t", &["id"]);
        want.retain(|_, row| row["n"].as_i64().unwrap() > least);
        assert_eq!(fold(log, "t"), want);
        assert_eq!(fold(log, "u"), content(session, "u", &["id"]));
    };
    catch_up(&log, &with("n > 5 -- all of it"));
    is_chosen(&log, &mut session, 5);
    // Rows come and go with what is changed of them.
    run(
        &mut session,
        "UPDATE t SET n = 9 WHERE id = 1; UPDATE t SET n = 0 WHERE id = 9; UPDATE t SET a = 'b'; DELETE FROM t WHERE id = 8; \
         INSERT INTO t VALUES (101, 1, 'c'), (102, 7, 'c'); INSERT INTO u VALUES (2)",
    );
    catch_up(&log, &with("n > 5"));
    is_chosen(&log, &mut session, 5);
    // Another condition is another table.
    run(&mut session, "UPDATE t SET n = n + 1 WHERE id % 3 = 0");
    catch_up(&log, &with("n > 2"));
    is_chosen(&log, &mut session, 2);
    run(&mut session, "UPDATE t SET n = n - 4 WHERE id % 5 = 0");
    catch_up(&log, &settings(&address, &["t", "u"]));
    is_chosen(&log, &mut session, -100);
    let error = failure(&memory(), &with("n >"));
    assert!(error.message().contains("syntax error"), "{error}");
}
