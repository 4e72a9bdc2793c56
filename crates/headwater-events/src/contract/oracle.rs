//! The serialisability oracle: workers append at random, each event carries the condition under which it was written, and
//! the log that they leave is replayed to see whether each condition held at its place.
//!
//! After the concurrency suite of the DCB event stores, with versions and several streams besides queries.

use std::collections::{BTreeMap, HashSet};

use headwater_log::{ErrorKind, Query, QueryItem, Version};
use serde::{Deserialize, Serialize};

use crate::event::{NewEvent, Position, Recorded};
use crate::store::{Append, Condition, Expected, Filter, ReadStream, Store};
use crate::task::block_on;

/// Streams, types and tags are few, so that workers meet.
const STREAMS: u64 = 4;
const TYPES: u64 = 3;
const TAGS: u64 = 4;

/// What an event carries of the append that it came with.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Carried {
    /// Names the append.
    append: String,
    /// How many events it has.
    count: usize,
    /// Streams whose versions were expected: `None`, no events.
    versions: Vec<(String, Option<u64>)>,
    /// Types, tags and the place since which nothing may have come.
    query: Option<(Vec<String>, Vec<String>, u64)>,
}

/// What a worker was told.
#[derive(Debug, Default)]
pub struct Answers {
    /// The appends that were acknowledged.
    pub stored: Vec<String>,
    /// The appends that were refused.
    pub refused: Vec<String>,
}

/// Repeatable chance (splitmix64).
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % bound
    }

    /// Whether something of a chance of one in `of` happens.
    pub fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }
}

/// Lets `workers` append `rounds` times each, all at once, and checks what they leave.
///
/// # Panics
/// If a condition did not hold where its event is, an acknowledged append is missing or torn, or a refused one is there.
pub fn run(store: &Store, seed: u64, workers: u64, rounds: usize) {
    let answers: Vec<Answers> = std::thread::scope(|scope| {
        let worker = |n: u64| {
            let name = format!("{seed}-{n}");
            scope.spawn(move || work(store, &name, seed ^ (n << 32), rounds, |_| {}))
        };
        let workers: Vec<_> = (0..workers).map(worker).collect();
        workers.into_iter().map(|w| w.join().unwrap()).collect()
    });
    let stored = answers.iter().map(|a| a.stored.len()).sum::<usize>();
    let refused = answers.iter().map(|a| a.refused.len()).sum::<usize>();
    assert!(
        stored > 0 && refused > 0,
        "{stored} stored, {refused} refused"
    );
    validate(store, &answers);
}

/// Appends at random; `say` hears of each append that was acknowledged.
///
/// # Panics
/// If the store fails with anything but a conflict.
pub fn work(
    store: &Store,
    name: &str,
    seed: u64,
    rounds: usize,
    mut say: impl FnMut(&str),
) -> Answers {
    let mut dice = Dice(seed);
    let mut answers = Answers::default();
    for round in 0..rounds {
        let append = format!("{name}-{round}");
        match block_on(store.append(arbitrary(store, &append, &mut dice))) {
            Ok(_) => {
                say(&append);
                answers.stored.push(append);
            }
            Err(error) if error.kind() == ErrorKind::Conflict => answers.refused.push(append),
            Err(error) => panic!("append {append}: {error}"),
        }
    }
    answers
}

fn arbitrary(store: &Store, name: &str, dice: &mut Dice) -> Append {
    let mut append = Append::new();
    let mut versions = Vec::new();
    let mut count = 0;
    for stream in 0..STREAMS {
        let is_last_chance = stream + 1 == STREAMS && count == 0;
        if !is_last_chance && !dice.one_in(3) {
            continue;
        }
        let stream = format!("s{stream}");
        let expected = match dice.below(6) {
            0..4 => exact(store, &stream, dice),
            _ => Expected::Any,
        };
        match expected {
            Expected::NoStream => versions.push((stream.clone(), None)),
            Expected::Exact(version) => versions.push((stream.clone(), Some(version.0))),
            _ => {}
        }
        let events: Vec<_> = (0..1 + dice.below(2)).map(|_| event(dice)).collect();
        count += events.len();
        append = append.to(stream, expected, events);
    }
    let mut query = None;
    if dice.one_in(2) {
        let (types, tags) = (some(dice, "t", TYPES), some(dice, "g", TAGS));
        let asked = Query {
            items: vec![QueryItem {
                types: types.clone(),
                tags: tags.clone(),
            }],
        };
        let from = since(store, &asked, dice);
        query = Some((types, tags, from.0));
        append = append.when(Condition::NoneSince { query: asked, from });
    }
    let carried = Carried {
        append: name.to_owned(),
        count,
        versions,
        query,
    };
    let data = serde_json::to_vec(&carried).unwrap();
    for event in append.writes.iter_mut().flat_map(|w| &mut w.events) {
        event.data = data.clone().into();
    }
    append
}

/// The version of a stream, or now and then another one.
fn exact(store: &Store, stream: &str, dice: &mut Dice) -> Expected {
    let actual = block_on(store.version(stream)).unwrap();
    match (actual, dice.one_in(8)) {
        (None, _) => Expected::NoStream,
        (Some(version), false) => Expected::Exact(version),
        (Some(version), true) => Expected::Exact(Version(version.0 + 1)),
    }
}

/// A place since which nothing that matches has come, or now and then an older one.
fn since(store: &Store, query: &Query, dice: &mut Dice) -> Position {
    let mut at = Position(0);
    loop {
        let filter = Filter::query(query.clone());
        let page = block_on(store.read_all(at, filter, 1000)).unwrap();
        at = page.next;
        if at >= page.end {
            let back = if dice.one_in(8) { dice.below(20) } else { 0 };
            return Position(at.0.saturating_sub(back));
        }
    }
}

fn some(dice: &mut Dice, letter: &str, of: u64) -> Vec<String> {
    let names = (0..of).map(|n| format!("{letter}{n}"));
    names.filter(|_| dice.one_in(3)).collect()
}

fn event(dice: &mut Dice) -> NewEvent {
    let mut event = NewEvent::new(format!("t{}", dice.below(TYPES)), "");
    event.tags = some(dice, "g", TAGS);
    event
}

/// Replays the log and checks each event's condition, and what the workers were told.
///
/// # Panics
/// As [`run`].
pub fn validate(store: &Store, answers: &[Answers]) {
    let log = all(store);
    let mut versions: BTreeMap<&str, u64> = BTreeMap::new();
    let mut stored = HashSet::new();
    let mut at = 0;
    while let Some(first) = log.get(at) {
        let carried: Carried = first.json().unwrap();
        let (before, rest) = log.split_at(at);
        let events = &rest[..carried.count.min(rest.len())];
        let whole = events.iter().filter(|e| e.data == first.data).count();
        assert_eq!(whole, carried.count, "{} is torn", carried.append);
        for (stream, expected) in &carried.versions {
            let actual = versions.get(stream.as_str()).map(|next| next - 1);
            assert_eq!(
                actual, *expected,
                "version of {stream} at {}",
                carried.append
            );
        }
        if let Some((types, tags, from)) = &carried.query {
            let since = before.partition_point(|e| e.position.0 < *from);
            let came = before[since..].iter().find(|e| matches(e, types, tags));
            assert_eq!(came, None, "query of {}", carried.append);
        }
        for event in events {
            *versions.entry(&event.stream).or_default() += 1;
        }
        assert!(
            stored.insert(carried.append.clone()),
            "{} is there twice",
            carried.append
        );
        at += carried.count;
    }
    for answer in answers {
        for append in &answer.stored {
            assert!(
                stored.contains(append),
                "{append} was acknowledged and is not there"
            );
        }
        for append in &answer.refused {
            assert!(
                !stored.contains(append),
                "{append} was refused and is there"
            );
        }
    }
    check_streams(store, &log);
}

fn matches(event: &Recorded, types: &[String], tags: &[String]) -> bool {
    (types.is_empty() || types.contains(&event.kind))
        && tags.iter().all(|tag| event.tags.contains(tag))
}

/// Each stream by itself is the log's events of it.
fn check_streams(store: &Store, log: &[Recorded]) {
    for n in 0..STREAMS {
        let stream = format!("s{n}");
        let by_name = block_on(store.read(ReadStream::of(&stream))).unwrap();
        let of_log = log.iter().filter(|e| e.stream == stream);
        let positions: Vec<_> = of_log.map(|e| e.position).collect();
        assert_eq!(
            by_name.iter().map(|e| e.position).collect::<Vec<_>>(),
            positions
        );
        for (version, event) in (0..).zip(by_name) {
            assert_eq!(event.version, Some(Version(version)));
        }
    }
}

fn all(store: &Store) -> Vec<Recorded> {
    let (mut log, mut at) = (Vec::new(), Position(0));
    loop {
        let page = block_on(store.read_all(at, Filter::all(), 1000)).unwrap();
        log.extend(page.events);
        at = page.next;
        if at >= page.end {
            return log;
        }
    }
}
