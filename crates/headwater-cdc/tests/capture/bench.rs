//! What the tests of captures have in common: a server, a log in a folder, and what a topic adds up to.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use headwater_cdc::Capture;
use headwater_cdc::postgres::{Address, Session, Settings, TableName};
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

pub(super) fn run(session: &mut Session, sql: &str) {
    session.query(sql).unwrap();
}

pub(super) fn table(name: &str) -> TableName {
    TableName::new("public", name)
}

/// A capture of these tables of the schema `public`.
pub(super) fn settings(address: &Address, tables: &[&str]) -> Settings {
    let new = Settings::new(address.clone(), "headwater");
    tables.iter().fold(new, |all, name| all.table(table(name)))
}

/// Captures until everything that is committed now is in the log.
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

/// One record: the commit that it came with, its key and its value.
pub(super) type Seen = (u64, String, Option<String>);

/// Everything that is in the topic of a table, in order.
pub(super) fn records(log: &Log, name: &str) -> Vec<Seen> {
    let of = TopicPartition::new(format!("postgres.public.{name}"), 0);
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

/// What the table is, as the server writes it in JSON, by the values of its key.
pub(super) fn content(session: &mut Session, name: &str, key: &[&str]) -> BTreeMap<String, Value> {
    let rows = session
        .query(&format!("SELECT row_to_json(t) FROM {name} t"))
        .unwrap();
    let row = |row: Vec<Option<String>>| {
        let row: Value = serde_json::from_str(row[0].as_deref().unwrap()).unwrap();
        let members: Vec<String> = key.iter().map(|k| format!("\"{k}\":{}", row[k])).collect();
        (format!("{{{}}}", members.join(",")), row)
    };
    rows.into_iter().map(row).collect()
}
