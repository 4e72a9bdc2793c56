//! What the tests of the outbox have in common.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use headwater_cdc::outbox::{From, Outbox, OutboxSettings, create_table};
use headwater_cdc::postgres::{Address, Session, TableName};
use headwater_log::{Log, ManualClock, Offset, Options, Timestamp, TopicPartition};

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

pub(super) fn table() -> TableName {
    TableName::new("public", "outbox")
}

/// A session with a database that has an outbox.
pub(super) fn with_outbox(address: &Address) -> Session {
    let mut session = Session::connect(address).unwrap();
    run(&mut session, &create_table(&table()));
    session
}

pub(super) fn from_log(address: &Address) -> OutboxSettings {
    OutboxSettings::new("events", From::Log(address.clone(), table()))
}

pub(super) fn from_asking(address: &Address) -> OutboxSettings {
    OutboxSettings::new("events", From::Asking(address.clone(), table()))
}

/// The statement that writes an event of the type `order`.
pub(super) fn event(key: &str, payload: &str) -> String {
    event_of("order", key, payload)
}

pub(super) fn event_of(aggregate: &str, key: &str, payload: &str) -> String {
    format!(
        "INSERT INTO outbox (aggregatetype, aggregateid, type, payload) VALUES ('{aggregate}', '{key}', 'E', '{payload}')"
    )
}

/// Takes over everything that is committed now.
pub(super) fn catch_up(log: &Log, settings: &OutboxSettings) {
    let outbox = Outbox::start(log, settings.clone()).unwrap();
    assert!(outbox.catch_up(LONG).unwrap(), "{:?}", outbox.status());
    outbox.stop();
}

/// Key, value and headers of the records of a topic of one partition.
pub(super) type Seen = (Option<String>, Option<String>, Vec<(String, String)>);

pub(super) fn records(log: &Log, topic: &str) -> Vec<Seen> {
    let mut all = Vec::new();
    if log.topic(topic).is_none() {
        return all;
    }
    let of = TopicPartition::new(topic, 0);
    let mut next = log.bounds(&of).unwrap().start;
    loop {
        let fetched = log.fetch(&of, next, 1 << 20).unwrap();
        let Some(last) = fetched.batches.last() else {
            return all;
        };
        next = Offset(last.next_offset().0);
        let text = |b: bytes::Bytes| String::from_utf8(b.to_vec()).unwrap();
        for (_, record) in fetched
            .batches
            .iter()
            .flat_map(|b| b.records())
            .map(Result::unwrap)
        {
            let header = |h: headwater_log::Header| (h.key, h.value.map_or("-".into(), text));
            all.push((
                record.key.map(text),
                record.value.map(text),
                record.headers.into_iter().map(header).collect(),
            ));
        }
    }
}

/// `key value` of the records of a topic.
pub(super) fn lines(log: &Log, topic: &str) -> Vec<String> {
    let line = |(key, value, _): Seen| {
        let text = |t: Option<String>| t.unwrap_or_else(|| "-".to_owned());
        format!("{} {}", text(key), text(value))
    };
    records(log, topic).into_iter().map(line).collect()
}

/// How many rows there are.
pub(super) fn count(session: &mut Session) -> u64 {
    let count = session.value("SELECT count(*) FROM outbox").unwrap();
    count.unwrap().parse().unwrap()
}
