//! What is done to columns, times and keys is what Debezium does: `bench/peers/debezium` says how its events were made.

use headwater_cdc::postgres::{Session, Settings};
use headwater_cdc::{Debezium, Filters, Format, Hash, Hashed, Intervals, Times, Treatment};

use super::bench::{catch_up, memory, run, table};
use crate::events::{check_same, leave_out_of_schemas, take_volatile};
use crate::replication::start;

const SETUP: &str = include_str!("debezium/treated-setup.sql");
const CHANGES: &str = include_str!("debezium/treated-changes.sql");
const EVENTS: &str = include_str!("debezium/treated.txt");
const EVENTS_WITH_SCHEMAS: &str = include_str!("debezium/treated-schemas.txt");
const VOLATILE: &[&str] = &[
    "version", "ts_ms", "ts_us", "ts_ns", "lsn", "txId", "sequence",
];
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
            treat("public.users.mail", Treatment::Mask(5)),
            treat("public.users.(note|code)", Treatment::Truncate(4)),
            treat("public.users.(phone|short|padded)", old),
            treat("public.users.card", hash("SHA-512", Hashed::Text, "pepper")),
        ],
        keyed: ["public.keyed.b", "public.keyed.a"]
            .map(|p| p.parse().unwrap())
            .into(),
        ..Filters::default()
    }
}

fn check(schemas: bool, fixture: &str) {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    let mut run_all = |script: &str| script.split("\n\n").for_each(|sql| run(&mut session, sql));
    run_all(SETUP);
    let topic = |name: &&str| (table(name), format!("shop.public.{name}"));
    let settings = Settings {
        tables: TABLES.iter().map(topic).collect(),
        filters: filters(),
        format: Format::Debezium(Debezium {
            schemas,
            times: Times::Iso,
            intervals: Intervals::String,
            ..Debezium::new("shop")
        }),
        ..Settings::new(address.clone(), "debezium")
    };
    let log = memory();
    catch_up(&log, &settings);
    run_all(CHANGES);
    catch_up(&log, &settings);
    check_same(
        &log,
        &TABLES,
        ("shop.public", fixture),
        |name, got, want| {
            for value in [&mut got.1, &mut want.1] {
                // Debezium leaves arrays of intervals out.
                leave_out_of_schemas(value, |column| name == "times" && column == "iva");
                let Some(members) = take_volatile(value, VOLATILE) else {
                    continue;
                };
                for row in ["before", "after"] {
                    let Some(row) = members[row].as_object_mut() else {
                        continue;
                    };
                    row.remove("iva");
                    // Debezium has a day for it, which is another one on servers of other calendars.
                    if name == "times" && row["id"] == 22 {
                        row.insert("d".to_owned(), "infinity".into());
                    }
                }
            }
        },
    );
}

#[test]
fn events_are_those_of_debezium() {
    check(false, EVENTS);
}

#[test]
fn events_have_the_schemas_of_debezium() {
    check(true, EVENTS_WITH_SCHEMAS);
}
