//! Transactions are told as Debezium tells them, in a topic of their own and in each event; so are messages of applications.

use std::collections::BTreeSet;

use headwater_cdc::postgres::{Address, Messages, Session, Settings};
use headwater_cdc::{Capture, Debezium, Format};
use serde_json::Value;

use super::bench::{catch_up, memory, open, run, table, url};
use super::torn::{kill_amid, take_over};
use crate::events::{Event, ours, payload, take_volatile, theirs};
use crate::faults::tell;
use crate::process::told;
use crate::replication::start;

const SETUP: &str = include_str!("debezium/setup.sql");
const CHANGES: &str = include_str!("debezium/transactions.sql");
const EVENTS: &str = include_str!("debezium/transactions.txt");
const EVENTS_WITH_SCHEMAS: &str = include_str!("debezium/transactions-schemas.txt");
const VOLATILE: &[&str] = &[
    "version", "ts_ms", "ts_us", "ts_ns", "lsn", "txId", "sequence",
];
const KILLED: &str = "capture::transactions::a_large_transaction_is_told_once_whoever_is_killed";
const ROWS: u64 = 4000;

fn settings(address: &Address, tables: &[&str], has_schemas: bool) -> Settings {
    let debezium = Debezium {
        schemas: has_schemas,
        transactions: Some("shop.transaction".to_owned()),
        ..Debezium::new("shop")
    };
    let topic = |name: &&str| (table(name), format!("shop.public.{name}"));
    Settings {
        tables: tables.iter().map(topic).collect(),
        format: Format::Debezium(debezium),
        messages: Some(Messages {
            topic: "shop.message".to_owned(),
            prefixes: Vec::new(),
        }),
        ..Settings::new(address.clone(), "transactions")
    }
}

/// The payload of a value that may have a schema.
fn inside(value: &mut Value) -> &mut Value {
    match value.get("schema").is_some() {
        true => &mut value["payload"],
        false => value,
    }
}

/// An event without what differs from run to run. That it names its transaction is looked at here.
fn comparable((mut key, mut value, headers): Event) -> Event {
    let is_message = inside(&mut value)["op"] == "m";
    if let Some(event) = inside(&mut value).as_object_mut() {
        let source = event["source"].clone();
        if event["transaction"].is_object() {
            let id = format!("{}:{}", source["txId"], source["lsn"]);
            assert_eq!(event["transaction"]["id"], id.as_str());
            event["transaction"]["id"] = "its own".into();
        }
        if is_message {
            // Debezium says less of when that is.
            event.insert("ts_us".to_owned(), 0.into());
            event.insert("ts_ns".to_owned(), 0.into());
        }
        take_volatile(&mut value, VOLATILE).unwrap();
    }
    if is_message {
        assert_eq!(
            inside(&mut key)["prefix"],
            inside(&mut value)["message"]["prefix"]
        );
    }
    (key, value, headers)
}

/// The records of the topic of transactions: ids without what differs from run to run.
fn transactions(events: Vec<Event>) -> Vec<(Value, Value)> {
    let mut known: Vec<String> = Vec::new();
    let mut number = |id: &Value| {
        let (xid, _) = id.as_str().unwrap().split_once(':').unwrap();
        let at = known.iter().position(|known| known == xid);
        at.unwrap_or_else(|| {
            known.push(xid.to_owned());
            known.len() - 1
        })
    };
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
        let number = number(&told["id"]);
        told["id"] = number.into();
        inside(&mut key)["id"] = number.into();
        for of in told["data_collections"]
            .as_array_mut()
            .into_iter()
            .flatten()
        {
            // Debezium has an address of its memory there.
            if of["data_collection"]
                .as_str()
                .unwrap()
                .contains("LogicalDecodingMessageId")
            {
                of["data_collection"] = "message".into();
            }
        }
        (key, value)
    };
    events.into_iter().map(one).collect()
}

/// Debezium tells transactions without events too, and passes over `TRUNCATE`.
fn without_empty(mut events: Vec<Event>) -> Vec<Event> {
    while let Some(at) = events
        .iter_mut()
        .position(|(_, value, _)| inside(value)["event_count"] == 0)
    {
        events.drain(at - 1..=at);
    }
    events
}

fn check(has_schemas: bool, fixture: &str) {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    SETUP.split("\n\n").for_each(|sql| run(&mut session, sql));
    let settings = settings(&address, &["orders", "pairs"], has_schemas);
    let log = memory();
    catch_up(&log, &settings);
    let changes = CHANGES
        .split("\n\n")
        .filter(|sql| *sql != "TRUNCATE pairs;");
    changes.for_each(|sql| run(&mut session, sql));
    catch_up(&log, &settings);
    for topic in ["shop.public.orders", "shop.public.pairs", "shop.message"] {
        let each = |events: Vec<Event>| events.into_iter().map(comparable).collect::<Vec<_>>();
        let (got, want) = (each(ours(&log, topic)), each(theirs(fixture, topic)));
        assert!(!got.is_empty());
        assert_eq!(got, want, "{topic}");
    }
    let topic = "shop.transaction";
    let want = transactions(without_empty(theirs(fixture, topic)));
    assert_eq!(transactions(ours(&log, topic)), want);
    assert!(want.len() > 8);
}

#[test]
fn transactions_and_messages_are_told_as_debezium_does() {
    check(false, EVENTS);
}

#[test]
fn transactions_and_messages_have_the_schemas_of_debezium() {
    check(true, EVENTS_WITH_SCHEMAS);
}

#[test]
fn what_is_told_beside_tables_has_topics_of_its_own() {
    let address: Address = "postgres://me@127.0.0.1:1/shop".parse().unwrap();
    let told = |topic: &str| {
        let mut settings = settings(&address, &["orders"], false);
        if let Format::Debezium(debezium) = &mut settings.format {
            debezium.transactions = Some(topic.to_owned());
        }
        Capture::start(&memory(), settings).map(drop)
    };
    for taken in ["shop.public.orders", "shop.message"] {
        let error = told(taken).unwrap_err();
        assert!(error.message().contains(taken), "{error}");
    }
    told("shop.transaction").unwrap();
}

fn of_large(address: &Address) -> Settings {
    Settings {
        whole_bytes: 64 << 10,
        ..settings(address, &["large"], false)
    }
}

#[test]
fn a_large_transaction_is_told_once_whoever_is_killed() {
    if let Some(told) = told() {
        return take_over(&told, of_large, "shop.public.large");
    }
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE large (id int PRIMARY KEY, body text)",
    );
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    catch_up(&open(dir), &of_large(&address));
    let rows =
        format!("INSERT INTO large SELECT n, repeat('x', 200) FROM generate_series(1, {ROWS}) n");
    run(&mut session, &rows);
    run(&mut session, "INSERT INTO large VALUES (0, '')");
    let told = tell(dir, &url(&address, address.port), "");
    let torn = kill_amid((KILLED, &told), (dir, "cdc/transactions"), &[1, 2, 1]);
    assert!(torn > 0, "never killed in the midst of it");
    let log = open(dir);
    catch_up(&log, &of_large(&address));
    let (mut xids, mut orders) = (BTreeSet::new(), Vec::new());
    for (_, value, _) in ours(&log, "shop.public.large") {
        let transaction = &payload(value)["transaction"];
        let id = transaction["id"].as_str().unwrap();
        xids.insert(id.split_once(':').unwrap().0.to_owned());
        assert_eq!(
            transaction["total_order"],
            transaction["data_collection_order"]
        );
        orders.push(transaction["total_order"].as_u64().unwrap());
    }
    let want: Vec<u64> = (1..=ROWS).chain([1]).collect();
    assert_eq!((orders, xids.len()), (want, 2));
    let of = transactions(ours(&log, "shop.transaction"));
    let told = of.iter().map(|(_, told)| {
        (
            told["status"].as_str().unwrap(),
            told["event_count"].as_u64(),
        )
    });
    let want = [
        ("BEGIN", None),
        ("END", Some(ROWS)),
        ("BEGIN", None),
        ("END", Some(1)),
    ];
    assert_eq!(told.collect::<Vec<_>>(), want);
}
