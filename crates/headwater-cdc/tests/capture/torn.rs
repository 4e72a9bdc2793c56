//! A process that takes over one large transaction in parts, and is killed amid it.

use std::path::Path;
use std::time::Duration;

use headwater_cdc::Capture;
use headwater_cdc::postgres::{Address, Settings};
use headwater_log::TopicPartition;
use serde_json::Value;

use super::bench::open;
use crate::faults::parts;
use crate::process::{kill_after, say};

/// Captures until everything that is committed now is in the log; says each time that more of it is in a topic.
pub(super) fn take_over(told: &str, settings: impl Fn(&Address) -> Settings, topic: &str) {
    let (dir, url, _) = parts(told);
    let address: Address = url.parse().unwrap();
    let log = open(&dir);
    let end = address.log_end().unwrap();
    let capture = Capture::start(&log, settings(&address)).unwrap();
    let of = TopicPartition::new(topic, 0);
    let mut known = log.bounds(&of).unwrap().end;
    while !capture.wait_for(&end, Duration::from_millis(1)).unwrap() {
        let now = log.bounds(&of).unwrap().end;
        if now != known {
            say("more");
        }
        known = now;
    }
}

/// Kills the process of a test each time it has said so many lines; how often that was amid the transaction.
pub(super) fn kill_amid(
    (test, told): (&str, &str),
    (dir, position): (&Path, &str),
    lines: &[usize],
) -> usize {
    let is_torn = |lines: &&usize| {
        kill_after(test, told, **lines);
        let position = open(dir).position(position).unwrap();
        let position: Value = serde_json::from_slice(&position).unwrap();
        !position["part"].is_null()
    };
    lines.iter().filter(is_torn).count()
}
