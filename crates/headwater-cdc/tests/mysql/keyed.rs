//! Records that are keyed by other columns than the servers identify rows by.

use headwater_cdc::mysql::{Session, Settings};
use headwater_cdc::{Debezium, ErrorKind, Filters, Format};

use super::capturing::{catch_up, content, failure, fold, memory, records, settings};
use super::server::Server;
use super::transactions::run;

fn keyed(settings: Settings, patterns: &[&str]) -> Settings {
    Settings {
        filters: Filters {
            keyed: patterns.iter().map(|p| p.parse().unwrap()).collect(),
            ..Filters::default()
        },
        ..settings
    }
}

/// The table `t` by this key.
fn content_of(
    session: &mut Session,
    key: &[&str],
) -> std::collections::BTreeMap<String, serde_json::Value> {
    content(session, "t", &["a", "b", "n"], key)
}

#[test]
fn rows_are_keyed_by_the_columns_that_are_wanted() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        let rows: Vec<String> = (1..=250).map(|n| format!("({}, {n}, 0)", n % 5)).collect();
        run(
            &mut session,
            &[
                "CREATE TABLE t (b INT, a INT PRIMARY KEY, n INT)",
                &format!("INSERT INTO t VALUES {}", rows.join(", ")),
            ],
        );
        let (log, own) = (memory(), settings(&server.address(), &["t"]));
        catch_up(&log, &own);
        assert_eq!(fold(&log, "t"), content_of(&mut session, &["a"]));
        let wanted = keyed(own.clone(), &[r"shop\.t\.a", r"shop\.t\.b"]);
        for (settings, key) in [
            (&wanted, &["a", "b"][..]),
            (&own, &["a"]),
            (&wanted, &["a", "b"]),
        ] {
            run(
                &mut session,
                &[
                    "UPDATE t SET n = n + 1 WHERE a % 2 = 0",
                    "UPDATE t SET b = b + 1 WHERE a % 3 = 0",
                    "UPDATE t SET b = NULL WHERE a = 7",
                    "DELETE FROM t WHERE a > 240 LIMIT 1",
                ],
            );
            catch_up(&log, settings);
            assert_eq!(fold(&log, "t"), content_of(&mut session, key), "{key:?}");
            run(
                &mut session,
                &[
                    "UPDATE t SET b = 0 WHERE a = 7",
                    "ALTER TABLE t COMMENT 'x'",
                    "UPDATE t SET b = b + 1 WHERE b < 3",
                ],
            );
            catch_up(&log, settings);
            assert_eq!(fold(&log, "t"), content_of(&mut session, key), "{key:?}");
        }
    }
}

#[test]
fn events_of_a_row_that_gets_another_key_are_a_deletion_and_a_new_row() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(
            &mut session,
            &[
                "CREATE TABLE t (a INT PRIMARY KEY, b INT)",
                "INSERT INTO t VALUES (1, 0)",
            ],
        );
        let settings = Settings {
            format: Format::Debezium(Debezium {
                schemas: true,
                ..Debezium::new("shop")
            }),
            ..keyed(settings(&server.address(), &["t"]), &[r"shop\.t\.[ab]"])
        };
        let log = memory();
        catch_up(&log, &settings);
        run(&mut session, &["UPDATE t SET b = 2"]);
        catch_up(&log, &settings);
        let found = records(&log, "t").into_iter().map(|(_, key, value)| {
            let key: serde_json::Value = serde_json::from_str(&key).unwrap();
            let value: Option<serde_json::Value> = value.map(|v| serde_json::from_str(&v).unwrap());
            let op = value.map_or("none".to_owned(), |v| {
                v["payload"]["op"].as_str().unwrap().to_owned()
            });
            let fields = key["schema"]["fields"].as_array().unwrap().len();
            (fields, key["payload"]["b"].to_string(), op)
        });
        let one = |b: &str, op: &str| (2, b.to_owned(), op.to_owned());
        let want = [
            one("0", "r"),
            one("0", "d"),
            one("0", "none"),
            one("2", "c"),
        ];
        assert_eq!(found.collect::<Vec<_>>(), want);
    }
}

#[test]
fn keys_that_do_not_identify_rows_are_refused_by_name() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(
            &mut session,
            &["CREATE TABLE t (a INT, b INT, c INT, PRIMARY KEY (a, b))"],
        );
        let settings = keyed(settings(&server.address(), &["t"]), &[r"shop\.t\.[ac]"]);
        let error = failure(&memory(), &settings);
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        let says = ["'shop.t'", "a, c", "'b'"];
        assert!(
            says.iter().all(|word| error.message().contains(word)),
            "{error}"
        );
        // What comes to lack a column of another key is refused as well.
        let log = memory();
        run(
            &mut session,
            &[
                "ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (a)",
                "INSERT INTO t VALUES (1, 2, 3)",
            ],
        );
        catch_up(&log, &settings);
        assert_eq!(
            fold(&log, "t").keys().collect::<Vec<_>>(),
            ["{\"a\":1,\"c\":3}"]
        );
        run(
            &mut session,
            &[
                "ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (a, b)",
                "UPDATE t SET c = 4",
            ],
        );
        let error = failure(&log, &settings);
        assert!(error.message().contains("'b'"), "{error}");
    }
}
