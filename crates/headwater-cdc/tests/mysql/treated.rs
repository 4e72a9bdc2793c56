//! What is done to columns, times and keys is what Debezium does: `bench/peers/debezium` says how its events were made.

use headwater_cdc::mysql::{Settings, TableName};
use headwater_cdc::{Debezium, Filters, Format, Hash, Hashed, Times, Treatment};

use super::capturing::{catch_up, memory};
use super::debezium::as_mariadb;
use super::server::{Product, Server};
use crate::events::{check_same, leave_out_of_schemas, take_volatile};

const SETUP: &str = include_str!("debezium/treated-setup.sql");
const CHANGES: &str = include_str!("debezium/treated-changes.sql");
const VOLATILE: &[&str] = &["version", "ts_ms", "ts_us", "ts_ns", "file", "pos", "gtid"];
const TABLES: [&str; 4] = ["users", "keyed", "times", "bounds"];

/// As treated.properties says it.
fn filters() -> Filters {
    let hash = |algorithm: &str, of, salt: &str| {
        Treatment::Hash(Hash {
            algorithm: algorithm.parse().unwrap(),
            of,
            is_shortened: true,
            ..Hash::new(salt)
        })
    };
    let old = hash("SHA-256", Hashed::JavaObject, "salt");
    let treat = |pattern: &str, treatment| (pattern.parse().unwrap(), treatment);
    Filters {
        treatments: vec![
            treat("shop.users.mail", Treatment::Mask(5)),
            treat("shop.users.(note|code)", Treatment::Truncate(4)),
            treat("shop.users.(phone|short|padded)", old),
            treat("shop.users.card", hash("SHA-512", Hashed::Text, "pepper")),
        ],
        keyed: ["shop.keyed.b", "shop.keyed.a"]
            .map(|p| p.parse().unwrap())
            .into(),
        ..Filters::default()
    }
}

fn check(product: Product, schemas: bool, fixture: &str) {
    let Some(server) = Server::of(product, &["--default-time-zone=+00:00"]) else {
        return;
    };
    let mut session = server.session("shop");
    // Times that are no times of a day are null to Debezium, and refused here.
    let changes = CHANGES.replace(
        "(20, '-00:00:01'), (21, '838:59:59')",
        "(20, NULL), (21, NULL)",
    );
    assert_ne!(changes, CHANGES);
    let mut run_all = |script: &str| {
        let statements = script.split("\n\n");
        statements.for_each(|sql| session.execute(sql.trim_end_matches([';', '\n'])).unwrap());
    };
    run_all(SETUP);
    let topic = |name: &&str| (TableName::new("shop", *name), format!("shop.shop.{name}"));
    let settings = Settings {
        tables: TABLES.iter().map(topic).collect(),
        filters: filters(),
        format: Format::Debezium(Debezium {
            schemas,
            times: Times::Iso,
            ..Debezium::new("shop")
        }),
        ..Settings::new(server.address(), "debezium")
    };
    let log = memory();
    catch_up(&log, &settings);
    run_all(&changes);
    catch_up(&log, &settings);
    check_same(&log, &TABLES, ("shop.shop", fixture), |name, got, want| {
        for value in [&mut got.1, &mut want.1] {
            leave_out_of_schemas(value, |_| false);
            let Some(members) = take_volatile(value, VOLATILE) else {
                continue;
            };
            if members["source"]["thread"].is_u64() {
                members["source"]["thread"] = true.into();
            }
            for row in ["before", "after"] {
                let Some(row) = members[row].as_object_mut() else {
                    continue;
                };
                match name {
                    // What was read at first has fewer digits in Debezium.
                    "times" if row["ts3"] == "2026-11-26T01:02:03.12Z" => {
                        row.insert("ts3".to_owned(), "2026-11-26T01:02:03.120Z".into());
                    }
                    // A date that is null is its column's default in Debezium.
                    "bounds" => drop(row.remove("od")),
                    _ => {}
                }
            }
        }
        if product == Product::MariaDb {
            as_mariadb(&mut want.1);
        }
    });
}

#[test]
fn events_are_those_of_debezium() {
    check(
        Product::MariaDb,
        false,
        include_str!("debezium/treated.txt"),
    );
    check(
        Product::MySql,
        false,
        include_str!("debezium/mysql-treated.txt"),
    );
}

#[test]
fn events_have_the_schemas_of_debezium() {
    check(
        Product::MariaDb,
        true,
        include_str!("debezium/treated-schemas.txt"),
    );
    check(
        Product::MySql,
        true,
        include_str!("debezium/mysql-treated-schemas.txt"),
    );
}
