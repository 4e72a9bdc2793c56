//! What happens to whole tables while they are captured: they are dropped, made again, renamed, exchanged.

use std::time::{Duration, Instant};

use headwater_cdc::Capture;
use headwater_cdc::mysql::{Session, Settings};
use headwater_log::Log;

use super::capturing::{LONG, catch_up, content, fold, memory, records, settings};
use super::server::{Product, Server};
use super::transactions::{numbers, run};

/// A table `t` of 300 rows, captured, on each server.
fn captured() -> impl Iterator<Item = (Server, Session, Settings, Log)> {
    Server::each(&[]).map(|server| {
        let mut session = server.session("shop");
        let insert = format!("INSERT INTO t SELECT seq, 1 FROM {}", numbers(1, 300));
        run(
            &mut session,
            &["CREATE TABLE t (id INT PRIMARY KEY, a INT)", &insert],
        );
        let settings = settings(&server.address(), &["t"]);
        let log = memory();
        catch_up(&log, &settings);
        (server, session, settings, log)
    })
}

/// The topic becomes what the table is, while the capture runs.
fn check(session: &mut Session, settings: &Settings, log: &Log, statements: &[&str]) {
    let capture = Capture::start(log, settings.clone()).unwrap();
    run(session, statements);
    let want = content(session, "t", &["id", "a"], &["id"]);
    let until = Instant::now() + LONG;
    while fold(log, "t") != want {
        if let Some(error) = capture.failure() {
            panic!("{statements:?}: {error}");
        }
        assert!(
            Instant::now() < until,
            "{statements:?}: {:?} and not {want:?}",
            fold(log, "t")
        );
        std::thread::park_timeout(Duration::from_millis(5));
    }
    capture.stop();
}

#[test]
fn a_table_that_is_made_again_has_its_new_rows_alone() {
    for (server, mut session, settings, log) in captured() {
        check(
            &mut session,
            &settings,
            &log,
            &[
                "DROP TABLE t",
                "CREATE TABLE t (id INT PRIMARY KEY, a INT)",
                "INSERT INTO t VALUES (1, 2), (1000, 3)",
            ],
        );
        let before = records(&log, "t").len();
        let anew: &[&str] = match server.product() {
            Product::MariaDb => {
                &["CREATE OR REPLACE TABLE t (id INT PRIMARY KEY, a INT) SELECT 7 AS id, 8 AS a"]
            }
            Product::MySql => &[
                "DROP TABLE t",
                "CREATE TABLE t (id INT PRIMARY KEY, a INT) SELECT 7 AS id, 8 AS a",
            ],
        };
        check(&mut session, &settings, &log, anew);
        // Two rows went and one came: nothing was read from the table.
        assert_eq!(records(&log, "t").len(), before + 3);
        // A temporary table of the same name is another one.
        check(
            &mut session,
            &settings,
            &log,
            &[
                "CREATE TEMPORARY TABLE t (id INT PRIMARY KEY, a INT)",
                "DROP TEMPORARY TABLE t",
                "INSERT INTO t VALUES (9, 9)",
            ],
        );
        assert_eq!(records(&log, "t").len(), before + 4);
        check(
            &mut session,
            &settings,
            &log,
            &[
                "DROP DATABASE shop",
                "CREATE DATABASE shop",
                "USE shop",
                "CREATE TABLE t (id INT PRIMARY KEY, a INT)",
                "INSERT INTO t VALUES (5, 5)",
            ],
        );
    }
}

#[test]
fn a_table_that_takes_the_place_of_another_is_read() {
    for (_server, mut session, settings, log) in captured() {
        run(
            &mut session,
            &[
                "CREATE TABLE n (id INT PRIMARY KEY, a INT)",
                &format!("INSERT INTO n SELECT seq, 2 FROM {}", numbers(100, 400)),
            ],
        );
        check(
            &mut session,
            &settings,
            &log,
            &["RENAME TABLE t TO o, n TO t"],
        );
        // Changes of what it was are not its own.
        check(
            &mut session,
            &settings,
            &log,
            &["UPDATE o SET a = 9", "DELETE FROM t WHERE id = 100"],
        );
        check(
            &mut session,
            &settings,
            &log,
            &["DROP TABLE t", "ALTER TABLE o RENAME TO t"],
        );
    }
}

#[test]
fn rows_that_go_with_a_partition_are_gone() {
    for (_server, mut session, settings, log) in captured() {
        check(
            &mut session,
            &settings,
            &log,
            &[
                "ALTER TABLE t PARTITION BY RANGE (id) (PARTITION low VALUES LESS THAN (100), PARTITION high VALUES LESS THAN MAXVALUE)",
            ],
        );
        check(
            &mut session,
            &settings,
            &log,
            &["ALTER TABLE t DROP PARTITION low"],
        );
        run(
            &mut session,
            &[
                "CREATE TABLE n (id INT PRIMARY KEY, a INT)",
                "INSERT INTO n VALUES (1000, 7)",
            ],
        );
        check(
            &mut session,
            &settings,
            &log,
            &["ALTER TABLE t EXCHANGE PARTITION high WITH TABLE n"],
        );
        check(
            &mut session,
            &settings,
            &log,
            &["ALTER TABLE t TRUNCATE PARTITION high"],
        );
        assert!(fold(&log, "t").is_empty());
    }
}

#[test]
fn a_table_that_is_identified_by_other_columns_is_read_anew() {
    for (_server, mut session, settings, log) in captured() {
        run(&mut session, &["UPDATE t SET a = id + 1"]);
        let statements = [
            "DELETE FROM t WHERE id = 1",
            "ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (a)",
            "UPDATE t SET id = 7 WHERE a = 9",
            "DELETE FROM t WHERE a = 10",
        ];
        run(&mut session, &statements);
        catch_up(&log, &settings);
        let want = content(&mut session, "t", &["id", "a"], &["a"]);
        assert_eq!(fold(&log, "t"), want);
    }
}

#[test]
fn a_unique_index_without_nulls_is_a_key() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(
            &mut session,
            &[
                "CREATE TABLE t (a INT, id INT NOT NULL, UNIQUE (a), UNIQUE (id))",
                &format!(
                    "INSERT INTO t SELECT 1000 - seq, seq FROM {}",
                    numbers(1, 300)
                ),
            ],
        );
        let settings = settings(&server.address(), &["t"]);
        let log = memory();
        catch_up(&log, &settings);
        run(
            &mut session,
            &[
                "DELETE FROM t WHERE id = 1",
                "UPDATE t SET a = 1 WHERE id = 2",
            ],
        );
        catch_up(&log, &settings);
        let want = content(&mut session, "t", &["a", "id"], &["id"]);
        assert_eq!(fold(&log, "t"), want);
    }
}
