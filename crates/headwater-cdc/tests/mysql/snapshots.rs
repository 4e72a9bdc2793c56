//! Snapshots: rows in ranges of their key, and the exact place of the log at which they stand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use headwater_cdc::ErrorKind;
use headwater_cdc::mysql::{Message, Replica, Session, Snapshot, Table, Value};

use super::following::{changes, read_to_end};
use super::server::{Product, Server};
use crate::oracle::StopsAtEnd;

const SNAPSHOTS: usize = 20;

/// All rows of a table, in ranges of so many.
pub(super) fn all_rows(snapshot: &mut Snapshot, table: &Table, limit: u64) -> Vec<Vec<Value>> {
    let mut all: Vec<Vec<Value>> = Vec::new();
    loop {
        let after = all.last().map(|row| key(table, row));
        let before = all.len();
        snapshot
            .rows(table, after.as_deref(), limit, |row| {
                all.push(row);
                Ok(())
            })
            .unwrap();
        if ((all.len() - before) as u64) < limit {
            return all;
        }
    }
}

/// The values of the key's columns, in the key's order.
fn key(table: &Table, row: &[Value]) -> Vec<Value> {
    let columns = table.columns.iter().zip(row);
    let mut key: Vec<_> = columns
        .filter_map(|(c, v)| Some((c.key?, v.clone())))
        .collect();
    key.sort_by_key(|(place, _)| *place);
    key.into_iter().map(|(_, value)| value).collect()
}

type Rows = BTreeMap<String, Vec<Value>>;

fn fold(table: &Table, rows: &mut Rows, before: Option<Vec<Value>>, after: Option<Vec<Value>>) {
    let name = |row: &[Value]| format!("{:?}", key(table, row));
    if let Some(before) = before {
        rows.remove(&name(&before));
    }
    if let Some(after) = after {
        rows.insert(name(&after), after);
    }
}

/// Inserts, updates, moves and deletes rows as `seed` says, until it is told to stop.
fn write(session: &mut Session, mut seed: u64, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let (id, other) = (seed >> 33 & 63, seed >> 40 & 63);
        let sql = match seed >> 60 {
            0..6 => format!("REPLACE INTO t VALUES ({id}, 'a', {other})"),
            6..10 => format!("UPDATE t SET n = n + 1 WHERE id < {id}"),
            10..13 => format!("UPDATE IGNORE t SET id = {other} WHERE id = {id}"),
            _ => format!("DELETE FROM t WHERE id = {id}"),
        };
        // Writers that wait for each other may be told to begin anew: then nothing has happened.
        drop(session.execute(&sql));
    }
}

/// The rows of a snapshot and what the log says from its place on are the table.
fn snapshots_meet_the_log(product: Product, open: fn(&Server) -> Snapshot) {
    let Some(server) = &Server::of(product, &[]) else {
        return;
    };
    let mut session = server.session("shop");
    session
        .execute("CREATE TABLE t (id INT, kind CHAR(1), n INT, PRIMARY KEY (kind, id))")
        .unwrap();
    let mut states = Vec::new();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (stop, stops) = (&stop, StopsAtEnd(&stop));
        for seed in [1, 2, 3, 4] {
            scope.spawn(move || write(&mut server.session("shop"), seed, stop));
        }
        for _ in 0..SNAPSHOTS {
            let mut snapshot = open(server);
            let table = snapshot.table("shop", "t").unwrap();
            let mut rows = Rows::new();
            for row in all_rows(&mut snapshot, &table, 7) {
                fold(&table, &mut rows, None, Some(row));
            }
            states.push((snapshot.position().clone(), rows));
        }
        drop(stops);
    });
    let mut last = Snapshot::open(&server.address()).unwrap();
    let table = last.table("shop", "t").unwrap();
    let mut want = Rows::new();
    for row in all_rows(&mut last, &table, 1000) {
        fold(&table, &mut want, None, Some(row));
    }
    assert!(!want.is_empty());
    // The first, the last and some between.
    let step = states.len().div_ceil(6);
    for (position, mut rows) in states.into_iter().step_by(step) {
        let mut replica = Replica::connect(&server.address(), 77, &position).unwrap();
        read_to_end(&mut replica, &mut session, |message| {
            if let Message::Rows(event) = message {
                for change in changes(&event) {
                    fold(&table, &mut rows, change.before, change.after);
                }
            }
        })
        .unwrap();
        assert_eq!(rows, want, "from {position}");
    }
}

#[test]
fn a_snapshot_without_a_lock_ends_where_the_log_goes_on() {
    snapshots_meet_the_log(Product::MariaDb, |server| {
        Snapshot::open(&server.address()).unwrap()
    });
}

#[test]
fn a_snapshot_under_a_lock_ends_where_the_log_goes_on() {
    let open = |server: &Server| {
        Snapshot::under_lock(Session::connect(&server.address()).unwrap()).unwrap()
    };
    for product in Product::BOTH {
        snapshots_meet_the_log(product, open);
    }
}

#[test]
fn keys_of_all_kinds_are_read_in_ranges() {
    for server in Server::each(&[]) {
        check_keys(&server);
    }
}

fn check_keys(server: &Server) {
    let mut session = server.session("shop");
    const OF_MARIADB: &[(&str, &str)] = &[
        (
            "UUID",
            "'123e4567-e89b-12d3-a456-426655440000', '00112233-4455-6677-8899-aabbccddeeff'",
        ),
        ("INET6", "'::1', '2001:db8::'"),
    ];
    const OF_MYSQL: &[(&str, &str)] = &[(
        "VARCHAR(9) COLLATE utf8mb4_0900_ai_ci",
        "'b', 'A', 'ö', '!'",
    )];
    let own = match server.product() {
        Product::MariaDb => OF_MARIADB,
        Product::MySql => OF_MYSQL,
    };
    let keys = [
        ("INT", "-5, 0, 7"),
        ("BIGINT UNSIGNED", "0, 18446744073709551615, 3"),
        ("DECIMAL(20,2)", "-1.50, 0, 12345678901234567.89"),
        ("DOUBLE", "-1.5e300, 0.1, 7"),
        ("FLOAT", "0.1, 0.2, 16777216"),
        (
            "VARCHAR(9) COLLATE utf8mb4_unicode_ci",
            "'b', 'A', 'it''s', '\\\\', 'ö'",
        ),
        ("VARCHAR(9) CHARACTER SET latin1", "'ö', 'e', 'z'"),
        ("VARBINARY(9)", "x'00', x'ff', ''"),
        ("BINARY(16)", "x'00', x'ff'"),
        ("DATE", "'0000-00-00', '2026-01-01'"),
        ("DATETIME(6)", "'2026-01-01 00:00:00.000001', '2026-01-01'"),
        ("TIMESTAMP(3)", "'2026-01-01 00:00:00.001', '2026-01-01'"),
        ("TIME(3)", "'-01:00:00.001', '01:00:00'"),
        ("YEAR", "0, 2155, 1901"),
        ("ENUM('z','a','m')", "'a', 'z', 'm'"),
        ("BIT(9)", "b'1', b'100000000'"),
    ];
    for (n, (kind, values)) in keys.iter().chain(own).enumerate() {
        let rows: Vec<String> = values
            .split(", ")
            .map(|v| format!("({v}, 1), ({v}, 2)"))
            .collect();
        session
            .execute(&format!(
                "CREATE TABLE k{n} (k {kind}, part INT, PRIMARY KEY (k, part))"
            ))
            .unwrap();
        session
            .execute(&format!("INSERT INTO k{n} VALUES {}", rows.join(", ")))
            .unwrap();
        let mut snapshot = Snapshot::open(&server.address()).unwrap();
        let table = snapshot.table("shop", &format!("k{n}")).unwrap();
        let whole = all_rows(&mut snapshot, &table, 1000);
        assert_eq!(whole.len(), 2 * rows.len(), "{kind}");
        assert_eq!(all_rows(&mut snapshot, &table, 1), whole, "{kind}");
    }
    session.execute("CREATE TABLE none (a INT)").unwrap();
    session.execute("INSERT INTO none VALUES (1), (1)").unwrap();
    let mut snapshot = Snapshot::open(&server.address()).unwrap();
    let table = snapshot.table("shop", "none").unwrap();
    let mut count = 0;
    let counted = snapshot.rows(&table, None, 1, |_| {
        count += 1;
        Ok(())
    });
    assert!(counted.is_ok() && count == 2);
    let error = snapshot.table("shop", "missing").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
