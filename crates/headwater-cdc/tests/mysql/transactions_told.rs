//! Transactions are told as Debezium's connector for MySQL tells them, in a topic of their own and in each event.

use headwater_cdc::mysql::{Settings, TableName};
use headwater_cdc::{Debezium, Format};
use serde_json::Value;

use super::capturing::{catch_up, memory};
use super::server::Server;
use crate::events::{Event, ours, take_volatile, theirs};

const SETUP: &str = include_str!("debezium/setup.sql");
const CHANGES: &str = include_str!("debezium/transactions.sql");
const EVENTS: &str = include_str!("debezium/transactions.txt");
const EVENTS_WITH_SCHEMAS: &str = include_str!("debezium/transactions-schemas.txt");
/// `gtid` is looked at before it goes; the fixtures are of a MySQL.
const VOLATILE: &[&str] = &[
    "version",
    "ts_ms",
    "ts_us",
    "ts_ns",
    "file",
    "pos",
    "gtid",
    "thread",
    "connector",
];

/// The payload of a value that may have a schema.
fn inside(value: &mut Value) -> &mut Value {
    match value.get("schema").is_some() {
        true => &mut value["payload"],
        false => value,
    }
}

/// Names of transactions become numbers in the order in which they come.
#[derive(Default)]
struct Names(Vec<Value>);

impl Names {
    fn number(&mut self, id: &mut Value) {
        let at = self.0.iter().position(|known| known == id);
        let at = at.unwrap_or_else(|| {
            self.0.push(id.clone());
            self.0.len() - 1
        });
        *id = at.into();
    }
}

fn event((key, mut value, headers): Event) -> Event {
    if value.get("schema").is_some() {
        value["schema"]["fields"][2]["name"] = "of the source".into();
    }
    if let Some(event) = inside(&mut value).as_object_mut() {
        if event["transaction"].is_object() {
            assert_eq!(event["transaction"]["id"], event["source"]["gtid"]);
            event["transaction"]["id"] = "its own".into();
        }
        take_volatile(&mut value, VOLATILE).unwrap();
    }
    (key, value, headers)
}

fn transactions(events: Vec<Event>) -> Vec<(Value, Value)> {
    let mut names = Names::default();
    let one = |(mut key, mut value, _): Event| {
        let told = inside(&mut value);
        assert_eq!(inside(&mut key)["id"], told["id"]);
        assert!(
            told.as_object_mut()
                .unwrap()
                .remove("ts_ms")
                .unwrap()
                .is_i64()
        );
        // Debezium has them in no order.
        if let Some(of) = told["data_collections"].as_array_mut() {
            of.sort_by_key(|of| of["data_collection"].to_string());
        }
        names.number(&mut told["id"]);
        names.number(&mut inside(&mut key)["id"]);
        (key, value)
    };
    events.into_iter().map(one).collect()
}

fn check(has_schemas: bool, fixture: &str) {
    let servers = Server::each(&["--default-time-zone=+00:00"]);
    servers.for_each(|server| check_at(&server, has_schemas, fixture));
}

fn check_at(server: &Server, has_schemas: bool, fixture: &str) {
    let mut session = server.session("shop");
    let mut run = |script: &str, statements| {
        let statements = script.split("\n\n").take(statements);
        statements.for_each(|sql| session.execute(sql.trim_end_matches([';', '\n'])).unwrap());
    };
    // The others have types of MariaDB.
    run(SETUP, 4);
    let topic = |name: &str| (TableName::new("shop", name), format!("shop.shop.{name}"));
    let debezium = Debezium {
        schemas: has_schemas,
        transactions: Some("shop.transaction".to_owned()),
        ..Debezium::new("shop")
    };
    let settings = Settings {
        tables: vec![topic("orders"), topic("pairs")],
        format: Format::Debezium(debezium),
        ..Settings::new(server.address(), "told")
    };
    let log = memory();
    catch_up(&log, &settings);
    run(CHANGES, usize::MAX);
    catch_up(&log, &settings);
    for topic in ["shop.shop.orders", "shop.shop.pairs"] {
        let each = |events: Vec<Event>| events.into_iter().map(event).collect::<Vec<_>>();
        assert_eq!(
            each(ours(&log, topic)),
            each(theirs(fixture, topic)),
            "{topic}"
        );
    }
    let got = transactions(ours(&log, "shop.transaction"));
    let want = transactions(theirs(fixture, "shop.transaction"));
    assert!(want.len() > 6);
    assert_eq!(got, want);
}

#[test]
fn transactions_are_told_as_debezium_does() {
    check(false, EVENTS);
}

#[test]
fn transactions_have_the_schemas_of_debezium() {
    check(true, EVENTS_WITH_SCHEMAS);
}
