//! Law 5: nothing vanishes. Every record of the input is used, or is in `$late`, or in `$errors`, once, with its own bytes
//! and the reason; and is counted where it is. Also over power cuts.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use headwater::testkit::{OutputRecord, TestDriver, TestRecord};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::pipeline::options;
use super::seeds::{complaint, each_seed};

/// Windows of rows that say which rows are in them, over one table with several partitions.
fn statements(rng: &mut StdRng, partitions: u32) -> String {
    let function = *[
        "TUMBLE(TABLE t, DESCRIPTOR(at), INTERVAL '10' SECOND)",
        "HOP(TABLE t, DESCRIPTOR(at), INTERVAL '5' SECOND, INTERVAL '10' SECOND)",
        "CUMULATE(TABLE t, DESCRIPTOR(at), INTERVAL '5' SECOND, INTERVAL '10' SECOND)",
        "SESSION(TABLE t, DESCRIPTOR(at), INTERVAL '3' SECOND)",
    ]
    .choose(rng)
    .unwrap();
    let lateness = *["0 s", "2 s"].choose(rng).unwrap();
    format!(
        "CREATE TABLE t (id STRING NOT NULL, n INT, at TIMESTAMP(3), WATERMARK FOR at AS at - INTERVAL '2' SECOND)
         WITH ('partitions' = '{partitions}', 'allowed-lateness' = '{lateness}', 'scan.watermark.idle-timeout' = '0 s');
         CREATE TABLE used (ids ARRAY<STRING>, total BIGINT);
         INSERT INTO used SELECT array_agg(id), sum(n) FROM TABLE({function}) GROUP BY window_start, window_end;
         CREATE TABLE copy (id STRING, n INT);
         INSERT INTO copy SELECT id, n FROM t;"
    )
}

/// The fate that a record is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Good,
    /// It does not decode.
    Junk,
    /// It has no event time.
    Untimed,
}

/// Values that are no rows of the table, whatever is done with them.
fn junk(rng: &mut StdRng, id: &str) -> Bytes {
    let values = [
        String::new(),
        "\u{0}\u{1}".to_owned(),
        format!(r#"{{"id":"{id}","n":1"#),
        format!(r#"{{"id":"{id}","n":99999999999}}"#),
        format!(r#"{{"id":"{id}","n":"many","at":"2024-01-01 00:00:00"}}"#),
        format!(r#"{{"id":"{id}","n":1,"at":"yesterday"}}"#),
        r#"{"n":1,"at":"2024-01-01 00:00:00"}"#.to_owned(),
        r#"{"id":null}"#.to_owned(),
        format!(r#"["{id}"]"#),
        format!(r#"{{"id":"{id}"}} {{"id":"{id}"}}"#),
    ];
    let mut value = values.choose(rng).unwrap().clone().into_bytes();
    if rng.random_bool(0.2) {
        value.extend([0xff, 0xfe, b'{']);
    }
    Bytes::from(value)
}

/// A record, its kind, and its event time in milliseconds after the beginning.
fn record(rng: &mut StdRng, id: &str, now_ms: i64) -> (TestRecord, Kind) {
    let kind = match rng.random_range(0..10) {
        0 | 1 => Kind::Junk,
        2 => Kind::Untimed,
        _ => Kind::Good,
    };
    let behind = match rng.random_bool(0.2) {
        true => rng.random_range(0..40_000),
        false => rng.random_range(0..2_000),
    };
    let at = jiff::Timestamp::from_millisecond(1_704_067_200_000 + now_ms - behind).unwrap();
    let n = rng.random_range(0..9);
    let record = match kind {
        Kind::Junk => TestRecord::new(junk(rng, id)),
        Kind::Untimed => TestRecord::new(format!(r#"{{"id":"{id}","n":{n}}}"#)),
        Kind::Good => TestRecord::new(format!(r#"{{"n":{n},"id":"{id}","at":"{at}"}}"#)),
    };
    let record = match rng.random_bool(0.3) {
        true => record
            .header("trace", id.to_owned())
            .header("trace", vec![0xff]),
        false => record,
    };
    let record = match rng.random_bool(0.5) {
        true => record.key(format!("key {id}")),
        false => record,
    };
    (record, kind)
}

/// Where a record is: its partition and offset.
type Place = (u32, u64);

/// The pipelines, and what went in.
struct Case {
    driver: TestDriver,
    partitions: u32,
    sent: BTreeMap<Place, (String, Kind)>,
    next: BTreeMap<u32, u64>,
    now_ms: i64,
    /// Late rows and rejected records that the jobs have counted, before they were started anew.
    late: u64,
    rejected: u64,
}

impl Case {
    fn new(rng: &mut StdRng) -> Self {
        let partitions = rng.random_range(1..4);
        let statements = statements(rng, partitions);
        Self {
            driver: TestDriver::with_options(&statements, &options(rng)).unwrap(),
            partitions,
            sent: BTreeMap::new(),
            next: BTreeMap::new(),
            now_ms: 0,
            late: 0,
            rejected: 0,
        }
    }

    fn send(&mut self, rng: &mut StdRng) {
        let mut records = Vec::new();
        for _ in 0..rng.random_range(0..12) {
            self.now_ms += rng.random_range(0..2_000);
            let id = format!("r{}", self.sent.len());
            let (record, kind) = record(rng, &id, self.now_ms);
            let partition = rng.random_range(0..self.partitions);
            self.note(partition, id, kind);
            records.push(record.partition(partition));
        }
        if !records.is_empty() {
            self.driver.pipe("t", records).unwrap();
        }
    }

    fn note(&mut self, partition: u32, id: String, kind: Kind) {
        let next = self.next.entry(partition).or_default();
        self.sent.insert((partition, *next), (id, kind));
        *next += 1;
    }

    /// Adds up what the jobs have counted so far.
    fn count(&mut self) {
        for job in self.driver.jobs() {
            let status = self.driver.status(&job).unwrap();
            self.late += status.late;
            // The other job reads fewer columns, and so rejects fewer records.
            if job.ends_with("used") {
                self.rejected += status.rejected;
            }
        }
    }

    fn restart(&mut self, rng: &mut StdRng) {
        self.count();
        self.driver.restart(&options(rng)).unwrap();
    }

    /// Time goes on in every partition until all windows are closed.
    fn flush(&mut self) {
        let at =
            jiff::Timestamp::from_millisecond(1_704_067_200_000 + self.now_ms + 600_000).unwrap();
        for partition in 0..self.partitions {
            let id = format!("flush {partition}");
            let value = format!(r#"{{"id":"{id}","n":0,"at":"{at}"}}"#);
            self.driver
                .pipe("t", [TestRecord::new(value).partition(partition)])
                .unwrap();
        }
        self.driver.run().unwrap();
    }

    fn check(&mut self) {
        let input = self.driver.records("t").unwrap();
        let input: BTreeMap<Place, OutputRecord> = input
            .into_iter()
            .map(|r| ((r.partition, r.offset.0), r))
            .collect();
        let used = self.used();
        let late = places(&self.driver.late("used").unwrap(), &input);
        let errors = places(&self.driver.errors("t").unwrap(), &input);
        for (place, (id, kind)) in &self.sent {
            let found = (used.contains(id), late.get(place), errors.get(place));
            let is_right = match kind {
                Kind::Junk => matches!(found, (false, None, Some(reason)) if !reason.is_empty()),
                Kind::Untimed => {
                    matches!(found, (false, Some(reason), None) if reason == "no event time")
                }
                // A row that hops may be late for some of its windows only.
                Kind::Good => match found {
                    (used, None, None) => used,
                    (_, Some(reason), None) => reason == "late",
                    _ => false,
                },
            };
            assert!(is_right, "{kind:?} {id} at {place:?}: {found:?}");
        }
        self.count();
        assert_eq!(self.late, late.len() as u64, "late rows are counted");
        assert_eq!(
            self.rejected,
            errors.len() as u64,
            "rejected records are counted"
        );
        let copied = self.driver.read("copy").unwrap();
        let copied: BTreeSet<String> = copied
            .iter()
            .map(|r| r.json()["id"].as_str().unwrap().to_owned())
            .collect();
        let readable = self.sent.values().filter(|(_, kind)| *kind != Kind::Junk);
        assert!(readable.map(|(id, _)| id).all(|id| copied.contains(id)));
    }

    /// The rows that some window has; none has one twice.
    fn used(&mut self) -> BTreeSet<String> {
        let mut used = BTreeSet::new();
        for window in self.driver.read("used").unwrap() {
            let window = window.json();
            let ids = window["ids"].as_array().unwrap();
            let ids: Vec<&str> = ids.iter().map(|id| id.as_str().unwrap()).collect();
            let distinct: BTreeSet<&str> = ids.iter().copied().collect();
            assert_eq!(
                distinct.len(),
                ids.len(),
                "a window has a row twice: {ids:?}"
            );
            used.extend(ids.into_iter().map(str::to_owned));
        }
        used
    }
}

/// Where kept records came from, with the reason; each is there once, as it came.
fn places(kept: &[OutputRecord], input: &BTreeMap<Place, OutputRecord>) -> BTreeMap<Place, String> {
    let mut found = BTreeMap::new();
    for record in kept {
        let header = |name: &str| record.header(&format!("headwater.{name}")).unwrap();
        assert_eq!(header("table"), "t");
        let place = (
            header("partition").parse().unwrap(),
            header("offset").parse().unwrap(),
        );
        let own = &input[&place];
        assert_eq!(record.record.key, own.record.key, "{place:?}");
        assert_eq!(record.record.value, own.record.value, "{place:?}");
        let headers = &record.record.headers[..own.record.headers.len()];
        assert_eq!(headers, own.record.headers, "{place:?}");
        assert_eq!(
            found.insert(place, header("reason")),
            None,
            "{place:?} is kept twice"
        );
    }
    found
}

fn law(seed: u64, altered: impl Fn(&mut Case)) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut case = Case::new(&mut rng);
    for _ in 0..rng.random_range(3..8) {
        case.send(&mut rng);
        case.driver.run().unwrap();
        if rng.random_bool(0.3) {
            case.restart(&mut rng);
        }
    }
    case.flush();
    altered(&mut case);
    case.check();
}

#[test]
fn every_record_is_used_or_kept_with_its_bytes_and_the_reason() {
    each_seed(25, |seed| law(seed, |_| {}));
}

#[test]
fn a_record_that_vanishes_is_noticed() {
    for kind in [Kind::Good, Kind::Junk, Kind::Untimed] {
        let vanishes = |case: &mut Case| case.note(0, "ghost".to_owned(), kind);
        let said = complaint(1, |seed| law(seed, vanishes));
        assert!(said.contains(&format!("{kind:?} ghost")), "{said}");
    }
}
