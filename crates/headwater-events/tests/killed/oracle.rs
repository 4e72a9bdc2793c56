//! The serialisability oracle over processes that are killed while they append.

use std::path::Path;

use headwater_events::contract::oracle::{self, Answers, Dice};
use headwater_events::{Store, block_on};
use headwater_log::{Log, Options};

use super::process::{kill_after, say, told};
use crate::postgres::server::shared;
use crate::postgres::support::{fresh, open_at, patient};
use crate::support::{Seed, clock};

/// Processes that are killed one after the other, and the workers of each.
const PROCESSES: u64 = 5;
const WORKERS: u64 = 40;
/// Appends of a worker, if nobody kills it.
const ROUNDS: usize = 10;
/// A process is killed after at most so many acknowledged appends.
const APPENDS_MAX: u64 = 120;

fn work(store: &Store, name: &str, seed: u64) {
    std::thread::scope(|scope| {
        for n in 0..WORKERS {
            let name = format!("{name}-{n}");
            scope.spawn(move || oracle::work(store, &name, seed ^ (n << 32), ROUNDS, say));
        }
    });
}

/// Kills processes one after the other; gives what they were told.
fn kill_all(test: &str, what: &str, seed: u64) -> Answers {
    let mut dice = Dice(seed);
    let mut answers = Answers::default();
    for process in 0..PROCESSES {
        let what = format!("{what} {seed} {process}");
        let after = 1 + dice.below(APPENDS_MAX) as usize;
        answers.stored.extend(kill_after(test, &what, after));
    }
    answers
}

/// Where to work, the seed, and the name.
fn parse(told: &str) -> (String, u64, String) {
    let mut parts = told.rsplitn(3, ' ');
    let process: u64 = parts.next().unwrap().parse().unwrap();
    let seed: u64 = parts.next().unwrap().parse().unwrap();
    let seed_of_process = seed.wrapping_add(process << 40);
    (
        parts.next().unwrap().to_owned(),
        seed_of_process,
        format!("{seed}-{process}"),
    )
}

fn on_log(dir: &Path) -> (Log, Store) {
    let log = Log::open_dir(dir, clock(), Options::default()).unwrap();
    let store = Store::on_log(log.clone(), "events").unwrap();
    (log, store)
}

#[test]
fn process_on_the_log() {
    if let Some(told) = told() {
        let (dir, seed, name) = parse(&told);
        work(&on_log(Path::new(&dir)).1, &name, seed);
    }
}

#[test]
fn process_on_postgres() {
    if let Some(told) = told() {
        let (to, seed, name) = parse(&told);
        let (address, schema) = to.split_once(' ').unwrap();
        work(&open_at(address, patient(schema)).store(), &name, seed);
    }
}

#[test]
fn every_append_of_killed_processes_happened_under_its_condition() {
    let seed = rand::random();
    let _seed = Seed(seed);
    let dir = tempfile::tempdir().unwrap();
    let what = dir.path().to_str().unwrap();
    let answers = kill_all("killed::oracle::process_on_the_log", what, seed);
    let (log, store) = on_log(dir.path());
    oracle::validate(&store, &[answers]);
    assert!(block_on(store.end()).unwrap().0 > PROCESSES);
    log.close().unwrap();
}

#[test]
fn and_so_it_did_on_postgres() {
    let Some(server) = shared() else { return };
    let seed = rand::random();
    let _seed = Seed(seed);
    let (address, schema) = (server.url("postgres"), fresh());
    let what = format!("{address} {schema}");
    let answers = kill_all("killed::oracle::process_on_postgres", &what, seed);
    let store = open_at(&address, patient(&schema)).store();
    oracle::validate(&store, &[answers]);
    assert!(block_on(store.end()).unwrap().0 > PROCESSES);
}
