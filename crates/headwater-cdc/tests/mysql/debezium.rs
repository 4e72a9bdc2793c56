//! Our events are those that Debezium itself made of the same database: `bench/peers/debezium` says how.

use headwater_cdc::mysql::{Address, Session, Settings, TableName};
use headwater_cdc::{Debezium, Decimals, Format};
use serde_json::Value;

use super::capturing::{catch_up, memory};
use super::server::{Product, Server};
use crate::events::{Event, check_same, leave_out_of_schemas, payload, take_volatile, told};

const SETUP: &str = include_str!("debezium/setup.sql");
const CHANGES: &str = include_str!("debezium/changes.sql");
const EVENTS: [(Product, &str); 2] = [
    (Product::MariaDb, include_str!("debezium/events.txt")),
    (Product::MySql, include_str!("debezium/mysql-events.txt")),
];
const EVENTS_WITH_SCHEMAS: [(Product, &str); 2] = [
    (
        Product::MariaDb,
        include_str!("debezium/events-schemas.txt"),
    ),
    (
        Product::MySql,
        include_str!("debezium/mysql-events-schemas.txt"),
    ),
];
/// What is not the same from run to run.
const VOLATILE: &[&str] = &["version", "ts_ms", "ts_us", "ts_ns", "file", "pos", "gtid"];
const TABLES: [&str; 9] = [
    "orders", "pairs", "numbers", "times", "texts", "shapes", "odd", "zeroes", "uniques",
];

fn settings(address: &Address, tables: &[&str], debezium: Debezium) -> Settings {
    let topic = |name: &&str| (TableName::new("shop", *name), format!("shop.shop.{name}"));
    Settings {
        tables: tables.iter().map(topic).collect(),
        format: Format::Debezium(debezium),
        ..Settings::new(address.clone(), "debezium")
    }
}

fn run_all(session: &mut Session, script: &str) {
    let statements = script.split("\n\n");
    statements.for_each(|sql| session.execute(sql.trim_end_matches([';', '\n'])).unwrap());
}

/// The fixtures of MariaDB are of Debezium's connector for MySQL, which reads a MariaDB as if it were one.
pub(super) fn as_mariadb(value: &mut Value) {
    let (has_schema, text) = (value.get("schema").is_some(), "mariadb");
    let envelope = match has_schema {
        true => &mut value["payload"],
        false => &mut *value,
    };
    if let Some(connector) = envelope.pointer_mut("/source/connector") {
        *connector = text.into();
    }
    if has_schema {
        value["schema"]["fields"][2]["name"] = "io.debezium.connector.mariadb.Source".into();
    }
}

/// Takes away what is not the same from run to run, and what Debezium gets wrong.
fn comparable(name: &str, value: &mut Value) {
    leave_out_of_schemas(value, |_| false);
    let Some(members) = take_volatile(value, VOLATILE) else {
        return;
    };
    // MySQL tells it, and it is another one each time.
    if members["source"]["thread"].is_u64() {
        members["source"]["thread"] = true.into();
    }
    for row in ["before", "after"] {
        let Some(row) = members[row].as_object_mut() else {
            continue;
        };
        row.retain(|column, _| !is_left_out(name, column));
        match name {
            // Numbers beyond its type wrap around in Debezium; a FLOAT of so many digits has more in it.
            "numbers" => {
                if row["u8"] == u64::MAX {
                    row.insert("u8".to_owned(), (-1).into());
                }
                if let Some(number) = row["fu"].as_f64() {
                    row.insert("fu".to_owned(), f64::from(number as f32).into());
                }
            }
            // Of MySQL's log it writes documents without spaces, of a SELECT with them.
            "texts" => {
                if let Some(document) = row["j"].as_str() {
                    let parsed: Value = serde_json::from_str(document).unwrap();
                    row.insert("j".to_owned(), parsed);
                }
            }
            // What was read at first has fewer digits in Debezium.
            "times" if row["ts3"] == "2026-11-26T01:02:03.12Z" => {
                row.insert("ts3".to_owned(), "2026-11-26T01:02:03.120Z".into());
            }
            _ => {}
        }
    }
}

/// A year that is zero is 1900 or 2000 in Debezium, and a date that is null its column's default.
fn is_left_out(name: &str, column: &str) -> bool {
    name == "zeroes" && matches!(column, "y" | "od")
}

fn check(debezium: Debezium, (product, fixture): (Product, &str)) {
    let Some(server) = Server::of(product, &["--default-time-zone=+00:00"]) else {
        return;
    };
    let mut session = server.session("shop");
    run_all(&mut session, SETUP);
    let settings = settings(&server.address(), &TABLES, debezium);
    let log = memory();
    catch_up(&log, &settings);
    run_all(&mut session, CHANGES);
    catch_up(&log, &settings);
    let from = ("shop.shop", fixture);
    check_same(&log, &TABLES, from, |name, got, want| {
        check_place(&mut session, got);
        comparable(name, &mut got.1);
        comparable(name, &mut want.1);
        if product == Product::MariaDb {
            as_mariadb(&mut want.1);
        }
    });
}

/// A change lies where the log has rows, of the transaction that it names.
fn check_place(session: &mut Session, event: &Event) {
    let value = payload(event.1.clone());
    let Some(source) = value.get("source").filter(|s| s["snapshot"] == "false") else {
        return;
    };
    let (file, pos) = (source["file"].as_str().unwrap(), &source["pos"]);
    let sql = format!("SHOW BINLOG EVENTS IN '{file}' FROM {pos} LIMIT 1");
    let kind = session.query(&sql).unwrap()[0][2].clone().unwrap();
    assert!(kind.contains("rows"), "{kind} at {source}");
    if session.is_mariadb() {
        let sql = format!("SELECT BINLOG_GTID_POS('{file}', {pos})");
        let gtid = session.value(&sql).unwrap();
        assert_eq!(source["gtid"].as_str(), gtid.as_deref(), "{source}");
        return;
    }
    let offset = pos.as_u64().unwrap();
    let events = session.query(&format!("SHOW BINLOG EVENTS IN '{file}'"));
    let mut names = events.unwrap();
    names.retain(|e| e[2].as_deref() == Some("Gtid"));
    names.retain(|e| e[1].as_deref().unwrap().parse::<u64>().unwrap() < offset);
    let name = names.pop().unwrap()[5].clone().unwrap();
    let gtid = source["gtid"].as_str().unwrap();
    assert!(
        name.contains(&format!("'{gtid}'")),
        "{gtid} is not in {name}"
    );
}

#[test]
fn events_are_those_of_debezium() {
    for events in EVENTS {
        check(Debezium::new("shop"), events);
    }
}

#[test]
fn events_have_the_schemas_of_debezium() {
    let debezium = Debezium {
        schemas: true,
        ..Debezium::new("shop")
    };
    for events in EVENTS_WITH_SCHEMAS {
        check(debezium.clone(), events);
    }
}

/// What events add up to is what the table is, also where the log does not tell rows.
#[test]
fn emptied_and_altered_tables_are_told_whole() {
    for server in Server::each(&[]) {
        check_told(&server);
    }
}

fn check_told(server: &Server) {
    let uuid = match server.product() {
        Product::MariaDb => "UUID",
        Product::MySql => "CHAR(36)",
    };
    let mut session = server.session("shop");
    run_all(
        &mut session,
        &format!(
            "CREATE TABLE t (id INT PRIMARY KEY, n DECIMAL(9,1), u {uuid})\n\n\
             INSERT INTO t VALUES (1, 1, NULL), (2, 2, '00112233-4455-6677-8899-aabbccddee00')"
        ),
    );
    let debezium = Debezium {
        schemas: true,
        decimals: Decimals::String,
        ..Debezium::new("shop")
    };
    let settings = settings(&server.address(), &["t"], debezium);
    let log = memory();
    catch_up(&log, &settings);
    run_all(
        &mut session,
        "UPDATE t SET n = 1.5 WHERE id = 1\n\nTRUNCATE t\n\nINSERT INTO t (id, n) VALUES (3, 3)\n\n\
         ALTER TABLE t ADD COLUMN more INT NOT NULL DEFAULT 7\n\nINSERT INTO t (id) VALUES (4)",
    );
    catch_up(&log, &settings);
    let told = told(&log, "shop.shop.t", |value| {
        let (before, after) = (&value["before"], &value["after"]);
        format!("{} {} {}", before["n"], after["n"], after["more"])
    });
    let want = [
        "1 r null \"1.0\" null",
        "2 r null \"2.0\" null",
        "1 u \"1.0\" \"1.5\" null",
        "1 d null null null",
        "1 gone",
        "2 d null null null",
        "2 gone",
        "3 c null \"3.0\" null",
        "4 c null null 7",
        // The table has another column and is read anew.
        "3 r null \"3.0\" 7",
        "4 r null null 7",
    ];
    assert_eq!(told, want);
}
