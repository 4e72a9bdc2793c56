//! Captures of tables of `shop`, and what is in their topics.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater_cdc::mysql::{Address, Session, Settings, TableName};
use headwater_cdc::{Capture, Error};
use headwater_log::{Log, ManualClock, Offset, Options, Timestamp, TopicPartition};
use serde_json::Value;

pub(super) const LONG: Duration = Duration::from_secs(120);

pub(super) fn open(dir: &Path) -> Log {
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    Log::open_dir(dir, clock, Options::default()).unwrap()
}

pub(super) fn memory() -> Log {
    Log::memory(Arc::new(ManualClock::new(Timestamp(0))))
}

pub(super) fn settings(address: &Address, tables: &[&str]) -> Settings {
    let new = Settings::new(address.clone(), "headwater");
    let new = Settings {
        range_rows: 100,
        ..new
    };
    tables
        .iter()
        .fold(new, |all, name| all.table(TableName::new("shop", *name)))
}

pub(super) fn catch_up(log: &Log, settings: &Settings) {
    let end = settings.address.log_end().unwrap();
    let capture = Capture::start(log, settings.clone()).unwrap();
    assert!(
        capture.wait_for(&end, LONG).unwrap(),
        "{:?}",
        capture.status()
    );
    capture.stop();
}

pub(super) fn failure(log: &Log, settings: &Settings) -> Error {
    let capture = Capture::start(log, settings.clone()).unwrap();
    let until = Instant::now() + LONG;
    loop {
        if let Some(error) = capture.failure() {
            return error;
        }
        assert!(Instant::now() < until, "{:?}", capture.status());
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// The commit, the key and the value of each record.
pub(super) fn records(log: &Log, name: &str) -> Vec<(u64, String, Option<String>)> {
    let of = TopicPartition::new(format!("shop.{name}"), 0);
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

pub(super) fn fold(log: &Log, name: &str) -> BTreeMap<String, Value> {
    let mut rows = BTreeMap::new();
    for (_, key, value) in records(log, name) {
        match value {
            Some(value) => rows.insert(key, serde_json::from_str(&value).unwrap()),
            None => rows.remove(&key),
        };
    }
    rows
}

/// What a table of whole numbers is.
pub(super) fn content(
    session: &mut Session,
    name: &str,
    columns: &[&str],
    key: &[&str],
) -> BTreeMap<String, Value> {
    let sql = format!("SELECT {} FROM shop.{name}", columns.join(", "));
    let rows = session.query(&sql).unwrap();
    let row = |cells: Vec<Option<String>>| {
        let number = |cell: Option<String>| cell.map_or(Value::Null, |c| c.parse().unwrap());
        let values = cells.into_iter().map(number);
        let names = columns.iter().map(|c| (*c).to_owned());
        let row: Value = Value::Object(names.zip(values).collect());
        let members: Vec<String> = key.iter().map(|k| format!("\"{k}\":{}", row[k])).collect();
        (format!("{{{}}}", members.join(",")), row)
    };
    rows.into_iter().map(row).collect()
}
