//! What Maxwell and Canal would write of a table, and that it adds up to that.

use headwater_cdc::Format;
use headwater_cdc::postgres::{Session, Settings};
use headwater_log::{Log, Offset, TopicPartition};
use serde_json::{Value, json};

use super::bench::{catch_up, memory, run, table};
use crate::replication::start;

/// Keys and values, without times and numbers of transactions.
fn told(log: &Log) -> Vec<(Value, Value)> {
    let of = TopicPartition::new("shop.public.orders", 0);
    let fetched = log.fetch(&of, Offset(0), 1 << 20).unwrap();
    let records = fetched.batches.iter().flat_map(|b| b.records());
    let one = |record: headwater_log::Record| {
        let key = serde_json::from_slice(&record.key.unwrap()).unwrap();
        let mut value: Value = serde_json::from_slice(&record.value.unwrap()).unwrap();
        let members = value.as_object_mut().unwrap();
        assert!(members.remove("ts").unwrap().as_i64() > Some(1_600_000_000));
        members.remove("es");
        members.remove("xid");
        (key, value)
    };
    records.map(|record| one(record.unwrap().1)).collect()
}

/// A table is read, changed and emptied in a format.
fn captured(format: Format) -> Option<Vec<(Value, Value)>> {
    let (_server, address) = start()?;
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE orders (id int PRIMARY KEY, n numeric, body text); ALTER TABLE orders ALTER body SET STORAGE EXTERNAL; \
         ALTER TABLE orders REPLICA IDENTITY FULL; INSERT INTO orders VALUES (1, 1.50, 'a')",
    );
    let settings = Settings {
        tables: vec![(table("orders"), "shop.public.orders".to_owned())],
        format,
        ..Settings::new(address.clone(), "flat")
    };
    let log = memory();
    catch_up(&log, &settings);
    for change in [
        "INSERT INTO orders VALUES (2, NULL, 'b')",
        "UPDATE orders SET n = 2 WHERE id = 1",
        "UPDATE orders SET id = 3 WHERE id = 1",
        "DELETE FROM orders WHERE id = 3",
        "TRUNCATE orders",
    ] {
        run(&mut session, change);
    }
    catch_up(&log, &settings);
    Some(told(&log))
}

#[test]
fn changes_are_told_as_maxwell_does() {
    let Some(got) = captured(Format::Maxwell) else {
        return;
    };
    let record = |word: &str, data: Value| json!({"database": "postgres", "schema": "public", "table": "orders", "type": word, "data": data});
    let row = |id: u32, n: Value, body: &str| json!({"id": id, "n": n, "body": body});
    let mut update = record("update", row(1, json!(2), "a"));
    let half = serde_json::from_str::<Value>("1.50").unwrap();
    update["old"] = json!({"n": half});
    let want = [
        (1, record("bootstrap-insert", row(1, half.clone(), "a"))),
        (2, record("insert", row(2, Value::Null, "b"))),
        (1, update),
        (1, record("delete", row(1, json!(2), "a"))),
        (3, record("insert", row(3, json!(2), "a"))),
        (3, record("delete", row(3, json!(2), "a"))),
        (2, record("delete", json!({"id": 2}))),
    ];
    let want: Vec<(Value, Value)> = want.map(|(id, value)| (json!({"id": id}), value)).into();
    assert_eq!(got, want);
}

#[test]
fn changes_are_told_as_canal_does() {
    let Some(got) = captured(Format::Canal) else {
        return;
    };
    let record = |word: &str, data: Value, old: Value| {
        json!({"database": "postgres", "schema": "public", "table": "orders", "pkNames": ["id"], "isDdl": false, "sql": "",
            "type": word, "data": [data], "old": old})
    };
    let row = |id: &str, n: Option<&str>, body: &str| json!({"id": id, "n": n, "body": body});
    let none = Value::Null;
    let want = [
        (
            1,
            record("INSERT", row("1", Some("1.50"), "a"), none.clone()),
        ),
        (2, record("INSERT", row("2", None, "b"), none.clone())),
        (
            1,
            record("UPDATE", row("1", Some("2"), "a"), json!([{"n": "1.50"}])),
        ),
        (1, record("DELETE", row("1", Some("2"), "a"), none.clone())),
        (3, record("INSERT", row("3", Some("2"), "a"), none.clone())),
        (3, record("DELETE", row("3", Some("2"), "a"), none.clone())),
        (2, record("DELETE", json!({"id": "2"}), none)),
    ];
    let want: Vec<(Value, Value)> = want.map(|(id, value)| (json!({"id": id}), value)).into();
    assert_eq!(got, want);
}
