//! What the tests of captures have in common, whatever the server: a log, a capture that catches up, and what a topic adds up to.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use headwater_cdc::{Capture, Settings};
use headwater_log::{Log, ManualClock, Offset, Options, Timestamp, TopicPartition};
use serde_json::Value;

pub(crate) const LONG: Duration = Duration::from_secs(120);

pub(crate) fn open(dir: &Path) -> Log {
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    Log::open_dir(dir, clock, Options::default()).unwrap()
}

pub(crate) fn memory() -> Log {
    Log::memory(Arc::new(ManualClock::new(Timestamp(0))))
}

/// Captures until everything that is committed now is in the log.
pub(crate) fn catch_up<S: Clone + Into<Settings>>(log: &Log, settings: &S) {
    let settings: Settings = settings.clone().into();
    let end = settings.log_end().unwrap();
    let capture = Capture::start(log, settings).unwrap();
    assert!(
        capture.wait_for(&end, LONG).unwrap(),
        "{:?}",
        capture.status()
    );
    capture.stop();
}

/// One record: the commit that it came with, its key and its value.
pub(crate) type Seen = (u64, String, Option<String>);

/// Everything that is in a topic, in order.
pub(crate) fn records(log: &Log, topic: &str) -> Vec<Seen> {
    let of = TopicPartition::new(topic, 0);
    let (mut all, mut next) = (Vec::new(), log.bounds(&of).unwrap().start);
    loop {
        let fetched = log.fetch(&of, next, 1 << 20).unwrap();
        let Some(last) = fetched.batches.last() else {
            return all;
        };
        next = Offset(last.next_offset().0);
        for (batch, commit) in fetched.batches.iter().zip(&fetched.commits) {
            let text = |b: &[u8]| String::from_utf8(b.to_vec()).unwrap();
            batch
                .for_each(|r| all.push((commit.0, text(r.key.unwrap()), r.value.map(text))))
                .unwrap();
        }
    }
}

/// The newest value of each key that has one.
pub(crate) fn fold(log: &Log, topic: &str) -> BTreeMap<String, Value> {
    let mut rows = BTreeMap::new();
    for (_, key, value) in records(log, topic) {
        match value {
            Some(value) => rows.insert(key, serde_json::from_str(&value).unwrap()),
            None => rows.remove(&key),
        };
    }
    rows
}
