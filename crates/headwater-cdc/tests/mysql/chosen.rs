//! Which tables are captured, by patterns, and for how long.

use std::time::{Duration, Instant};

use headwater_cdc::mysql::Settings;
use headwater_cdc::{Capture, ErrorKind, Matching, Phase};

use super::capturing::{
    LONG, catch_up, each_with, failure, fold, memory, reach, records, settings,
};
use super::transactions::{numbers, run};

#[test]
fn a_capture_ends_when_its_tables_are_read() {
    each_with(
        &[
            "CREATE TABLE t (id INT PRIMARY KEY, n INT)",
            &format!("INSERT INTO t SELECT seq, seq FROM {}", numbers(1, 500)),
        ],
        |server, session| {
            let settings = Settings {
                ends_when_read: true,
                ..settings(&server.address(), &["t"])
            };
            let log = memory();
            for _ in 0..2 {
                let capture = Capture::start(&log, settings.clone()).unwrap();
                reach(&capture, &settings);
                let until = Instant::now() + LONG;
                while capture.status().phase != Phase::Over {
                    assert!(Instant::now() < until, "{:?}", capture.status());
                    std::thread::park_timeout(Duration::from_millis(5));
                }
                assert_eq!(records(&log, "t").len(), 500);
                run(session, &["UPDATE t SET n = 0"]);
            }
        },
    );
}

/// Waits until these tables are captured.
fn until(capture: &Capture, want: &[&str]) {
    let names = || -> Vec<String> {
        let tables = capture.status().tables.into_iter();
        tables.map(|t| t.name).collect()
    };
    let end = Instant::now() + LONG;
    while names() != want {
        assert!(
            capture.failure().is_none() && Instant::now() < end,
            "{:?}",
            capture.status()
        );
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn tables_are_chosen_by_patterns_also_those_that_come_and_go() {
    each_with(
        &[
            "CREATE TABLE lines_1 (id INT PRIMARY KEY)",
            "INSERT INTO lines_1 VALUES (1)",
            "CREATE TABLE lines_old (id INT PRIMARY KEY)",
            "CREATE TABLE other (id INT)",
        ],
        |server, session| {
            let patterns = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect();
            let with = |scope: &str| Settings {
                matching: Some(Matching {
                    scopes: patterns(&[scope]),
                    included: patterns(&[r".*\.lines_.*"]),
                    excluded: patterns(&[r".*_old"]),
                    topic_prefix: String::new(),
                }),
                backfills: false,
                ..settings(&server.address(), &[])
            };
            assert_eq!(failure(&memory(), &with("sho")).kind(), ErrorKind::NotFound);
            let log = memory();
            let capture = Capture::start(&log, with("shop")).unwrap();
            let until = |want: &[&str]| until(&capture, want);
            until(&["shop.lines_1"]);
            // A table that is made later is captured with what it has, although the others are not read.
            run(
                session,
                &[
                    "CREATE TABLE lines_2 (id INT PRIMARY KEY)",
                    "INSERT INTO lines_2 VALUES (1), (2)",
                    "INSERT INTO lines_1 VALUES (2)",
                ],
            );
            until(&["shop.lines_1", "shop.lines_2"]);
            run(session, &["INSERT INTO lines_2 VALUES (3)"]);
            reach(&capture, &with("shop"));
            assert_eq!(
                (fold(&log, "lines_1").len(), fold(&log, "lines_2").len()),
                (1, 3)
            );
            capture.stop();
            // The log says what became of one that is gone when the next capture starts.
            run(
                session,
                &["DROP TABLE lines_2", "INSERT INTO lines_1 VALUES (3)"],
            );
            catch_up(&log, &with("shop"));
            assert_eq!(
                (fold(&log, "lines_1").len(), fold(&log, "lines_2").len()),
                (2, 0)
            );
        },
    );
}
