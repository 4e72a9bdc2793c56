//! What is left out, made unreadable or skipped, in the backfill and in the stream alike.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use headwater_cdc::mysql::{Settings, TableName};
use headwater_cdc::{
    Capture, Debezium, ErrorKind, Filters, Format, Hash, Hashed, Matching, Phase, Treatment,
};
use serde_json::{Value, json};

use super::capturing::{LONG, catch_up, content, failure, fold, memory, records, settings};
use super::server::Server;
use super::transactions::{numbers, run};

fn of_users(settings: Settings, format: Format) -> Settings {
    let treat = |pattern: &str, treatment| (pattern.parse().unwrap(), treatment);
    let short = Hash {
        is_shortened: true,
        of: Hashed::JavaObject,
        ..Hash::new("salt")
    };
    Settings {
        format,
        filters: Filters {
            excluded: vec![r".*\.password".parse().unwrap()],
            treatments: vec![
                treat(r"shop\.users\.mail", Treatment::Mask(5)),
                treat(r"SHOP\.users\.phone", Treatment::Hash(Hash::new("salt"))),
                treat(r"shop\.users\.short", Treatment::Hash(short)),
                treat(r"shop\.users\.note", Treatment::Truncate(4)),
            ],
            ..Filters::default()
        },
        ..settings
    }
}

#[test]
fn columns_are_left_out_masked_hashed_and_cut_wherever_rows_come_from() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(
            &mut session,
            &[
                "CREATE TABLE users (id INT PRIMARY KEY, n INT, password TEXT, mail VARCHAR(99), phone TEXT, short VARCHAR(10), note TEXT)",
                "INSERT INTO users VALUES (1, 0, 'secret', 'me@example.org', '0123', 'abc', 'üüüüüü')",
            ],
        );
        let rows = of_users(settings(&server.address(), &["users"]), Format::Rows);
        let log = memory();
        catch_up(&log, &rows);
        let sha = |text: &str| format!("SELECT SHA2({text}, 256)");
        let phone = session.value(&sha("'salt0123'")).unwrap().unwrap();
        // What Java writes for a text, and ten digits, for the column has ten characters.
        let java = sha("CONCAT('salt', x'aced0005740003', 'abc')");
        let short = session.value(&java).unwrap().unwrap()[..10].to_owned();
        let want = |id: u32, n: u32| json!({"id": id, "n": n, "mail": "*****", "phone": phone, "short": short, "note": "üüüü"});
        assert_eq!(fold(&log, "users")["{\"id\":1}"], want(1, 0));
        run(
            &mut session,
            &[
                "INSERT INTO users VALUES (2, 0, 'secret', NULL, '0123', 'abc', 'üüüüüü')",
                "UPDATE users SET n = n + 1",
            ],
        );
        catch_up(&log, &rows);
        for id in [1, 2] {
            let key = format!("{{\"id\":{id}}}");
            assert_eq!(fold(&log, "users")[&key], want(id, 1));
        }
        let events = Format::Debezium(Debezium {
            schemas: true,
            ..Debezium::new("p")
        });
        let events = of_users(rows, events);
        let events = Settings {
            name: "events".to_owned(),
            tables: vec![(TableName::new("shop", "users"), "shop.events".to_owned())],
            ..events
        };
        catch_up(&log, &events);
        run(&mut session, &["UPDATE users SET n = 7 WHERE id = 1"]);
        catch_up(&log, &events);
        let all = records(&log, "events");
        let last: Value = serde_json::from_str(all.last().unwrap().2.as_deref().unwrap()).unwrap();
        assert_eq!(last["payload"]["before"], want(1, 1));
        assert_eq!(last["payload"]["after"], want(1, 7));
        assert!(!last["schema"].to_string().contains("password"));
        for (_, _, value) in all.into_iter().chain(records(&log, "users")) {
            let value = value.unwrap();
            assert!(
                !value.contains("secret") && !value.contains("0123\""),
                "{value}"
            );
        }
    }
}

#[test]
fn what_identifies_rows_and_what_is_no_text_is_not_treated() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(
            &mut session,
            &["CREATE TABLE t (id VARCHAR(9) PRIMARY KEY, n INT, b BLOB)"],
        );
        for (column, kind) in [
            ("id", ErrorKind::Invalid),
            ("n", ErrorKind::Unsupported),
            ("b", ErrorKind::Unsupported),
        ] {
            let pattern = format!(r"shop\.t\.{column}").parse().unwrap();
            let settings = Settings {
                filters: Filters {
                    treatments: vec![(pattern, Treatment::Mask(3))],
                    ..Filters::default()
                },
                ..settings(&server.address(), &["t"])
            };
            let error = failure(&memory(), &settings);
            assert_eq!(error.kind(), kind, "{error}");
            let name = format!("'shop.t.{column}'");
            assert!(error.message().contains(&name), "{error}");
        }
    }
}

#[test]
fn changes_that_are_skipped_leave_what_was_there() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(
            &mut session,
            &[
                "CREATE TABLE t (id INT PRIMARY KEY, n INT)",
                "INSERT INTO t VALUES (1, 0), (2, 0)",
            ],
        );
        let settings = Settings {
            filters: Filters {
                skipped: "d,t".parse().unwrap(),
                ..Filters::default()
            },
            ..settings(&server.address(), &["t"])
        };
        let log = memory();
        catch_up(&log, &settings);
        run(
            &mut session,
            &[
                "DELETE FROM t WHERE id = 1",
                "UPDATE t SET n = 1",
                "INSERT INTO t VALUES (3, 0)",
                "TRUNCATE t",
                "INSERT INTO t VALUES (4, 0)",
            ],
        );
        catch_up(&log, &settings);
        let keys: Vec<String> = fold(&log, "t").into_keys().collect();
        assert_eq!(
            keys,
            ["{\"id\":1}", "{\"id\":2}", "{\"id\":3}", "{\"id\":4}"]
        );
        // Another table by that name is no change that could be skipped.
        run(
            &mut session,
            &[
                "CREATE TABLE other (id INT PRIMARY KEY, n INT)",
                "INSERT INTO other VALUES (9, 9)",
                "DROP TABLE t",
                "RENAME TABLE other TO t",
            ],
        );
        catch_up(&log, &settings);
        catch_up(&log, &settings);
        let keys: Vec<String> = fold(&log, "t").into_keys().collect();
        assert_eq!(keys, ["{\"id\":9}"]);
    }
}

/// Those rows of `t` that a server chooses.
fn chosen(session: &mut headwater_cdc::mysql::Session, condition: &str) -> BTreeMap<String, Value> {
    let columns = ["id", "n"];
    content(session, &format!("t WHERE {condition}"), &columns, &["id"])
}

#[test]
fn a_condition_chooses_rows_in_the_table_and_in_the_stream() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(
            &mut session,
            &[
                "CREATE TABLE t (id INT PRIMARY KEY, n INT, a VARCHAR(9) COLLATE utf8mb4_bin, d DECIMAL(9,2), at TIMESTAMP NULL)",
                &format!(
                    "INSERT INTO t SELECT seq, seq % 10, IF(seq % 3, 'a', 'B'), seq / 7, '2026-01-01 00:00:00' + INTERVAL seq HOUR FROM {}",
                    numbers(1, 1000)
                ),
            ],
        );
        let with = |condition: &str| Settings {
            conditions: vec![(TableName::new("shop", "t"), condition.to_owned())],
            ..settings(&server.address(), &["t"])
        };
        let numbers = |log: &_| -> BTreeMap<String, Value> {
            let rows = fold(log, "t").into_iter();
            rows.map(|(key, row)| (key, json!({"id": row["id"], "n": row["n"]})))
                .collect()
        };
        let log = memory();
        let mut is_chosen = |condition: &str, changes: &[&str]| {
            catch_up(&log, &with(condition));
            assert_eq!(
                numbers(&log),
                chosen(&mut session, condition),
                "{condition}"
            );
            let before = records(&log, "t").len();
            run(&mut session, changes);
            catch_up(&log, &with(condition));
            assert_eq!(
                numbers(&log),
                chosen(&mut session, condition),
                "{condition}"
            );
            records(&log, "t").len() - before
        };
        let changes = [
            "UPDATE t SET n = 9 WHERE id = 1",
            "UPDATE t SET n = 0 WHERE id = 9",
            "UPDATE t SET n = 1 WHERE id = 10",
            "DELETE FROM t WHERE id IN (7, 8, 11)",
            "UPDATE t SET id = 2000 WHERE id = 19",
            "INSERT INTO t (id, n) VALUES (1001, 1), (1002, 7), (1003, NULL)",
        ];
        // One comes, one goes, two are deleted, one moves and one is new: seven records, none of any other row.
        assert_eq!(is_chosen("n > 5", &changes), 7);
        // Another condition is another table.
        for condition in [
            "n > 5 AND NOT (a = 'B' OR n IN (6, 7))",
            "d BETWEEN 10.5 AND 100 OR n IS NULL",
            "at < '2026-01-20 10:00:00' AND a <> 'a'",
            "d >= 142.86",
        ] {
            is_chosen(
                condition,
                &["UPDATE t SET n = n + 1, d = d + 1, a = IF(a = 'a', 'B', 'a') WHERE id % 3 = 0"],
            );
        }
        catch_up(&log, &settings(&server.address(), &["t"]));
        assert_eq!(numbers(&log), chosen(&mut session, "TRUE"));
    }
}

#[test]
fn a_condition_is_about_columns_that_there_are() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(
            &mut session,
            &[
                "CREATE TABLE t (id INT PRIMARY KEY, n INT)",
                "INSERT INTO t VALUES (1, 1), (2, 2)",
            ],
        );
        let with = |condition: &str| Settings {
            conditions: vec![(TableName::new("shop", "t"), condition.to_owned())],
            ..settings(&server.address(), &["t"])
        };
        let error = failure(&memory(), &with("m = 1"));
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains("'m'"), "{error}");
        let log = memory();
        let error = Capture::start(&log, with("n LIKE 'a'")).unwrap_err();
        assert!(error.message().contains("LIKE"), "{error}");
        catch_up(&log, &with("n > 1"));
        // The log has changes from before there was the column; the table is read anew with it.
        run(
            &mut session,
            &[
                "UPDATE t SET n = 5 WHERE id = 1",
                "ALTER TABLE t ADD COLUMN m INT DEFAULT 3",
                "INSERT INTO t VALUES (3, 9, 9)",
            ],
        );
        catch_up(&log, &with("m = 3"));
        catch_up(&log, &with("m = 3"));
        assert_eq!(fold(&log, "t").len(), 2);
        run(&mut session, &["ALTER TABLE t DROP COLUMN m"]);
        let error = failure(&log, &with("m = 3"));
        assert!(error.message().contains("'m'"), "{error}");
        catch_up(&log, &with("n = 9"));
        assert_eq!(fold(&log, "t").len(), 1);
    }
}

#[test]
fn a_table_is_read_once_more_where_a_condition_holds() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(
            &mut session,
            &[
                "CREATE TABLE t (id INT PRIMARY KEY, n INT)",
                &format!("INSERT INTO t SELECT seq, seq FROM {}", numbers(1, 500)),
            ],
        );
        let settings = settings(&server.address(), &["t"]);
        let log = memory();
        let capture = Capture::start(&log, settings.clone()).unwrap();
        let reach = || {
            let end = headwater_cdc::Settings::from(settings.clone())
                .log_end()
                .unwrap();
            assert!(capture.wait_for(&end, LONG).unwrap());
        };
        reach();
        assert_eq!(records(&log, "t").len(), 500);
        capture
            .snapshot("shop.t", Some("n > 450 AND id <> 500"))
            .unwrap();
        run(&mut session, &["UPDATE t SET n = 0 WHERE id = 1"]);
        reach();
        assert_eq!(records(&log, "t").len(), 500 + 1 + 49);
        let error = capture.snapshot("shop.t", Some("x = 1")).unwrap_err();
        assert!(error.message().contains("'x'"), "{error}");
        capture.stop();
    }
}

#[test]
fn a_capture_ends_when_its_tables_are_read() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(
            &mut session,
            &[
                "CREATE TABLE t (id INT PRIMARY KEY, n INT)",
                &format!("INSERT INTO t SELECT seq, seq FROM {}", numbers(1, 500)),
            ],
        );
        let settings = Settings {
            ends_when_read: true,
            ..settings(&server.address(), &["t"])
        };
        let log = memory();
        for _ in 0..2 {
            let capture = Capture::start(&log, settings.clone()).unwrap();
            let end = headwater_cdc::Settings::from(settings.clone())
                .log_end()
                .unwrap();
            assert!(capture.wait_for(&end, LONG).unwrap());
            let until = Instant::now() + LONG;
            while capture.status().phase != Phase::Over {
                assert!(Instant::now() < until, "{:?}", capture.status());
                std::thread::park_timeout(Duration::from_millis(5));
            }
            assert_eq!(records(&log, "t").len(), 500);
            run(&mut session, &["UPDATE t SET n = 0"]);
        }
    }
}

/// Waits until these tables are captured.
fn until(capture: &Capture, want: &[&str]) {
    let names = || -> Vec<String> {
        let tables = capture.status().tables.into_iter();
        tables.map(|t| t.name).collect()
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
fn tables_are_chosen_by_patterns_also_those_that_come_and_go() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(
            &mut session,
            &[
                "CREATE TABLE lines_1 (id INT PRIMARY KEY)",
                "INSERT INTO lines_1 VALUES (1)",
                "CREATE TABLE lines_old (id INT PRIMARY KEY)",
                "CREATE TABLE other (id INT)",
            ],
        );
        let patterns = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect();
        let with = |scope: &str| Settings {
            matching: Some(Matching {
                scopes: patterns(&[scope]),
                included: patterns(&[r".*\.lines_.*"]),
                excluded: patterns(&[r".*_old"]),
                topic_prefix: String::new(),
            }),
            backfills: false,
            ..settings(&server.address(), &[])
        };
        assert_eq!(failure(&memory(), &with("sho")).kind(), ErrorKind::NotFound);
        let log = memory();
        let capture = Capture::start(&log, with("shop")).unwrap();
        let until = |want: &[&str]| until(&capture, want);
        until(&["shop.lines_1"]);
        // A table that is made later is captured with what it has, although the others are not read.
        run(
            &mut session,
            &[
                "CREATE TABLE lines_2 (id INT PRIMARY KEY)",
                "INSERT INTO lines_2 VALUES (1), (2)",
                "INSERT INTO lines_1 VALUES (2)",
            ],
        );
        until(&["shop.lines_1", "shop.lines_2"]);
        run(&mut session, &["INSERT INTO lines_2 VALUES (3)"]);
        let reach = || {
            let end = headwater_cdc::Settings::from(with("shop"))
                .log_end()
                .unwrap();
            assert!(capture.wait_for(&end, LONG).unwrap());
        };
        reach();
        assert_eq!(
            (fold(&log, "lines_1").len(), fold(&log, "lines_2").len()),
            (1, 3)
        );
        capture.stop();
        // The log says what became of one that is gone when the next capture starts.
        run(
            &mut session,
            &["DROP TABLE lines_2", "INSERT INTO lines_1 VALUES (3)"],
        );
        catch_up(&log, &with("shop"));
        assert_eq!(
            (fold(&log, "lines_1").len(), fold(&log, "lines_2").len()),
            (2, 0)
        );
    }
}
