//! Small pipelines through the test kit, each for a fault that a law found.

use headwater::testkit::{TestDriver, TestOptions};
use serde_json::json;

#[test]
fn a_pipeline_cut_off_before_its_first_snapshot_goes_on_with_other_threads() {
    let threads = |threads| TestOptions {
        threads,
        ..TestOptions::default()
    };
    let statements = "CREATE TABLE t (n INT);
        CREATE MATERIALIZED VIEW v AS SELECT n, count(*) AS c FROM t GROUP BY n;";
    let mut test = TestDriver::with_options(statements, &threads(1)).unwrap();
    test.pipe("t", [r#"{"n":1}"#]).unwrap();
    test.run().unwrap();
    test.restart(&threads(2)).unwrap();
    test.pipe("t", [r#"{"n":1}"#]).unwrap();
    test.run().unwrap();
    let rows = test.query_json("SELECT n, c FROM v").unwrap();
    assert_eq!(rows, [json!({"n": 1, "c": 2})]);
}

#[test]
fn a_view_counts_distinct_values() {
    let statements = "CREATE TABLE t (n INT);
        CREATE MATERIALIZED VIEW v AS SELECT n % 2 AS k, approx_distinct(n) AS d FROM t GROUP BY n % 2;";
    let mut test = TestDriver::new(statements).unwrap();
    test.pipe("t", [r#"{"n":1}"#, r#"{"n":3}"#, r#"{"n":3}"#])
        .unwrap();
    test.run().unwrap();
    let rows = test.query_json("SELECT d FROM v").unwrap();
    assert_eq!(rows, [json!({"d": 2})]);
}

#[test]
fn larger_windows_over_windows_wait_once_for_late_rows() {
    let statements = "CREATE TABLE t (at TIMESTAMP(3), WATERMARK FOR at AS at) WITH ('allowed-lateness' = '3 s');
        CREATE VIEW small AS SELECT window_start AS s, window_end AS e, window_time AS rowtime, count(*) AS n
        FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(at), INTERVAL '2' SECOND)) GROUP BY window_start, window_end, window_time;
        CREATE TABLE large (n BIGINT);
        INSERT INTO large SELECT sum(n) FROM TABLE(TUMBLE(TABLE small, DESCRIPTOR(rowtime), INTERVAL '10' SECOND))
        GROUP BY window_start, window_end;";
    let mut test = TestDriver::new(statements).unwrap();
    let records = ["2024-01-01 00:00:01", "2024-01-01 00:00:13"];
    test.pipe("t", records.map(|at| json!({ "at": at })))
        .unwrap();
    test.run().unwrap();
    assert_eq!(test.read("large").unwrap().len(), 1);
}
