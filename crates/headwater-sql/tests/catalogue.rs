//! The catalogue survives in its topic.

use std::sync::Arc;

use headwater_log::{Commit, Log, ManualClock, Record, TopicConfig, TopicPartition};
use headwater_sql::catalogue::Catalogue;
use headwater_sql::{Planned, Session};

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
fn what_a_view_reads_is_not_replaced() {
    let log = Log::memory(Arc::new(ManualClock::default()));
    let mut session = open(&log);
    run(&mut session, SETUP).unwrap();
    let replaced = run(
        &mut session,
        "CREATE OR REPLACE TABLE orders (id BIGINT, total INT, at TIMESTAMP(3))",
    );
    let error = replaced.unwrap_err().to_string();
    assert!(error.contains("'orders' is used by"), "{error}");
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

#[test]
fn the_key_that_a_view_turned_out_to_have_is_kept() {
    let log = Log::memory(Arc::new(ManualClock::default()));
    let mut session = open(&log);
    run(
        &mut session,
        &SETUP.replace("CREATE MATERIALIZED VIEW", "CREATE VIEW"),
    )
    .unwrap();
    let sql =
        "CREATE MATERIALIZED VIEW totals AS SELECT id, sum(total) AS t FROM orders GROUP BY id";
    let statement = &headwater_sql::parse(sql).unwrap()[0];
    let Planned::Pipeline(pipeline) = session.plan(statement).unwrap() else {
        panic!("a materialised view is a pipeline");
    };
    let mut definition = pipeline.definition.unwrap();
    let table = Arc::make_mut(definition.object.table.as_mut().unwrap());
    table.primary_key = vec!["id".to_owned()];
    session.apply(&definition).unwrap();
    let table = open(&log).object("totals").unwrap().table.clone().unwrap();
    assert_eq!(table.primary_key, ["id"]);
}

#[test]
fn what_a_view_reads_is_not_dropped() {
    let log = Log::memory(Arc::new(ManualClock::default()));
    let mut session = open(&log);
    run(&mut session, SETUP).unwrap();
    insta::assert_snapshot!(plan(&mut session, "DROP TABLE orders"), @r"
    error: 'orders' is used by view 'large'
     --> line 1, column 12
    1 | DROP TABLE orders
      |            ^^^^^^
    hint: DROP VIEW large first
    ");
}

#[test]
fn a_topic_without_ddl_is_a_table() {
    let log = Log::memory(Arc::new(ManualClock::default()));
    log.create_topic("clicks", TopicConfig::default()).unwrap();
    let record = Record {
        value: Some("page".into()),
        ..Record::default()
    };
    log.commit(Commit::new().append(TopicPartition::new("clicks", 0), [record]))
        .unwrap();
    let mut session = open(&log);
    let shown = [
        "SHOW CREATE TABLE clicks",
        "SELECT page FROM clicks",
        "SELECT * FROM clocks",
    ]
    .map(|sql| plan(&mut session, sql));
    insta::assert_snapshot!(shown.join("\n\n"), @r"
    statement
    CREATE TABLE clicks (page STRING) WITH ('format' = 'json');

    Projection: clicks.page
      TableScan: clicks

    error: table 'clocks' not found
     --> line 1, column 15
    1 | SELECT * FROM clocks
      |               ^^^^^^
    hint: did you mean 'clicks'?
    ");
}
