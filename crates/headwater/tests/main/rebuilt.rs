//! Materialised views that are built anew beside the running ones.

use std::time::Duration;

use headwater::ErrorKind;
use headwater::testkit::{TestDriver, TestOptions};
use headwater_log::{Offset, TopicPartition};
use serde_json::{Value, json};

const TABLE: &str = "CREATE TABLE t (k STRING, at AS PROCTIME());";

/// What an hour later is another view: when the newest record of a key was seen.
fn seen() -> TestDriver {
    let view =
        "CREATE MATERIALIZED VIEW v AS SELECT k, COUNT(*) AS n, MAX(at) AS seen FROM t GROUP BY k;";
    let mut test = TestDriver::new(&format!("{TABLE}{view}")).unwrap();
    test.pipe("t", [r#"{"k":"a"}"#, r#"{"k":"b"}"#, r#"{"k":"b"}"#])
        .unwrap();
    test.run().unwrap();
    test.advance(Duration::from_secs(3600)).unwrap();
    test
}

fn counts(test: &mut TestDriver) -> Vec<Value> {
    test.query_json("SELECT k, n FROM v ORDER BY k").unwrap()
}

fn times(test: &mut TestDriver) -> Vec<Value> {
    let times = test.query_json("SELECT DISTINCT seen FROM v");
    times.unwrap()
}

#[test]
fn a_view_that_is_built_anew_takes_the_place_of_the_old_one_and_goes_on() {
    let mut test = seen();
    let (rows, before) = (counts(&mut test), times(&mut test));
    assert_eq!(test.read("v").unwrap().len(), 2);
    let done = test.rebuild_view("v").unwrap();
    assert_eq!(done.changes, 4, "two rows went and two came");
    assert_eq!(
        test.read("v").unwrap().len(),
        2,
        "whoever follows the view sees the rows that differ"
    );
    assert_eq!(counts(&mut test), rows);
    let after = times(&mut test);
    assert_ne!(after, before);

    test.restart(&TestOptions::default()).unwrap();
    assert_eq!(times(&mut test), after, "a restart finds the new state");
    test.pipe("t", [r#"{"k":"a"}"#]).unwrap();
    test.run().unwrap();
    test.stop_and_restart(&TestOptions::default()).unwrap();
    let expected = [json!({"k": "a", "n": 2}), json!({"k": "b", "n": 2})];
    assert_eq!(counts(&mut test), expected);
    assert_eq!(test.jobs(), ["v"], "nothing is left of the rebuilding");
}

#[test]
fn views_over_a_view_that_is_built_anew_see_what_differs() {
    let mut test = seen();
    test.sql("CREATE MATERIALIZED VIEW newest AS SELECT MAX(seen) AS seen, SUM(n) AS n FROM v")
        .unwrap();
    test.run().unwrap();
    let before = test.query_json("SELECT * FROM newest").unwrap();
    test.rebuild_view("v").unwrap();
    test.run().unwrap();
    let after = test.query_json("SELECT * FROM newest").unwrap();
    assert_eq!((&before[0]["n"], &after[0]["n"]), (&json!(3), &json!(3)));
    assert_eq!(after[0]["seen"], times(&mut test)[0]["seen"]);
    assert_ne!(after, before);
}

#[test]
fn a_view_whose_records_are_gone_stays_as_it_is() {
    let mut test = seen();
    // What it would begin anew with is the newest snapshot, so nothing pins the records.
    test.stop_and_restart(&TestOptions::default()).unwrap();
    test.run().unwrap();
    let partition = TopicPartition::new("t", 0);
    test.log().trim(&partition, Offset(1)).unwrap();
    let rows = counts(&mut test);
    let refused = test.rebuild_view("v").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported, "{refused}");
    assert_eq!(counts(&mut test), rows);
    test.pipe("t", [r#"{"k":"a"}"#]).unwrap();
    test.run().unwrap();
    let expected = [json!({"k": "a", "n": 2}), json!({"k": "b", "n": 2})];
    assert_eq!(counts(&mut test), expected, "it goes on");
}

#[test]
fn a_view_that_only_grows_is_built_anew_if_nothing_has_to_be_taken_back() {
    let views = "CREATE MATERIALIZED VIEW v AS SELECT k FROM t;
        CREATE MATERIALIZED VIEW w AS SELECT k, at FROM t;";
    let mut test = TestDriver::new(&format!("{TABLE}{views}")).unwrap();
    test.pipe("t", [r#"{"k":"a"}"#]).unwrap();
    test.run().unwrap();
    test.advance(Duration::from_secs(3600)).unwrap();
    assert_eq!(test.rebuild_view("v").unwrap().changes, 0);
    let refused = test.rebuild_view("w").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
    test.pipe("t", [r#"{"k":"b"}"#]).unwrap();
    test.run().unwrap();
    for view in ["v", "w"] {
        let rows = test.query_json(&format!("SELECT k FROM {view} ORDER BY k"));
        assert_eq!(rows.unwrap(), [json!({"k": "a"}), json!({"k": "b"})]);
    }
}

#[test]
fn what_is_no_view_is_not_built_anew() {
    let statements = "CREATE TABLE u (k STRING); INSERT INTO u SELECT k FROM t;";
    let mut test = TestDriver::new(&format!("{TABLE}{statements}")).unwrap();
    for other in ["t", "u", "nothing"] {
        let refused = test.rebuild_view(other).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotFound, "{refused}");
    }
}
