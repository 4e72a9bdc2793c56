//! What is kept on a server for a table goes with the table.

use headwater::Headwater;
use headwater_cdc::postgres::Session;

use crate::cdc::{open, start, table, wait_for};
use crate::shown::select;

fn slots(session: &mut Session) -> Vec<String> {
    let sql = "SELECT temporary::text || ' ' || slot_name FROM pg_replication_slots";
    let rows = session.query(sql).unwrap();
    rows.into_iter().flatten().flatten().collect()
}

#[test]
fn what_ends_with_its_process_leaves_no_slot_behind() {
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    session
        .query("CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1), (2)")
        .unwrap();
    let bounded = ", 'scan.bounded.mode' = 'latest-offset'";
    // Two at a time, which would have the same slot if it were to last.
    let (one, other) = (Headwater::memory().unwrap(), Headwater::memory().unwrap());
    one.sql(&table(&address, "orders", "", "")).unwrap();
    one.sql("CREATE MATERIALIZED VIEW v AS SELECT COUNT(*) AS n FROM orders;")
        .unwrap();
    wait_for(&one, "SELECT n FROM v", &["2"]);
    let [slot] = &slots(&mut session)[..] else {
        panic!("{:?}", slots(&mut session));
    };
    assert!(slot.starts_with("true headwater_public_orders_"), "{slot}");
    one.close().unwrap();
    other.sql(&table(&address, "orders", "", bounded)).unwrap();
    assert_eq!(
        select(&other, "SELECT id FROM orders ORDER BY id"),
        ["1", "2"]
    );
    other.close().unwrap();
    until_none(&mut session);
}

/// The server forgets a temporary slot a moment after its session ended.
fn until_none(session: &mut Session) {
    for _ in 0..1000 {
        if slots(session).is_empty() {
            return;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
    panic!("{:?}", slots(session));
}

#[test]
fn the_slot_of_a_table_goes_with_the_last_one_that_has_it() {
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    let mut run = |sql: &str| drop(session.query(sql).unwrap());
    run("CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1), (2)");
    let folder = tempfile::tempdir().unwrap();
    let hw = open(folder.path());
    hw.sql(&table(&address, "orders", "", "")).unwrap();
    hw.sql(&table(&address, "again", "", "")).unwrap();
    let view = "CREATE MATERIALIZED VIEW v AS SELECT COUNT(*) AS n FROM orders;";
    hw.sql(view).unwrap();
    wait_for(&hw, "SELECT n FROM v", &["2"]);
    hw.sql("DROP TABLE again;").unwrap();
    assert_eq!(slots(&mut session), ["false headwater_public_orders"]);
    hw.sql("DROP MATERIALIZED VIEW v; DROP TABLE orders;")
        .unwrap();
    assert!(slots(&mut session).is_empty(), "{:?}", slots(&mut session));

    // Made again, it is read again: what went meanwhile is not in it.
    let mut run = |sql: &str| drop(session.query(sql).unwrap());
    run("DELETE FROM orders WHERE id = 1; INSERT INTO orders VALUES (3), (4)");
    hw.sql(&table(&address, "orders", "", "")).unwrap();
    hw.sql(view).unwrap();
    wait_for(&hw, "SELECT n FROM v", &["3"]);
    hw.close().unwrap();
}
