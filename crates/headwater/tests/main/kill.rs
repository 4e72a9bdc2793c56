//! A real process, killed with SIGKILL at random moments, loses nothing and does nothing twice.
//!
//! The process is the demo: a player that stores its position with its records, windows, sessions and views over
//! several topics. Whenever it was killed, what it has when it comes to its end is what an undisturbed one has.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use headwater::{Headwater, Offset};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::binary::headwater;

/// Topics whose records must be the same, in whatever order.
const TOPICS: [&str; 5] = [
    "departures",
    "aircraft_sessions",
    "carrier_hours",
    "carrier_hours$late",
    "flights",
];
const ROUNDS: usize = 50;
const ROUNDS_SOAK: usize = 500;
/// After so many kills a demo is let come to its end.
const KILLS_IN_A_ROW_MAX: usize = 12;
/// How long a process lives, as a part of the time that an undisturbed one takes: mostly short, so that many kills fall
/// into one demo, each further on than the one before; at times long, so that much happens between two.
const SHORT_LIFE: Range<f64> = 0.02..0.3;
const LONG_LIFE: Range<f64> = 0.02..1.0;
const LONG_LIVES: f64 = 0.25;
/// An undisturbed run takes a second or two; one that takes so long hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a demo has when it has come to its end.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    tables: String,
    records: BTreeMap<&'static str, Vec<Vec<u8>>>,
}

fn demo(dir: &Path) -> Child {
    let mut command = headwater(["demo", "--speed", "max", "--data"]);
    command
        .arg(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Lets the process run for a time; `None`: it was killed, else what it wrote.
fn run_for(mut child: Child, time: Duration) -> Option<String> {
    let mut out = child.stdout.take().unwrap();
    let (sender, receiver) = channel::<()>();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).unwrap();
        drop(sender);
        text
    });
    let waited = receiver.recv_timeout(time);
    if waited == Err(RecvTimeoutError::Timeout) {
        child.kill().unwrap();
    }
    let text = reader.join().unwrap();
    let status = child.wait().unwrap();
    status.success().then_some(text)
}

fn outcome(dir: &Path, text: &str) -> Outcome {
    // The last line holds figures of the machine, not of the week.
    let tables: Vec<&str> = text.lines().collect();
    let headwater = Headwater::open(dir).unwrap();
    let records = TOPICS.map(|topic| (topic, values(&headwater, topic)));
    headwater.close().unwrap();
    Outcome {
        tables: tables[..tables.len() - 1].join("\n"),
        records: records.into(),
    }
}

/// What is in a topic, sorted.
fn values(headwater: &Headwater, topic: &str) -> Vec<Vec<u8>> {
    let partitions = headwater.log().topic(topic).unwrap().config.partitions;
    let mut values = Vec::new();
    for partition in 0..partitions {
        let mut next = Offset(0);
        loop {
            let records = headwater.fetch(topic, partition, next).unwrap();
            let Some((last, _)) = records.last() else {
                break;
            };
            next = Offset(last.0 + 1);
            let of_records = records
                .into_iter()
                .map(|(_, r)| r.value.unwrap_or_default());
            values.extend(of_records.map(|value| value.to_vec()));
        }
    }
    values.sort();
    values
}

fn lifetime(rng: &mut StdRng, undisturbed: Duration) -> Duration {
    let part = match rng.random_bool(LONG_LIVES) {
        true => LONG_LIFE,
        false => SHORT_LIFE,
    };
    undisturbed.mul_f64(rng.random_range(part))
}

fn seed() -> u64 {
    let given = std::env::var("HEADWATER_SEED")
        .ok()
        .and_then(|s| s.parse().ok());
    given.unwrap_or_else(|| {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs()
    })
}

#[test]
fn a_demo_that_is_killed_at_random_moments_ends_like_an_undisturbed_one() {
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let soak = std::env::var_os("HEADWATER_SOAK").is_some();
    let rounds = if soak { ROUNDS_SOAK } else { ROUNDS };

    let dir = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let text = run_for(demo(dir.path()), PATIENCE).unwrap();
    let undisturbed = started.elapsed();
    let expected = outcome(dir.path(), &text);
    assert!(
        expected.records["departures"].len() > 300,
        "{}",
        expected.tables
    );
    assert!(
        !expected.records["carrier_hours$late"].is_empty(),
        "{}",
        expected.tables
    );

    let mut kills = 0;
    while kills < rounds {
        let dir = tempfile::tempdir().unwrap();
        let moments_before = kills;
        let text = loop {
            let is_left_alone = kills - moments_before == KILLS_IN_A_ROW_MAX;
            let time = match is_left_alone {
                true => PATIENCE,
                false => lifetime(&mut rng, undisturbed),
            };
            match run_for(demo(dir.path()), time) {
                Some(text) => break text,
                None => {
                    assert!(
                        !is_left_alone,
                        "it does not end: seed {seed}, after {kills} kills"
                    );
                    kills += 1;
                }
            }
        };
        let got = outcome(dir.path(), &text);
        let context = format!("seed {seed}, after kills {moments_before} to {kills}");
        assert_eq!(got.tables, expected.tables, "{context}");
        for topic in TOPICS {
            let (got, expected) = (&got.records[topic], &expected.records[topic]);
            assert_eq!(got.len(), expected.len(), "records of {topic}: {context}");
            assert!(got == expected, "records of {topic} differ: {context}");
        }
    }
}
