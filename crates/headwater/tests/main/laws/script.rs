//! What happens to a pipeline, the same for several runs of it; and what it leaves behind.

use std::collections::BTreeMap;

use bytes::Bytes;
use headwater::testkit::{OutputRecord, TestDriver, TestRecord};
use headwater_log::Record;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::pipeline::RESULT;
use super::stream::Stream;
use super::table::Table;

/// One thing that happens.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Advance(i64),
    Pipe(String, Vec<TestRecord>),
    /// The pipeline does all there is, epoch after epoch.
    Epochs,
}

/// Steps that end with an epoch.
pub(crate) fn script(rng: &mut StdRng, tables: &[Table], epochs: usize) -> Vec<Step> {
    let mut stream = Stream::new();
    let mut steps = Vec::new();
    for _ in 0..epochs {
        steps.push(Step::Advance(rng.random_range(0..3_000)));
        for (i, table) in tables.iter().enumerate() {
            let count = *[0, 3, 8, 15].choose(rng).unwrap();
            let (records, _) = stream.records(rng, (i, table), count);
            if count > 0 {
                steps.push(Step::Pipe(table.name.clone(), records));
            }
        }
        steps.push(Step::Epochs);
    }
    steps
}

/// Does one step.
pub(crate) fn step(driver: &mut TestDriver, step: &Step) -> headwater::Result<()> {
    match step {
        Step::Advance(ms) => driver.clock().advance(*ms),
        Step::Pipe(topic, records) => drop(driver.pipe(topic, records.clone())?),
        Step::Epochs => epochs(driver)?,
    }
    Ok(())
}

/// Lets the pipeline make epochs until nothing is left to do.
pub(crate) fn epochs(driver: &mut TestDriver) -> headwater::Result<()> {
    for job in driver.jobs() {
        while driver.epoch(&job)?.is_some() {}
    }
    Ok(())
}

/// A record but for its time and place: partition, key, value, headers.
pub(crate) type Plain = (
    u32,
    Option<Bytes>,
    Option<Bytes>,
    Vec<(String, Option<Bytes>)>,
);

pub(crate) fn plain(record: &OutputRecord) -> Plain {
    plain_record(record.partition, &record.record)
}

pub(crate) fn plain_record(partition: u32, record: &Record) -> Plain {
    let headers = record.headers.iter();
    let headers = headers.map(|h| (h.key.clone(), h.value.clone()));
    let headers = headers.collect();
    (partition, record.key.clone(), record.value.clone(), headers)
}

/// What a pipeline has put out.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Vec<OutputRecord>,
    pub(crate) late: Vec<OutputRecord>,
}

impl Outcome {
    pub(crate) fn of(driver: &TestDriver) -> Self {
        let late = format!("{RESULT}$late");
        let late = driver
            .log()
            .topic(&late)
            .map(|_| driver.records(&late).unwrap());
        Self {
            result: driver.records(RESULT).unwrap(),
            late: late.unwrap_or_default(),
        }
    }

    /// What is there in the end: of a table that changes the newest record of each key, else all records, in order of
    /// their bytes. The items of `lists` are put in order.
    pub(crate) fn content(&self, lists: &[String]) -> Vec<Plain> {
        let mut newest: BTreeMap<Bytes, Plain> = BTreeMap::new();
        let mut rows = Vec::new();
        for mut record in self.result.iter().map(plain) {
            record.2 = record.2.map(|value| in_order(value, lists));
            match &record.1 {
                Some(key) => drop(newest.insert(key.clone(), record)),
                None => rows.push(record),
            }
        }
        rows.extend(newest.into_values().filter(|r| r.2.is_some()));
        rows.sort();
        rows
    }

    pub(crate) fn sorted_late(&self) -> Vec<Plain> {
        let mut late: Vec<Plain> = self.late.iter().map(plain).collect();
        late.sort();
        late
    }
}

/// A row with the items of `lists` in order: of arrays, and of texts that are joined by '|'.
fn in_order(value: Bytes, lists: &[String]) -> Bytes {
    if lists.is_empty() {
        return value;
    }
    let mut row: serde_json::Value = serde_json::from_slice(&value).unwrap();
    for list in lists {
        match &mut row[list] {
            serde_json::Value::Array(items) => items.sort_by_key(ToString::to_string),
            serde_json::Value::String(text) => {
                let mut items: Vec<&str> = text.split('|').collect();
                items.sort_unstable();
                *text = items.join("|");
            }
            _ => {}
        }
    }
    Bytes::from(row.to_string())
}

/// The records of each commit, in order of their bytes.
pub(crate) fn by_commit(records: &[OutputRecord]) -> Vec<Vec<Plain>> {
    let mut commits: BTreeMap<u64, Vec<Plain>> = BTreeMap::new();
    for record in records {
        commits
            .entry(record.commit.0)
            .or_default()
            .push(plain(record));
    }
    commits.values_mut().for_each(|c| c.sort());
    commits.into_values().collect()
}

/// Asserts that records are the same; says the first that is not.
pub(crate) fn assert_records(found: &[Plain], expected: &[Plain], what: &str) {
    if found == expected {
        return;
    }
    let show = |records: &[Plain]| {
        let text = |b: &Option<Bytes>| match b {
            Some(b) => String::from_utf8_lossy(b).into_owned(),
            None => "-".to_owned(),
        };
        let line = |(p, key, value, headers): &Plain| {
            let headers = headers.iter().map(|(k, v)| format!(" {k}={}", text(v)));
            format!(
                "{p} {} {}{}",
                text(key),
                text(value),
                headers.collect::<String>()
            )
        };
        records.iter().map(line).collect::<Vec<_>>()
    };
    let (found, expected) = (show(found), show(expected));
    let gone = expected
        .iter()
        .filter(|r| !found.contains(r))
        .cloned()
        .collect::<Vec<_>>();
    let new = found
        .iter()
        .filter(|r| !expected.contains(r))
        .cloned()
        .collect::<Vec<_>>();
    let apart = found.iter().zip(&expected).find(|(f, e)| f != e);
    let (first, instead) = apart.map_or(("", ""), |(f, e)| (f.as_str(), e.as_str()));
    panic!(
        "{} records, expected {}; missing:\n  {}\nnot expected:\n  {}\nfirst apart:\n  {first}\n  {instead}\n{what}",
        found.len(),
        expected.len(),
        gone.join("\n  "),
        new.join("\n  ")
    );
}
