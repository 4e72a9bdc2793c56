//! Projections in processes that are killed at random: the view equals the fold of the events.

use std::collections::BTreeMap;
use std::path::Path;

use headwater_events::contract::oracle::Dice;
use headwater_events::{
    BoxError, Expected, Filter, LogView, NewEvent, Position, ProjectionId, Projector, Recorded,
    Store, Turn, View, block_on,
};
use headwater_log::{Log, Offset, Options, Record, TopicConfig, TopicPartition};

use super::process::{kill_after, say, told};
use crate::postgres::server::shared;
use crate::postgres::support::{Other, fresh, open_at, patient};
use crate::postgres::views::Counts;
use crate::support::{Seed, clock};

const EVENTS: usize = 700;
const KINDS: u64 = 7;
/// Events of a turn: a process is killed after a few turns, in the middle of one.
const BATCH: usize = 7;
const TURNS_MAX: u64 = 12;
const TOPIC: &str = "copies";

fn id() -> ProjectionId {
    ProjectionId::new("counts")
}

fn fill(store: &Store, dice: &mut Dice) {
    let events: Vec<_> = (0..EVENTS)
        .map(|_| NewEvent::new(format!("k{}", dice.below(KINDS)), "{}"))
        .collect();
    for some in events.chunks(100) {
        block_on(store.append_to("s", Expected::Any, some.to_vec())).unwrap();
    }
}

fn fold(store: &Store) -> BTreeMap<String, i64> {
    let page = block_on(store.read_all(Position(0), Filter::all(), 2 * EVENTS)).unwrap();
    assert_eq!(page.events.len(), EVENTS);
    let mut counts = BTreeMap::new();
    for event in page.events {
        *counts.entry(event.kind).or_default() += 1;
    }
    counts
}

/// Turns, and says so, until everything is seen.
fn turn_to_the_end<V: View>(store: &Store, view: V) {
    let mut projector = Projector::new(store.clone(), id(), Filter::all(), view).batch(BATCH);
    while block_on(projector.turn()).unwrap() == Turn::More {
        say("turned");
    }
    say("end");
}

/// Kills processes until one comes to the end; gives how many were killed.
fn kill_until_the_end(test: &str, what: &str, dice: &mut Dice) -> usize {
    for killed in 0.. {
        let after = 1 + dice.below(TURNS_MAX) as usize;
        let said = kill_after(test, what, after);
        if said.last().is_some_and(|last| last == "end") {
            return killed;
        }
    }
    0
}

fn open(dir: &Path) -> (Log, Store) {
    let log = Log::open_dir(dir, clock(), Options::default()).unwrap();
    let store = Store::on_log(log.clone(), "events").unwrap();
    (log, store)
}

fn copied() -> TopicPartition {
    TopicPartition::new(TOPIC, 0)
}

fn copy(event: &Recorded) -> Result<Vec<(TopicPartition, Record)>, BoxError> {
    let record = Record {
        value: Some(event.kind.clone().into()),
        ..Record::default()
    };
    Ok(vec![(copied(), record)])
}

#[test]
fn process_into_the_log() {
    if let Some(told) = told() {
        let (log, store) = open(Path::new(&told));
        turn_to_the_end(&store, LogView::new(log, id(), copy));
    }
}

#[test]
fn process_into_tables() {
    if let Some(told) = told() {
        let (address, schema) = told.split_once(' ').unwrap();
        let postgres = open_at(address, patient(schema));
        let name = ProjectionId::new(format!("{schema} counts"));
        let view = postgres.view(name, Counts).unwrap();
        turn_to_the_end(&postgres.store(), view);
    }
}

#[test]
fn a_view_in_the_log_is_the_fold_of_the_events() {
    let seed = rand::random();
    let (_seed, mut dice) = (Seed(seed), Dice(seed));
    let dir = tempfile::tempdir().unwrap();
    let (log, store) = open(dir.path());
    log.create_topic(TOPIC, TopicConfig::default()).unwrap();
    fill(&store, &mut dice);
    let fold = fold(&store);
    drop(store);
    log.close().unwrap();
    drop(log);

    let what = dir.path().to_str().unwrap();
    let test = "killed::projections::process_into_the_log";
    let killed = kill_until_the_end(test, what, &mut dice);
    assert!(killed > 5, "{killed}");
    let (log, _store) = open(dir.path());
    let (mut at, mut counts) = (Offset(0), BTreeMap::new());
    while at < log.bounds(&copied()).unwrap().end {
        for batch in log.fetch(&copied(), at, 1 << 20).unwrap().batches {
            for record in batch.records() {
                let kind = String::from_utf8(record.unwrap().1.value.unwrap().to_vec());
                *counts.entry(kind.unwrap()).or_default() += 1;
            }
            at = batch.next_offset();
        }
    }
    assert_eq!(counts, fold);
}

#[test]
fn a_view_in_tables_is_the_fold_of_the_events() {
    let Some(server) = shared() else { return };
    let seed = rand::random();
    let (_seed, mut dice) = (Seed(seed), Dice(seed));
    let (address, schema) = (server.url("postgres"), fresh());
    let store = open_at(&address, patient(&schema)).store();
    fill(&store, &mut dice);

    let what = format!("{address} {schema}");
    let test = "killed::projections::process_into_tables";
    let killed = kill_until_the_end(test, &what, &mut dice);
    assert!(killed > 5, "{killed}");
    let other = Other::connect(server, "postgres");
    let counts = crate::postgres::views::counts(&other, &format!("{schema} counts"));
    assert_eq!(counts, fold(&store));
}
