//! What Maxwell and Canal would write of a table; `crates/headwater/tests/slt` reads the same records by SQL.

use headwater_cdc::mysql::{Settings, TableName};
use headwater_cdc::{Filters, Format};
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
/// Transactions of several changes.
const SEVERAL: &[&str] = &[
    "BEGIN",
    "INSERT INTO items (id) VALUES (10), (11)",
    "UPDATE items SET id = 12 WHERE id = 11",
    "SAVEPOINT s",
    "INSERT INTO items (id) VALUES (13)",
    "ROLLBACK TO s",
    "UPDATE items SET n = 1 WHERE id = 10",
    "COMMIT",
    "XA START 'x'",
    "INSERT INTO items (id) VALUES (14), (15)",
    "XA END 'x'",
    "XA PREPARE 'x'",
    "XA COMMIT 'x'",
];

/// Places in the server's log and times, which differ from run to run.
fn without_places(line: &str) -> Value {
    let mut value: Value = serde_json::from_str(line).unwrap();
    let members = value.as_object_mut().unwrap();
    assert!(members["ts"].as_i64() > Some(1_600_000_000));
    for gone in ["ts", "es", "position", "gtid", "thread_id"] {
        members.remove(gone);
    }
    if let Some(number) = members.get_mut("xid") {
        assert!(number.take().as_u64() > Some(0));
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

/// The last change of a transaction tells that it is that, the others how many come before them.
#[test]
fn changes_tell_maxwell_where_they_stand_in_their_transaction() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        session.execute(SETUP[0]).unwrap();
        let settings = Settings {
            format: Format::Maxwell,
            filters: Filters {
                skipped: "d".parse().unwrap(),
                ..Filters::default()
            },
            ..Settings::new(server.address(), "flat").table(TableName::new("shop", "items"))
        };
        let log = memory();
        catch_up(&log, &settings);
        SEVERAL.iter().for_each(|sql| session.execute(sql).unwrap());
        // One that is skipped is not the last.
        for sql in [
            "BEGIN",
            "INSERT INTO items (id) VALUES (20)",
            "DELETE FROM items WHERE id = 14",
            "COMMIT",
        ] {
            session.execute(sql).unwrap();
        }
        catch_up(&log, &settings);
        let of = TopicPartition::new("shop.items", 0);
        let fetched = log.fetch(&of, Offset(0), 1 << 20).unwrap();
        let records = fetched.batches.iter().flat_map(|b| b.records());
        let told = records.map(|record| {
            let value: Value = serde_json::from_slice(&record.unwrap().1.value.unwrap()).unwrap();
            let standing = match value.get("commit") {
                Some(commit) => format!("commit {commit}"),
                None => value["xoffset"].to_string(),
            };
            let word = value["type"].as_str().unwrap().to_owned();
            (
                value["data"]["id"].as_u64().unwrap(),
                word,
                standing,
                value.get("xid").is_some(),
            )
        });
        let one = |id, word: &str, standing: &str, has_number| {
            (id, word.to_owned(), standing.to_owned(), has_number)
        };
        let want = [
            one(10, "insert", "0", true),
            one(11, "insert", "1", true),
            one(11, "delete", "2", true),
            one(12, "insert", "3", true),
            one(10, "update", "commit true", true),
            one(14, "insert", "0", false),
            one(15, "insert", "commit true", false),
            one(20, "insert", "commit true", true),
        ];
        assert_eq!(told.collect::<Vec<_>>(), want);
    }
}
