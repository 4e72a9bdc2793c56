//! Every type with its extreme values: what the log says of a row is what a SELECT gives.

use std::collections::BTreeMap;

use headwater_cdc::ErrorKind;
use headwater_cdc::mysql::{Change, Column, Message, Position, Replica, Session, Snapshot, Value};

use super::following::{changes, read_to_end};
use super::server::Server;
use super::snapshots::all_rows;

/// How a value is asked for so that nothing is lost on the way.
const TEXT: &str = "v";
const BYTES: &str = "HEX(v)";
const NUMBER: &str = "v + 0";
const FLOAT: &str = "CAST(v AS DOUBLE)";

struct Case {
    kind: &'static str,
    asked: &'static str,
    values: &'static [&'static str],
}

const fn case(kind: &'static str, asked: &'static str, values: &'static [&'static str]) -> Case {
    Case {
        kind,
        asked,
        values,
    }
}

const CASES: &[Case] = &[
    case("TINYINT", TEXT, &["-128", "-1", "0", "127"]),
    case("TINYINT UNSIGNED", TEXT, &["0", "128", "255"]),
    case("BOOLEAN", TEXT, &["true", "false"]),
    case("SMALLINT", TEXT, &["-32768", "32767"]),
    case("SMALLINT UNSIGNED", TEXT, &["65535"]),
    case("MEDIUMINT", TEXT, &["-8388608", "-1", "8388607"]),
    case("MEDIUMINT UNSIGNED", TEXT, &["16777215"]),
    case("INT", TEXT, &["-2147483648", "2147483647"]),
    case("INT UNSIGNED", TEXT, &["4294967295"]),
    case(
        "BIGINT",
        TEXT,
        &["-9223372036854775808", "9223372036854775807"],
    ),
    case("BIGINT UNSIGNED", TEXT, &["0", "18446744073709551615"]),
    case(
        "DECIMAL(65,30)",
        TEXT,
        &[
            "99999999999999999999999999999999999.999999999999999999999999999999",
            "-99999999999999999999999999999999999.999999999999999999999999999999",
            "0",
            "-0.000000000000000000000000000001",
            "1234567890123.45",
        ],
    ),
    case("DECIMAL(10,0)", TEXT, &["-1", "0", "9999999999"]),
    case("DECIMAL(9,9)", TEXT, &["0.123456789", "-0.999999999", "0"]),
    case("DECIMAL(18,9) UNSIGNED", TEXT, &["999999999.000000001"]),
    case("DECIMAL(1,0)", TEXT, &["-9", "0"]),
    case(
        "FLOAT",
        FLOAT,
        &["0.1", "-3.4028234e38", "1.17549e-38", "16777217", "0"],
    ),
    case("FLOAT UNSIGNED", FLOAT, &["1.5"]),
    case(
        "DOUBLE",
        FLOAT,
        &["0.1", "-1.7976931348623157e308", "2.2250738585072014e-308"],
    ),
    case("BIT(1)", NUMBER, &["b'0'", "b'1'"]),
    case("BIT(9)", NUMBER, &["b'100000001'"]),
    case("BIT(64)", NUMBER, &["18446744073709551615", "1"]),
    case("YEAR", TEXT, &["0", "1901", "2155", "2026"]),
    case(
        "DATE",
        TEXT,
        &[
            "'0000-00-00'",
            "'2026-00-00'",
            "'1000-01-01'",
            "'9999-12-31'",
            "'2024-02-29'",
        ],
    ),
    case(
        "DATETIME",
        TEXT,
        &[
            "'0000-00-00'",
            "'1000-01-01 00:00:00'",
            "'9999-12-31 23:59:59'",
        ],
    ),
    case("DATETIME(1)", TEXT, &["'2026-11-26 01:02:03.9'"]),
    case("DATETIME(3)", TEXT, &["'2026-11-26 01:02:03.045'"]),
    case(
        "DATETIME(6)",
        TEXT,
        &[
            "'9999-12-31 23:59:59.999999'",
            "'2026-11-00 00:00:00.000001'",
        ],
    ),
    case(
        "TIMESTAMP NULL",
        TEXT,
        &["0", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'"],
    ),
    case("TIMESTAMP(2) NULL", TEXT, &["'2026-11-26 01:02:03.99'"]),
    case(
        "TIMESTAMP(6) NULL",
        TEXT,
        &[
            "'2038-01-19 03:14:07.999999'",
            "0",
            "'2024-02-29 23:59:59.000001'",
        ],
    ),
    case(
        "TIME",
        TEXT,
        &["'-838:59:59'", "'838:59:59'", "'00:00:00'", "'-00:00:01'"],
    ),
    case(
        "TIME(1)",
        TEXT,
        &["'-00:00:00.1'", "'-01:59:59.9'", "'-00:00:01.0'"],
    ),
    case("TIME(2)", TEXT, &["'-00:00:00.10'", "'12:34:56.78'"]),
    case("TIME(4)", TEXT, &["'-838:59:58.9999'", "'-00:00:00.0001'"]),
    case(
        "TIME(6)",
        TEXT,
        &[
            "'-838:59:59.999999'",
            "'838:59:59.999999'",
            "'-00:00:00.000001'",
            "'-00:01:00.000000'",
        ],
    ),
    case("CHAR(10)", TEXT, &["''", "'ä😀'", "'a  '", "'0123456789'"]),
    case(
        "CHAR(255) CHARACTER SET utf8mb4",
        TEXT,
        &["repeat('😀', 255)", "'x'"],
    ),
    case("VARCHAR(10)", TEXT, &["''", "'😀 '"]),
    case(
        "VARCHAR(64) CHARACTER SET latin1",
        TEXT,
        &["'äöü€'", "''", "CONVERT(x'8081ff' USING latin1)"],
    ),
    case(
        "VARCHAR(300) CHARACTER SET utf8mb3",
        TEXT,
        &["repeat('ä', 300)"],
    ),
    case("VARCHAR(9) CHARACTER SET cp1251", TEXT, &["'Привет'"]),
    case("VARCHAR(9) CHARACTER SET koi8r", TEXT, &["'Привет'"]),
    case("VARCHAR(9) CHARACTER SET swe7", TEXT, &["'åäö'", "'abc'"]),
    case("VARCHAR(9) CHARACTER SET ucs2", TEXT, &["'aä€'"]),
    case("VARCHAR(9) CHARACTER SET utf16", TEXT, &["'aä😀'"]),
    case("VARCHAR(9) CHARACTER SET utf16le", TEXT, &["'aä😀'"]),
    case("VARCHAR(9) CHARACTER SET utf32", TEXT, &["'aä😀'"]),
    case("CHAR(9) CHARACTER SET ascii", TEXT, &["'abc'"]),
    case(
        "VARCHAR(200) COMPRESSED",
        TEXT,
        &["repeat('ab', 100)", "'a'", "''"],
    ),
    case("VARBINARY(200) COMPRESSED", BYTES, &["repeat(x'00', 200)"]),
    case(
        "BINARY(16)",
        BYTES,
        &["x'00'", "x'0000000000000000000000000000ff00'", "''"],
    ),
    case("BINARY(3)", BYTES, &["x'010000'", "x'ffffff'"]),
    case(
        "VARBINARY(300)",
        BYTES,
        &["x'00ff00'", "''", "repeat(x'00', 300)"],
    ),
    case("TINYTEXT", TEXT, &["repeat('x', 255)"]),
    case(
        "TEXT CHARACTER SET latin1",
        TEXT,
        &["repeat('é', 65535)", "''"],
    ),
    case("MEDIUMTEXT", TEXT, &["repeat('ä', 100000)"]),
    case("LONGTEXT", TEXT, &["repeat('x', 17000000)", "'a\\0b'"]),
    case("TEXT COMPRESSED", TEXT, &["repeat('ä', 1000)", "'a'"]),
    case("TINYBLOB", BYTES, &["x'00'", "''"]),
    case("BLOB", BYTES, &["x'00ff'"]),
    case("BLOB COMPRESSED", BYTES, &["repeat(x'01', 1000)"]),
    case("MEDIUMBLOB", BYTES, &["repeat(x'01', 70000)"]),
    case("LONGBLOB", BYTES, &["x'deadbeef'"]),
    case(
        "ENUM('a','ü','c d')",
        TEXT,
        &["'a'", "'ü'", "3", "'unknown'"],
    ),
    case("ENUM('ж','b') CHARACTER SET cp1251", TEXT, &["'ж'", "'b'"]),
    case("SET('x','ü','z')", TEXT, &["''", "'x'", "'z,x,ü'"]),
    case(
        "SET('1','2','3','4','5','6','7','8','9') CHARACTER SET latin1",
        TEXT,
        &["'9,1'"],
    ),
    case("JSON", TEXT, &["'{\"a\": [1, null, 1.50, \"ä\"]}'", "'[]'"]),
    case(
        "UUID",
        TEXT,
        &[
            "'00112233-4455-6677-8899-aabbccddee00'",
            "'123e4567-e89b-12d3-a456-426655440000'",
        ],
    ),
    case(
        "INET6",
        TEXT,
        &[
            "'::'",
            "'::1'",
            "'2001:db8::ff00:42:8329'",
            "'::ffff:192.0.2.1'",
            "'::192.0.2.1'",
            "'1::'",
            "'1:0:0:2::3'",
        ],
    ),
    case("INET4", TEXT, &["'192.0.2.1'", "'0.0.0.0'"]),
    case(
        "POINT",
        BYTES,
        &["POINT(1, 2)", "ST_GeomFromText('POINT(1 2)', 4326)"],
    ),
    case(
        "GEOMETRY",
        BYTES,
        &["ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')"],
    ),
];

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

fn every_type(settings: &[&str]) {
    let Some(server) = Server::start(settings) else {
        return;
    };
    let mut session = server.session("types");
    let start = Position::current(&mut session).unwrap();
    let mut replica = Replica::connect(&server.address(), 77, &start).unwrap();
    let cases = CASES.iter().enumerate();
    let want: Vec<_> = cases
        .map(|(n, c)| write(&server, &mut session, n, c))
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
    let is_compressed = settings.contains(&"--log-bin-compress=ON");
    assert_eq!(has_compressed_events(&mut session, &start), is_compressed);
    for (n, case) in CASES.iter().enumerate() {
        check(case, &seen[&format!("t{n}")], &want[n]);
    }
}

fn has_compressed_events(session: &mut Session, start: &Position) -> bool {
    let events = session
        .query(&format!("SHOW BINLOG EVENTS IN '{}'", start.file))
        .unwrap();
    let mut kinds = events.iter().map(|event| event[2].clone().unwrap());
    kinds.any(|kind| kind.starts_with("Write_rows_compressed"))
}

#[test]
fn columns_that_are_computed_or_hidden_come_too() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
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

#[test]
fn every_type_comes_as_a_select_gives_it() {
    every_type(&[]);
}

#[test]
fn every_type_comes_the_same_from_a_compressed_log_without_checksums() {
    every_type(&[
        "--log-bin-compress=ON",
        "--log-bin-compress-min-len=10",
        "--binlog-checksum=NONE",
    ]);
}

#[test]
fn a_character_set_that_is_not_known_is_named_with_its_column() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
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
