//! What a data directory remembers: objects, jobs and their states, and what is gone for good.

use std::path::Path;

use headwater::{Answer, Headwater, Offset, Options, Record};
use headwater_log::TopicPartition;

use crate::shown::select;

fn open(dir: &Path) -> Headwater {
    let hw = Headwater::open(dir).unwrap();
    hw.resume().unwrap();
    hw
}

/// Lets go of the directory.
fn close(hw: Headwater) {
    hw.close().unwrap();
}

/// A directory whose statements may be run again, as `headwater run FILE -s DIR` does.
fn open_again(dir: &Path) -> Headwater {
    let options = Options {
        repeats: true,
        ..Options::default()
    };
    Headwater::open_with(dir, options).unwrap()
}

fn record(value: &str) -> Record {
    Record {
        value: Some(value.to_owned().into()),
        ..Record::default()
    }
}

fn jobs(hw: &Headwater) -> Vec<String> {
    hw.jobs().into_iter().map(|job| job.name).collect()
}

#[test]
fn what_was_written_is_in_the_views_of_the_next_query() {
    let hw = Headwater::memory().unwrap();
    hw.sql(
        "CREATE TABLE t (k INT, n INT);
         CREATE MATERIALIZED VIEW sums AS SELECT k, SUM(n) AS s FROM t GROUP BY k;
         CREATE MATERIALIZED VIEW total AS SELECT SUM(s) AS s FROM sums;",
    )
    .unwrap();
    for n in 1..=20 {
        hw.sql(&format!("INSERT INTO t VALUES (1, {n}), (2, {n})"))
            .unwrap();
        assert_eq!(
            select(&hw, "SELECT s FROM total"),
            [(n * (n + 1)).to_string()]
        );
    }
    hw.produce("t", [record(r#"{"k":3,"n":1000}"#)]).unwrap();
    assert_eq!(select(&hw, "SELECT s FROM sums WHERE k = 3"), ["1000"]);
    close(hw);
}

#[test]
fn a_view_over_a_topic_without_ddl_goes_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let hw = open(dir.path());
    hw.log().create_topic("clicks", Default::default()).unwrap();
    hw.produce("clicks", [record(r#"{"page":"a"}"#)]).unwrap();
    hw.sql(
        "CREATE VIEW seen AS SELECT page FROM clicks;
         CREATE MATERIALIZED VIEW counts AS SELECT page, COUNT(*) AS n FROM seen GROUP BY page;
         CREATE TABLE copies (page STRING);
         INSERT INTO copies SELECT page FROM clicks;
         CREATE MATERIALIZED VIEW wrong AS SELECT source_offset FROM clicks$errors;",
    )
    .unwrap();
    close(hw);

    let hw = open(dir.path());
    let later = [r#"{"page":"a","user":7}"#, r#"{"page":"#];
    hw.produce("clicks", later.map(record)).unwrap();
    assert_eq!(select(&hw, "SELECT * FROM counts"), ["a 2"]);
    assert_eq!(select(&hw, "SELECT * FROM wrong"), ["2"]);
    assert_eq!(select(&hw, "SELECT * FROM seen"), ["a", "a"]);
    assert_eq!(select(&hw, "SHOW TABLES").len(), 5);
    close(hw);

    let hw = open(dir.path());
    assert_eq!(jobs(&hw), ["counts", "insert-into-copies", "wrong"]);
    assert_eq!(select(&hw, "SELECT * FROM copies"), ["a", "a"]);
    close(hw);
}

#[test]
fn a_table_has_its_topic_from_the_beginning() {
    let hw = Headwater::memory().unwrap();
    hw.sql("CREATE TABLE t (k INT) WITH ('topic' = 'u', 'partitions' = '3')")
        .unwrap();
    assert_eq!(hw.log().topic("u").unwrap().config.partitions, 3);
    hw.produce("u", [record(r#"{"k":1}"#)]).unwrap();
    assert_eq!(select(&hw, "SELECT k FROM t"), ["1"]);
    hw.sql("DROP TABLE t").unwrap();
    assert!(
        hw.log().topic("u").is_some(),
        "what is in it is not the table's"
    );
}

#[test]
fn statements_that_are_run_again_go_on_and_count_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let text = "CREATE TABLE n (n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '5',
            'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '5');
         CREATE TABLE kept (n BIGINT);
         INSERT INTO kept SELECT n FROM n;
         INSERT INTO kept SELECT n FROM n;
         CREATE MATERIALIZED VIEW total AS SELECT SUM(n) AS s FROM n;";
    for _ in 0..3 {
        let hw = open_again(dir.path());
        hw.sql(text).unwrap();
        hw.wait().unwrap();
        assert_eq!(
            jobs(&hw),
            ["insert-into-kept", "insert-into-kept-2", "total"]
        );
        assert_eq!(select(&hw, "SELECT COUNT(*) FROM kept"), ["10"]);
        assert_eq!(select(&hw, "SELECT s FROM total"), ["15"]);
        close(hw);
    }
}

#[test]
fn a_job_that_is_stopped_leaves_what_it_wrote_and_no_state() {
    let dir = tempfile::tempdir().unwrap();
    let hw = open(dir.path());
    let insert = "INSERT INTO out SELECT SUM(n) FROM t";
    hw.sql("CREATE TABLE t (n INT); CREATE TABLE out (s BIGINT, PRIMARY KEY (s) NOT ENFORCED)")
        .unwrap();
    hw.sql("INSERT INTO t VALUES (1), (2)").unwrap();
    hw.sql(insert).unwrap();
    assert_eq!(select(&hw, "SELECT s FROM out"), ["3"]);
    let positions = || {
        let all = hw.log().positions().into_iter().map(|(owner, _)| owner);
        all.filter(|owner| owner.contains("insert-into-out"))
            .count()
    };
    assert!(positions() > 0);
    hw.sql("STOP JOB 'insert-into-out'").unwrap();
    assert_eq!((jobs(&hw).len(), positions()), (0, 0));
    assert_eq!(select(&hw, "SELECT s FROM out"), ["3"]);
    close(hw);

    // Started again it is another job, which begins at the beginning.
    let hw = open(dir.path());
    assert_eq!(jobs(&hw).len(), 0);
    let answers = hw.sql(insert).unwrap();
    assert!(matches!(&answers[0], Answer::Started { is_new: true, .. }));
    hw.sql("INSERT INTO t VALUES (4)").unwrap();
    assert_eq!(select(&hw, "SELECT MAX(s) FROM out"), ["7"]);
    close(hw);
}

#[test]
fn a_view_whose_pin_was_dropped_says_which_records_it_could_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let hw = open(dir.path());
    hw.log().create_topic("clicks", Default::default()).unwrap();
    hw.produce("clicks", ["a", "b"].map(record)).unwrap();
    hw.sql("CREATE MATERIALIZED VIEW counts AS SELECT COUNT(*) AS n FROM clicks")
        .unwrap();
    assert_eq!(select(&hw, "SELECT * FROM counts"), ["2"]);
    close(hw);

    // Dropped while nothing is lost: the view goes on.
    let drop_pins = |hw: &Headwater| {
        let pins = hw.log().pins();
        assert!(!pins.is_empty());
        pins.iter().for_each(|p| hw.log().unpin(&p.owner).unwrap());
    };
    let hw = Headwater::open(dir.path()).unwrap();
    drop_pins(&hw);
    hw.produce("clicks", [record("c")]).unwrap();
    hw.resume().unwrap();
    assert_eq!(select(&hw, "SELECT * FROM counts"), ["3"]);
    close(hw);

    let hw = Headwater::open(dir.path()).unwrap();
    hw.produce("clicks", ["d", "e", "f"].map(record)).unwrap();
    drop_pins(&hw);
    let clicks = TopicPartition::new("clicks", 0);
    assert_eq!(hw.log().trim(&clicks, Offset(5)).unwrap(), Offset(5));
    let ended = hw.resume().and_then(|()| hw.wait_for("counts"));
    let error = ended.unwrap_err().to_string();
    let said = "records 3 to 5 of topic partition 'clicks/0' are gone and were not read";
    assert!(error.contains(said), "{error}");
}
