//! Tables of a database in SQL whose columns change in the database, and whose captures are told what to do.

use std::time::{Duration, Instant};

use headwater::Headwater;

use crate::cdc::{open, start, table, wait_for};
use crate::shown::select;

const PATIENCE: Duration = Duration::from_secs(60);
const ROWS: &str = "SELECT id, n, gone, old, kind FROM seen ORDER BY id";

/// A table with the columns of the database, and a view of all of it.
fn seen(hw: &Headwater, orders: &str) {
    hw.sql(orders).unwrap();
    hw.sql("CREATE MATERIALIZED VIEW seen AS SELECT id, n, gone, old, kind FROM orders;")
        .unwrap();
}

#[test]
fn columns_that_change_in_the_database_are_no_wrong_values() {
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    let mut run = |sql: &str| drop(session.query(sql).unwrap());
    run("CREATE TABLE orders (id int PRIMARY KEY, n int, gone text, old text, kind int)");
    run("INSERT INTO orders VALUES (1, 1, 'g', 'o', 1), (2, 2, 'g', 'o', 2)");
    let folder = tempfile::tempdir().unwrap();
    let hw = open(folder.path());
    seen(&hw, &table(&address, "orders", "", ""));
    wait_for(&hw, ROWS, &["1 1 g o 1", "2 2 g o 2"]);
    // One that is added is not looked at.
    run("ALTER TABLE orders ADD COLUMN more int NOT NULL DEFAULT 7");
    run("INSERT INTO orders VALUES (3, 3, 'g', 'o', 3, 8)");
    wait_for(&hw, ROWS, &["1 1 g o 1", "2 2 g o 2", "3 3 g o 3"]);
    // One that is dropped is null in every row, also in those that did not change, and so is one that has another name.
    run("ALTER TABLE orders DROP COLUMN gone; ALTER TABLE orders RENAME COLUMN old TO new");
    run("UPDATE orders SET n = 10 WHERE id = 1");
    wait_for(
        &hw,
        ROWS,
        &["1 10 NULL NULL 1", "2 2 NULL NULL 2", "3 3 NULL NULL 3"],
    );
    // Values of another type are read where they can be.
    run("ALTER TABLE orders ALTER n TYPE bigint; ALTER TABLE orders ALTER kind TYPE numeric(10,1)");
    run("INSERT INTO orders VALUES (4, 4, NULL, NULL, 0)");
    let errors = "SELECT COUNT(*) AS c FROM `orders$errors`";
    wait_for(
        &hw,
        "SELECT id, n FROM seen WHERE id = 4 OR id = 1",
        &["1 10", "4 4"],
    );
    let before: u64 = select(&hw, errors)[0].parse().unwrap();
    // Where they cannot, the record is kept with what is wrong with it, and the others go on.
    run(
        "INSERT INTO orders VALUES (5, 5000000000, NULL, NULL, 0), (6, 6, NULL, 1.5, 0), (7, 7, NULL, NULL, 0)",
    );
    wait_for(&hw, "SELECT id, n FROM seen WHERE id > 4", &["7 7"]);
    let after: u64 = select(&hw, errors)[0].parse().unwrap();
    assert!(after >= before + 2, "{before} and {after}");
    let kept = "SELECT COUNT(*) AS c FROM `orders$errors` WHERE CAST(`value` AS STRING) LIKE '%5000000000%'";
    // Once more if the table was being read anew meanwhile.
    let kept: u64 = select(&hw, kept)[0].parse().unwrap();
    assert!((1..=2).contains(&kept), "{kept}");
    hw.close().unwrap();
}

#[test]
fn captures_of_tables_of_sql_are_read_again_and_paused() {
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    let mut run = |sql: &str| drop(session.query(sql).unwrap());
    run("CREATE TABLE orders (id int PRIMARY KEY, n int, gone text, old text, kind int)");
    run("INSERT INTO orders SELECT n, n FROM generate_series(1, 100) n");
    let folder = tempfile::tempdir().unwrap();
    let hw = open(folder.path());
    let latest = ", 'scan.startup.mode' = 'latest-offset'";
    seen(&hw, &table(&address, "orders", "", latest));
    let name = "headwater_public_orders";
    let until = Instant::now() + PATIENCE;
    let capture = loop {
        let found = hw.captures().find(name);
        if let Some(capture) = found.filter(|c| !c.status().tables.is_empty()) {
            break capture;
        }
        assert!(Instant::now() < until, "the capture does not run");
        std::thread::park_timeout(Duration::from_millis(5));
    };
    capture.snapshot("public.orders", Some("id > 97")).unwrap();
    wait_for(&hw, "SELECT id FROM seen", &["100", "98", "99"]);
    capture.pause();
    capture.snapshot("public.orders", None).unwrap();
    run("INSERT INTO orders VALUES (101)");
    wait_for(&hw, "SELECT COUNT(*) AS c FROM seen", &["4"]);
    assert!(capture.status().is_paused);
    capture.resume();
    wait_for(&hw, "SELECT COUNT(*) AS c FROM seen", &["101"]);
    drop(capture);
    hw.close().unwrap();
    drop(hw);
}
