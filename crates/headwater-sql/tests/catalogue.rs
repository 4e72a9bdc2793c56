//! The catalogue survives in its topic.

use std::sync::Arc;

use headwater_log::{Log, ManualClock};
use headwater_sql::Session;
use headwater_sql::catalogue::Catalogue;

use crate::support::{plan, registry, run};

const SETUP: &str = "
    CREATE TABLE orders (id BIGINT NOT NULL, total DECIMAL(10, 2), at TIMESTAMP(3),
        WATERMARK FOR at AS at - INTERVAL '5' SECOND);
    CREATE VIEW large AS SELECT * FROM orders WHERE total > 100;
    CREATE MATERIALIZED VIEW per_id AS SELECT id, count(*) AS n FROM large GROUP BY id;";

fn open(log: &Log) -> Session {
    Session::new(Catalogue::open(log).unwrap(), registry())
}

#[test]
fn what_was_declared_is_there_again() {
    let log = Log::memory(Arc::new(ManualClock::default()));
    run(&mut open(&log), SETUP).unwrap();
    let mut again = open(&log);
    insta::assert_snapshot!(plan(&mut again, "SHOW TABLES"), @r"
    name | kind
    large | view
    orders | table
    per_id | materialized view
    ");
    assert!(plan(&mut again, "SELECT * FROM large").contains("Filter"));
    assert!(again.object("per_id").unwrap().commit > 0);
}

#[test]
fn what_was_dropped_is_gone() {
    let log = Log::memory(Arc::new(ManualClock::default()));
    let mut session = open(&log);
    run(&mut session, SETUP).unwrap();
    run(&mut session, "DROP MATERIALIZED VIEW per_id").unwrap();
    assert!(open(&log).object("per_id").is_none());
}

#[test]
fn an_object_finds_what_was_replaced_after_it() {
    let log = Log::memory(Arc::new(ManualClock::default()));
    let mut session = open(&log);
    run(&mut session, SETUP).unwrap();
    run(
        &mut session,
        "CREATE OR REPLACE TABLE orders (id BIGINT, total INT, at TIMESTAMP(3))",
    )
    .unwrap();
    let again = open(&log);
    assert!(again.object("per_id").unwrap().table.is_some());
}

#[test]
fn temporary_objects_are_of_the_session() {
    let log = Log::memory(Arc::new(ManualClock::default()));
    let mut session = open(&log);
    run(&mut session, "CREATE TEMPORARY TABLE s (a INT)").unwrap();
    assert!(session.object("s").is_some());
    assert!(open(&log).object("s").is_none());
}

#[test]
fn of_two_writers_one_is_refused() {
    let log = Log::memory(Arc::new(ManualClock::default()));
    let (mut one, mut other) = (open(&log), open(&log));
    run(&mut one, "CREATE TABLE a (x INT)").unwrap();
    let error = run(&mut other, "CREATE TABLE b (x INT)").unwrap_err();
    assert_eq!(error.kind(), headwater_sql::SqlErrorKind::Conflict);
}
