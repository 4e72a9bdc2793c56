//! Jobs and producers in a directory that may take only so many bytes.

use std::sync::Arc;
use std::time::Duration;

use headwater_log::{Cleanup, Commit, MemDisk, Record, TopicConfig, TopicPartition};

use super::{check_filled, number, open, options, start_filling, trouble};
use crate::{ErrorKind, Headwater, Options};

const LIMIT: u64 = 4 << 20;
const ROWS: i64 = 100_000;

fn limited(producer_wait: Duration) -> Headwater {
    let options = Options {
        producer_wait,
        ..options()
    };
    open(Arc::new(MemDisk::new()), Some(LIMIT), options)
}

/// Fills the topic `ballast` until commits may add no more than `room` bytes, or not one byte more.
fn fill(hw: &Headwater, room: u64) {
    let log = hw.log();
    for length in [3_000, 100, 1] {
        let record = Record {
            value: Some(vec![b'x'; length].into()),
            ..Record::default()
        };
        let commit = Commit::new().append(TopicPartition::new("ballast", 0), [record]);
        while log.stats().room_bytes.unwrap() > room && log.commit(commit.clone()).is_ok() {}
    }
}

#[test]
fn a_job_beyond_the_limit_is_held_back_and_goes_on_when_there_is_room() {
    let hw = limited(Duration::ZERO);
    hw.log()
        .create_topic("ballast", TopicConfig::default())
        .unwrap();
    fill(&hw, 400 << 10);
    start_filling(&hw, ROWS);
    let said = trouble(&hw);
    assert!(said.contains("log has reached its limit"), "{said}");
    let there = number(&hw, "SELECT COUNT(*) FROM kept");
    assert!(there < ROWS, "what is there can be read: {there}");

    hw.log().delete_topic("ballast").unwrap();
    check_filled(&hw, ROWS);
    hw.close().unwrap();
}

#[test]
fn a_producer_without_room_is_refused_with_one_clear_error() {
    let hw = limited(Duration::from_millis(50));
    hw.sql("CREATE TABLE t (a INT); INSERT INTO t VALUES (1);")
        .unwrap();
    hw.log()
        .create_topic("ballast", TopicConfig::default())
        .unwrap();
    let insert = || hw.sql("INSERT INTO t VALUES (2)");
    // A checkpoint may make some room again, where files turn out smaller than what was counted.
    let (error, there) = (1..100)
        .find_map(|there| {
            fill(&hw, 0);
            insert().err().map(|error| (error, there))
        })
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    assert!(
        error.message().starts_with("log has reached its limit"),
        "{error}"
    );
    assert!(error.hint().is_some_and(|h| h.contains("raise the limit")));
    assert_eq!(number(&hw, "SELECT COUNT(*) FROM t"), there);
    let limit = "SELECT CAST(disk_limit AS BIGINT) FROM system.log";
    assert_eq!(number(&hw, limit), LIMIT as i64);
    let room = "SELECT CAST(room_bytes AS BIGINT) FROM system.log";
    assert!(number(&hw, room) < 10_000);

    hw.log().delete_topic("ballast").unwrap();
    hw.log().clean_up().unwrap();
    insert().unwrap();
    assert_eq!(number(&hw, "SELECT COUNT(*) FROM t"), there + 1);
    hw.close().unwrap();
}

#[test]
fn a_pipeline_saves_its_state_early_so_that_what_it_has_read_makes_room() {
    let hw = limited(Duration::from_secs(60));
    let retained = TopicConfig {
        cleanup: Cleanup {
            retention_bytes: Some(128 << 10),
            ..Cleanup::default()
        },
        ..TopicConfig::default()
    };
    hw.log().create_topic("input", retained).unwrap();
    hw.sql(
        "CREATE TABLE input (n BIGINT, ballast STRING);
         CREATE MATERIALIZED VIEW sums AS SELECT COUNT(*) AS c, SUM(n) AS s FROM input;",
    )
    .unwrap();
    let (commits, rows) = (160, 50);
    for commit in 0..commits {
        let record = |n: i64| Record {
            value: Some(format!(r#"{{"n":{n},"ballast":"{n:01000}"}}"#).into()),
            ..Record::default()
        };
        let of_commit = (commit * rows..(commit + 1) * rows).map(record);
        hw.produce("input", of_commit).unwrap();
    }
    let all = commits * rows;
    assert_eq!(number(&hw, "SELECT c FROM sums"), all);
    assert_eq!(number(&hw, "SELECT s FROM sums"), all * (all - 1) / 2);
    assert!(number(&hw, "SELECT COUNT(*) FROM input") < all / 2);
    hw.close().unwrap();
}
