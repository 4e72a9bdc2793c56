//! What is left out, made unreadable or skipped, in the backfill and in the stream alike.

use headwater_cdc::mysql::{Settings, TableName};
use headwater_cdc::{Debezium, ErrorKind, Filters, Format, Hash, Hashed, Treatment};
use serde_json::{Value, json};

use super::capturing::{catch_up, each_with, failure, fold, memory, records, settings};
use super::transactions::run;

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
    each_with(
        &[
            "CREATE TABLE users (id INT PRIMARY KEY, n INT, password TEXT, mail VARCHAR(99), phone TEXT, short VARCHAR(10), note TEXT)",
            "INSERT INTO users VALUES (1, 0, 'secret', 'me@example.org', '0123', 'abc', 'üüüüüü')",
        ],
        |server, session| {
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
                session,
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
            run(session, &["UPDATE users SET n = 7 WHERE id = 1"]);
            catch_up(&log, &events);
            let all = records(&log, "events");
            let last: Value =
                serde_json::from_str(all.last().unwrap().2.as_deref().unwrap()).unwrap();
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
        },
    );
}

#[test]
fn what_identifies_rows_and_what_is_no_text_is_not_treated() {
    each_with(
        &["CREATE TABLE t (id VARCHAR(9) PRIMARY KEY, n INT, b BLOB)"],
        |server, _| {
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
        },
    );
}

#[test]
fn changes_that_are_skipped_leave_what_was_there() {
    each_with(
        &[
            "CREATE TABLE t (id INT PRIMARY KEY, n INT)",
            "INSERT INTO t VALUES (1, 0), (2, 0)",
        ],
        |server, session| {
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
                session,
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
                session,
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
        },
    );
}
