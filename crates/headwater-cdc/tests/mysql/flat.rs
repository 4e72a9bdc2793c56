//! What Maxwell and Canal would write of a table; `crates/headwater/tests/slt` reads the same records by SQL.

use headwater_cdc::Format;
use headwater_cdc::mysql::{Settings, TableName};
use headwater_log::{Offset, TopicPartition};
use serde_json::Value;

use super::capturing::{catch_up, memory};
use super::server::Server;

const MAXWELL: &str = include_str!("flat/maxwell.jsonl");
const CANAL: &str = include_str!("flat/canal.jsonl");
const SETUP: &[&str] = &[
    "CREATE TABLE items (id INT PRIMARY KEY, n DECIMAL(10,2), u BIGINT UNSIGNED, f DOUBLE, name VARCHAR(20), kind ENUM('a','b'), tags SET('x','y','z'), \
     day DATE, at DATETIME(3), ts TIMESTAMP NULL, t TIME, b VARBINARY(8), j JSON, yes BIT(1), y YEAR)",
    "INSERT INTO items VALUES (1, 12.50, 18446744073709551615, 1.5, 'a \"b\" Ü', 'b', 'x,z', '2026-11-26', '2026-11-26 01:02:03.004', '2026-11-26 01:02:03', \
     '-10:11:12', x'00ff', '{\"a\": [1, null]}', b'1', 2026), (2, NULL, NULL, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
];
const CHANGES: &[&str] = &[
    "INSERT INTO items (id, n, name, tags) VALUES (3, -0.01, '', 'y')",
    "UPDATE items SET n = 13, tags = 'y,z' WHERE id = 1",
    "UPDATE items SET id = 4 WHERE id = 2",
    "DELETE FROM items WHERE id = 3",
];

/// Places in the server's log and times, which differ from run to run.
fn without_places(line: &str) -> Value {
    let mut value: Value = serde_json::from_str(line).unwrap();
    let members = value.as_object_mut().unwrap();
    assert!(members["ts"].as_i64() > Some(1_600_000_000));
    for gone in ["ts", "es", "position", "gtid", "thread_id"] {
        members.remove(gone);
    }
    value
}

/// A table is read and changed in a format: the values of the topic.
fn captured(format: Format) -> Option<Vec<String>> {
    let server = Server::start(&["--default-time-zone=+00:00"])?;
    let mut session = server.session("shop");
    SETUP.iter().for_each(|sql| session.execute(sql).unwrap());
    let settings = Settings {
        format,
        ..Settings::new(server.address(), "flat").table(TableName::new("shop", "items"))
    };
    let log = memory();
    catch_up(&log, &settings);
    CHANGES.iter().for_each(|sql| session.execute(sql).unwrap());
    catch_up(&log, &settings);
    let of = TopicPartition::new("shop.items", 0);
    let fetched = log.fetch(&of, Offset(0), 1 << 20).unwrap();
    let records = fetched.batches.iter().flat_map(|b| b.records());
    let value = |record: headwater_log::Record| String::from_utf8(record.value.unwrap().to_vec());
    let told = records.map(|record| value(record.unwrap().1).unwrap());
    let told: Vec<String> = told.collect();
    // A table that is emptied is a deletion for each row, as far as that is known.
    session.execute("TRUNCATE items").unwrap();
    catch_up(&log, &settings);
    let fetched = log.fetch(&of, Offset(told.len() as u64), 1 << 20).unwrap();
    let emptied = fetched.batches.iter().flat_map(|b| b.records());
    let emptied: Vec<String> = emptied.map(|r| value(r.unwrap().1).unwrap()).collect();
    assert_eq!(emptied.len(), 2);
    assert!(
        emptied
            .iter()
            .all(|line| line.to_lowercase().contains("\"delete\""))
    );
    Some(told)
}

fn check(format: Format, want: &str) {
    let Some(got) = captured(format) else {
        return;
    };
    let told = |lines: Vec<&str>| lines.into_iter().map(without_places).collect::<Vec<_>>();
    let got_lines = got.iter().map(String::as_str).collect();
    assert_eq!(
        told(got_lines),
        told(want.lines().collect()),
        "{}",
        got.join("\n")
    );
}

#[test]
fn changes_are_told_as_maxwell_does() {
    check(Format::Maxwell, MAXWELL);
}

#[test]
fn changes_are_told_as_canal_does() {
    check(Format::Canal, CANAL);
}
