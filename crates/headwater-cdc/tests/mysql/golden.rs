//! Every type with its extreme values: what the log says of a row is what a SELECT gives.

use std::collections::BTreeMap;

use headwater_cdc::ErrorKind;
use headwater_cdc::mysql::{Change, Column, Message, Position, Replica, Session, Snapshot, Value};

use super::cases::{CASES, Case, FLOAT, OF_MARIADB, OF_MYSQL};
use super::following::{changes, read_to_end};
use super::server::{Product, Server};
use super::snapshots::all_rows;

/// As the statement that asks for it gives it.
fn text(column: &Column, value: &Value) -> Option<String> {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02X}")).collect::<String>();
    match value {
        Value::Bytes(bytes) => Some(hex(bytes)),
        Value::Geometry { srid, wkb } => Some(hex(&srid.to_le_bytes()) + &hex(wkb)),
        Value::Float(number) => Some(f64::from(*number).to_string()),
        value => value.to_text(&column.kind),
    }
}

fn is_same(asked: &str, left: &Option<String>, right: &Option<String>) -> bool {
    let number = |text: &Option<String>| text.as_ref().map(|t| t.parse::<f64>().unwrap());
    match asked {
        FLOAT => number(left) == number(right),
        _ => left == right,
    }
}

/// What happened to one table: rows by their id, before and after.
#[derive(Default)]
struct Seen {
    columns: Vec<Column>,
    changes: BTreeMap<i64, Vec<Change>>,
}

fn id(row: &[Value]) -> i64 {
    match row[0] {
        Value::Int(id) => id,
        ref other => panic!("{other:?}"),
    }
}

/// What a SELECT and a snapshot give of one table: the asked text, and the values, by id.
struct Wanted {
    texts: BTreeMap<i64, Option<String>>,
    values: BTreeMap<i64, Value>,
}

/// Makes a table for a type; each value stands in one row that is updated and in one that is deleted.
fn write(server: &Server, session: &mut Session, n: usize, case: &Case) -> Wanted {
    let table = format!("t{n}");
    let run = |session: &mut Session, sql: String| session.execute(&sql).unwrap();
    let columns = format!("id INT PRIMARY KEY, v {}, last INT", case.kind);
    run(session, format!("CREATE TABLE {table} ({columns})"));
    for (row, value) in case.values.iter().enumerate() {
        let (first, second) = (2 * row, 2 * row + 1);
        let rows = format!("({first}, {value}, {first}), ({second}, {value}, {second})");
        run(session, format!("INSERT INTO {table} VALUES {rows}"));
    }
    let sql = format!("SELECT id, {} FROM {table}", case.asked);
    let rows = session.query(&sql).unwrap();
    let mut snapshot = Snapshot::open(&server.address()).unwrap();
    let described = snapshot.table("types", &table).unwrap();
    let values = all_rows(&mut snapshot, &described, 3);
    run(
        session,
        format!("UPDATE {table} SET v = NULL WHERE id % 2 = 0"),
    );
    run(session, format!("DELETE FROM {table} WHERE id % 2 = 1"));
    let text =
        |row: Vec<Option<String>>| (row[0].as_ref().unwrap().parse().unwrap(), row[1].clone());
    Wanted {
        texts: rows.into_iter().map(text).collect(),
        values: values
            .into_iter()
            .map(|row| (id(&row), row[1].clone()))
            .collect(),
    }
}

fn check(case: &Case, seen: &Seen, want: &Wanted) {
    let kind = case.kind;
    assert_eq!(seen.changes.len(), case.values.len() * 2, "{kind}");
    assert_eq!(seen.columns[0].key, Some(0));
    let names: Vec<&str> = seen.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["id", "v", "last"]);
    for (id, changes) in &seen.changes {
        let [first, second] = &changes[..] else {
            panic!("{kind}: {changes:?}")
        };
        let row = |row: &Option<Vec<Value>>| {
            let row = row.as_ref().unwrap();
            assert_eq!(row[2], Value::Int(*id), "{kind}: what follows the value");
            text(&seen.columns[1], &row[1])
        };
        for got in [row(&first.after), row(&second.before)] {
            let want = &want.texts[id];
            assert!(
                is_same(case.asked, &got, want),
                "{kind}: {got:?} is not {want:?}"
            );
        }
        let streamed = &first.after.as_ref().unwrap()[1];
        assert_eq!(streamed, &want.values[id], "{kind}: the snapshot");
        assert!(first.before.is_none());
        match id % 2 {
            0 => assert_eq!(second.after.as_ref().unwrap()[1], Value::Null),
            _ => assert!(second.after.is_none()),
        }
    }
}

fn every_type(product: Product, settings: &[&str]) {
    let Some(server) = Server::of(product, settings) else {
        return;
    };
    let mut session = server.session("types");
    let start = Position::current(&mut session).unwrap();
    let mut replica = Replica::connect(&server.address(), 77, &start).unwrap();
    let own = match product {
        Product::MariaDb => OF_MARIADB,
        Product::MySql => OF_MYSQL,
    };
    let cases: Vec<&Case> = CASES.iter().chain(own).collect();
    let want: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(n, case)| write(&server, &mut session, n, case))
        .collect();
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    read_to_end(&mut replica, &mut session, |message| {
        if let Message::Rows(rows) = message {
            let entry = seen.entry(rows.table.name.clone()).or_default();
            entry.columns.clone_from(&rows.table.columns);
            for change in changes(&rows) {
                let row = change.before.as_ref().or(change.after.as_ref());
                let id = id(row.unwrap());
                entry.changes.entry(id).or_default().push(change);
            }
        }
    })
    .unwrap();
    let is_compressed = settings.iter().any(|s| s.contains("compress"));
    assert_eq!(has_compressed_events(&mut session, &start), is_compressed);
    for (n, case) in cases.iter().enumerate() {
        check(case, &seen[&format!("t{n}")], &want[n]);
    }
}

fn has_compressed_events(session: &mut Session, start: &Position) -> bool {
    let events = session
        .query(&format!("SHOW BINLOG EVENTS IN '{}'", start.file))
        .unwrap();
    let mut kinds = events.iter().map(|event| event[2].clone().unwrap());
    kinds.any(|kind| kind.starts_with("Write_rows_compressed") || kind == "Transaction_payload")
}

#[test]
fn columns_that_are_computed_or_hidden_come_too() {
    for server in Server::each(&[]) {
        let mut session = server.session("types");
        let start = Position::current(&mut session).unwrap();
        let columns = "id INT PRIMARY KEY, v INT AS (id + 1) VIRTUAL, s INT AS (id * 2) STORED, h INT INVISIBLE DEFAULT 9";
        session
            .execute(&format!("CREATE TABLE t ({columns})"))
            .unwrap();
        session.execute("INSERT INTO t (id) VALUES (5)").unwrap();
        let mut snapshot = Snapshot::open(&server.address()).unwrap();
        let described = snapshot.table("types", "t").unwrap();
        let want = all_rows(&mut snapshot, &described, 9);
        let mut replica = Replica::connect(&server.address(), 77, &start).unwrap();
        let mut got = Vec::new();
        read_to_end(&mut replica, &mut session, |message| {
            if let Message::Rows(rows) = message {
                let names: Vec<&str> = rows.table.columns.iter().map(|c| c.name.as_str()).collect();
                assert_eq!(names, ["id", "v", "s", "h"]);
                got.extend(changes(&rows).into_iter().filter_map(|c| c.after));
            }
        })
        .unwrap();
        assert_eq!(want, [[5, 6, 10, 9].map(Value::Int)]);
        assert_eq!(got, want);
    }
}

#[test]
fn every_type_comes_as_a_select_gives_it() {
    for product in Product::BOTH {
        every_type(product, &[]);
    }
}

#[test]
fn every_type_comes_the_same_from_a_compressed_log_without_checksums() {
    every_type(
        Product::MariaDb,
        &[
            "--log-bin-compress=ON",
            "--log-bin-compress-min-len=10",
            "--binlog-checksum=NONE",
        ],
    );
    every_type(
        Product::MySql,
        &[
            "--binlog-transaction-compression=ON",
            "--binlog-checksum=NONE",
        ],
    );
}

#[test]
fn a_character_set_that_is_not_known_is_named_with_its_column() {
    for server in Server::each(&[]) {
        let mut session = server.session("types");
        let start = Position::current(&mut session).unwrap();
        session
            .execute("CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(9) CHARACTER SET gbk)")
            .unwrap();
        session.execute("INSERT INTO t VALUES (1, '中')").unwrap();
        let mut replica = Replica::connect(&server.address(), 77, &start).unwrap();
        let mut errors = Vec::new();
        read_to_end(&mut replica, &mut session, |message| {
            if let Message::Rows(rows) = message {
                errors.extend(rows.changes().unwrap().filter_map(Result::err));
            }
        })
        .unwrap();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].kind(), ErrorKind::Unsupported);
        let text = errors[0].to_string();
        assert!(
            text.contains("column 'name' of 'types.t'") && text.contains("gbk"),
            "{text}"
        );
    }
}
