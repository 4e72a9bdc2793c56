//! The serialisability oracle, with several processes' worth of stores, a server that crashes and connections that are cut.

use std::sync::mpsc::{Receiver, channel};

use headwater_events::contract::oracle::{self, Answers, Dice};
use headwater_events::postgres::Postgres;

use super::server::{Server, shared};
use super::support::{Other, fresh, open, open_at, patient};
use crate::support::Seed;

const WORKERS: u64 = 40;
const ROUNDS: usize = 25;
const STORES: usize = 4;

/// Lets workers append at random, on each store in turn; `meanwhile` hears of every append that was acknowledged.
fn work(
    seed: u64,
    stores: &[Postgres],
    meanwhile: impl FnOnce(Receiver<()>) + Send,
) -> Vec<Answers> {
    let (said, heard) = channel();
    std::thread::scope(|scope| {
        let worker = |n: u64| {
            let store = stores[n as usize % stores.len()].store();
            let said = said.clone();
            scope.spawn(move || {
                let say = |_: &str| said.send(()).unwrap_or_default();
                oracle::work(
                    &store,
                    &format!("{seed}-{n}"),
                    seed ^ (n << 32),
                    ROUNDS,
                    say,
                )
            })
        };
        let workers: Vec<_> = (0..WORKERS).map(worker).collect();
        drop(said);
        let meanwhile = scope.spawn(|| meanwhile(heard));
        let answers = workers.into_iter().map(|w| w.join().unwrap()).collect();
        meanwhile.join().unwrap();
        answers
    })
}

fn check(store: &Postgres, answers: &[Answers]) {
    let stored = answers.iter().map(|a| a.stored.len()).sum::<usize>();
    let refused = answers.iter().map(|a| a.refused.len()).sum::<usize>();
    assert!(
        stored > 100 && refused > 100,
        "{stored} stored, {refused} refused"
    );
    oracle::validate(&store.store(), answers);
}

#[test]
fn every_append_of_many_processes_happened_under_its_condition() {
    let Some(server) = shared() else { return };
    let seed = rand::random();
    let _seed = Seed(seed);
    let schema = fresh();
    let stores: Vec<_> = (0..STORES).map(|_| open(server, &schema)).collect();
    let answers = work(seed, &stores, drop);
    check(&stores[0], &answers);
}

#[test]
fn and_so_it_does_while_the_server_crashes_and_connections_are_cut() {
    let Some(server) = Server::start(&["fsync = off"]) else {
        return;
    };
    let seed = rand::random();
    let _seed = Seed(seed);
    let schema = fresh();
    let address = server.url("postgres");
    let stores: Vec<_> = (0..STORES)
        .map(|_| open_at(&address, patient(&schema)))
        .collect();
    let (mut crashes, mut cuts) = (0, 0);
    let answers = work(seed, &stores, |heard| {
        let mut dice = Dice(seed);
        let (mut until_next, mut troubles) = (20, 0);
        while heard.recv().is_ok() {
            until_next -= 1;
            if until_next == 0 {
                until_next = 1 + dice.below(20);
                troubles += 1;
                // The first is a crash, and every sixth after it.
                match troubles % 6 == 1 {
                    true => {
                        server.crash();
                        server.resume();
                        crashes += 1;
                    }
                    false => cuts += cut_all(&server),
                }
            }
        }
    });
    assert!(crashes > 0 && cuts > 20, "{crashes} crashes, {cuts} cuts");
    check(&stores[0], &answers);
}

/// Cuts all connections of others.
fn cut_all(server: &Server) -> i64 {
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
    Other::connect(server, "postgres").value(cut)
}
