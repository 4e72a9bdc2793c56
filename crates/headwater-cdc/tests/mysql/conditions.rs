//! Rows are chosen by conditions, in the table and in the stream alike.

use std::collections::BTreeMap;

use headwater_cdc::mysql::{Session, Settings, TableName};
use headwater_cdc::{Capture, ErrorKind};
use serde_json::{Value, json};

use super::capturing::{
    catch_up, content, each_with, failure, fold, memory, reach, records, settings,
};
use super::server::Server;
use super::transactions::{numbers, run};

fn where_t(server: &Server, condition: &str) -> Settings {
    Settings {
        conditions: vec![(TableName::new("shop", "t"), condition.to_owned())],
        ..settings(&server.address(), &["t"])
    }
}

/// Those rows of `t` that a server chooses.
fn chosen(session: &mut Session, condition: &str) -> BTreeMap<String, Value> {
    let columns = ["id", "n"];
    content(session, &format!("t WHERE {condition}"), &columns, &["id"])
}

#[test]
fn a_condition_chooses_rows_in_the_table_and_in_the_stream() {
    each_with(
        &[
            "CREATE TABLE t (id INT PRIMARY KEY, n INT, a VARCHAR(9) COLLATE utf8mb4_bin, d DECIMAL(9,2), at TIMESTAMP NULL)",
            &format!(
                "INSERT INTO t SELECT seq, seq % 10, IF(seq % 3, 'a', 'B'), seq / 7, '2026-01-01 00:00:00' + INTERVAL seq HOUR FROM {}",
                numbers(1, 1000)
            ),
        ],
        |server, session| {
            let with = |condition: &str| where_t(server, condition);
            let numbers = |log: &_| -> BTreeMap<String, Value> {
                let rows = fold(log, "t").into_iter();
                rows.map(|(key, row)| (key, json!({"id": row["id"], "n": row["n"]})))
                    .collect()
            };
            let log = memory();
            let mut is_chosen = |condition: &str, changes: &[&str]| {
                catch_up(&log, &with(condition));
                assert_eq!(numbers(&log), chosen(session, condition), "{condition}");
                let before = records(&log, "t").len();
                run(session, changes);
                catch_up(&log, &with(condition));
                assert_eq!(numbers(&log), chosen(session, condition), "{condition}");
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
                    &[
                        "UPDATE t SET n = n + 1, d = d + 1, a = IF(a = 'a', 'B', 'a') WHERE id % 3 = 0",
                    ],
                );
            }
            catch_up(&log, &settings(&server.address(), &["t"]));
            assert_eq!(numbers(&log), chosen(session, "TRUE"));
        },
    );
}

#[test]
fn a_condition_is_about_columns_that_there_are() {
    each_with(
        &[
            "CREATE TABLE t (id INT PRIMARY KEY, n INT)",
            "INSERT INTO t VALUES (1, 1), (2, 2)",
        ],
        |server, session| {
            let with = |condition: &str| where_t(server, condition);
            let error = failure(&memory(), &with("m = 1"));
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.message().contains("'m'"), "{error}");
            let log = memory();
            let error = Capture::start(&log, with("n LIKE 'a'")).unwrap_err();
            assert!(error.message().contains("LIKE"), "{error}");
            catch_up(&log, &with("n > 1"));
            // The log has changes from before there was the column; the table is read anew with it.
            run(
                session,
                &[
                    "UPDATE t SET n = 5 WHERE id = 1",
                    "ALTER TABLE t ADD COLUMN m INT DEFAULT 3",
                    "INSERT INTO t VALUES (3, 9, 9)",
                ],
            );
            catch_up(&log, &with("m = 3"));
            catch_up(&log, &with("m = 3"));
            assert_eq!(fold(&log, "t").len(), 2);
            run(session, &["ALTER TABLE t DROP COLUMN m"]);
            let error = failure(&log, &with("m = 3"));
            assert!(error.message().contains("'m'"), "{error}");
            catch_up(&log, &with("n = 9"));
            assert_eq!(fold(&log, "t").len(), 1);
        },
    );
}

#[test]
fn a_table_is_read_once_more_where_a_condition_holds() {
    each_with(
        &[
            "CREATE TABLE t (id INT PRIMARY KEY, n INT)",
            &format!("INSERT INTO t SELECT seq, seq FROM {}", numbers(1, 500)),
        ],
        |server, session| {
            let settings = settings(&server.address(), &["t"]);
            let log = memory();
            let capture = Capture::start(&log, settings.clone()).unwrap();
            reach(&capture, &settings);
            assert_eq!(records(&log, "t").len(), 500);
            capture
                .snapshot("shop.t", Some("n > 450 AND id <> 500"))
                .unwrap();
            run(session, &["UPDATE t SET n = 0 WHERE id = 1"]);
            reach(&capture, &settings);
            assert_eq!(records(&log, "t").len(), 500 + 1 + 49);
            let error = capture.snapshot("shop.t", Some("x = 1")).unwrap_err();
            assert!(error.message().contains("'x'"), "{error}");
            capture.stop();
        },
    );
}
