//! Events in a transaction of the caller's.

use std::sync::Arc;

use bytes::Bytes;
use headwater_events::contract::oracle;
use headwater_events::postgres::Postgres;
use headwater_events::{
    Append, Appended, Condition, ErrorKind, EventStore, Expected, Filter, NewEvent, Page, Position,
    Query, ReadAll, ReadStream, Recorded, Store, Task, Version, block_on,
};
use tokio::sync::Mutex;

use super::server::{Server, shared};
use super::support::{Other, fresh, open};
use crate::support::Seed;

fn event(kind: &str) -> NewEvent {
    NewEvent::new(kind, "{}")
}

fn kinds(store: &Store) -> Vec<String> {
    let page = block_on(store.read_all(Position(0), Filter::all(), 1000)).unwrap();
    page.events.into_iter().map(|e| e.kind).collect()
}

/// Appends in a transaction that is committed or not.
fn within(postgres: &Postgres, other: &mut Other, append: Append, commit: bool) -> Appended {
    let Other { runtime, client } = other;
    runtime.block_on(async {
        let transaction = client.transaction().await.unwrap();
        let appended = postgres.append_in(&transaction, append).await.unwrap();
        match commit {
            true => transaction.commit().await.unwrap(),
            false => transaction.rollback().await.unwrap(),
        }
        appended
    })
}

#[test]
fn events_are_there_if_the_transaction_is() {
    let Some(server) = shared() else { return };
    let postgres = open(server, &fresh());
    let store = postgres.store();
    let mut other = Other::connect(server, "postgres");
    let to = |expected, kind: &str| Append::new().to("s", expected, [event(kind).tag("t:1")]);
    within(
        &postgres,
        &mut other,
        to(Expected::NoStream, "undone"),
        false,
    );
    let first = within(&postgres, &mut other, to(Expected::NoStream, "a"), true);
    assert_eq!(
        (first.position, first.versions),
        (None, vec![Some(Version(0))])
    );
    let second = within(
        &postgres,
        &mut other,
        to(Expected::Exact(Version(0)), "b"),
        true,
    );
    assert_eq!(second.versions, [Some(Version(1))]);
    // Whoever appends comes after what was committed before.
    let third = block_on(store.append_to("s", Expected::Exact(Version(1)), [event("c")]));
    assert_eq!(third.unwrap().position, Some(Position(2)));
    assert_eq!(block_on(postgres.sequence()).unwrap(), Position(3));
    assert_eq!(kinds(&store), ["a", "b", "c"]);
    let tagged = Filter::all().tags(["t:1"]);
    let tagged = block_on(store.read_all(Position(0), tagged, 10)).unwrap();
    assert_eq!(tagged.events.len(), 2);
}

#[test]
fn readers_hear_of_it_without_asking() {
    let Some(server) = shared() else { return };
    let postgres = open(server, &fresh());
    let mut subscription = postgres.store().subscribe(Position(0), Filter::all());
    let mut other = Other::connect(server, "postgres");
    let append = Append::new().to("s", Expected::Any, [event("a")]);
    within(&postgres, &mut other, append, true);
    assert_eq!(block_on(subscription.next()).unwrap().kind, "a");
}

#[test]
fn a_transaction_that_takes_long_delays_only_who_wants_its_streams() {
    let Some(server) = shared() else { return };
    let postgres = open(server, &fresh());
    let store = postgres.store();
    let mut slow = Other::connect(server, "postgres");
    let Other { runtime, client } = &mut slow;
    let transaction = runtime.block_on(client.transaction()).unwrap();
    let append = Append::new().to("slow", Expected::NoStream, [event("slow").id("one")]);
    let appending = postgres.append_in(&transaction, append);
    runtime.block_on(appending).unwrap();
    std::thread::scope(|scope| {
        let (said, heard) = std::sync::mpsc::channel();
        let waits = {
            let store = &store;
            scope.spawn(move || {
                said.send(()).unwrap();
                let append = store.append_to("slow", Expected::Any, [event("after")]);
                block_on(append).unwrap()
            })
        };
        heard.recv().unwrap();
        for n in 0..20 {
            let append = store.append_to("fast", Expected::Any, [event("fast")]);
            assert_eq!(block_on(append).unwrap().position, Some(Position(n)));
        }
        assert_eq!(kinds(&store).len(), 20);
        runtime.block_on(transaction.commit()).unwrap();
        let after = waits.join().unwrap();
        assert_eq!(
            (after.position, after.versions),
            (Some(Position(21)), vec![Some(Version(1))])
        );
    });
    assert_eq!(&kinds(&store)[20..], ["slow", "after"]);
    let again = store.append_to("slow", Expected::NoStream, [event("slow").id("one")]);
    let again = block_on(again).unwrap();
    assert_eq!((again.position, again.repeated), (Some(Position(20)), true));
}

#[test]
fn what_cannot_be_kept_is_refused_and_the_transaction_goes_on() {
    let Some(server) = shared() else { return };
    let postgres = open(server, &fresh());
    block_on(postgres.store().append_to("s", Expected::Any, [event("a")])).unwrap();
    let mut other = Other::connect(server, "postgres");
    let Other { runtime, client } = &mut other;
    runtime.block_on(async {
        let transaction = client.transaction().await.unwrap();
        let to = |expected| Append::new().to("s", expected, [event("b")]);
        let query = Condition::NoneSince {
            query: Query::default(),
            from: Position(0),
        };
        let refused = [
            (to(Expected::NoStream), ErrorKind::Conflict),
            (to(Expected::Any).when(query), ErrorKind::Unsupported),
            (Append::new(), ErrorKind::Invalid),
            (
                Append::new().to("s", Expected::Any, [event("$closed")]),
                ErrorKind::Invalid,
            ),
        ];
        for (append, kind) in refused {
            let error = postgres.append_in(&transaction, append).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
        }
        postgres
            .append_in(&transaction, to(Expected::Exists))
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        let snapshot = client.build_transaction();
        let snapshot = snapshot.isolation_level(tokio_postgres::IsolationLevel::RepeatableRead);
        let snapshot = snapshot.start().await.unwrap();
        let error = postgres
            .append_in(&snapshot, to(Expected::Any))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    });
    assert_eq!(block_on(postgres.sequence()).unwrap(), Position(2));
}

/// A store whose appends come with transactions of their own, but for those that cannot.
#[derive(Debug)]
struct Within {
    postgres: Postgres,
    client: Mutex<tokio_postgres::Client>,
}

impl EventStore for Within {
    fn append(&self, append: Append) -> Task<'_, Appended> {
        Box::pin(async move {
            let is_query = |c: &Condition| matches!(c, Condition::NoneSince { .. });
            if append.conditions.iter().any(is_query) {
                return self.postgres.append(append).await;
            }
            let mut client = self.client.lock().await;
            let transaction = client.transaction().await?;
            let appended = self.postgres.append_in(&transaction, append).await?;
            transaction.commit().await?;
            Ok(appended)
        })
    }

    fn read(&self, read: ReadStream) -> Task<'_, Vec<Recorded>> {
        self.postgres.read(read)
    }

    fn read_all(&self, read: ReadAll) -> Task<'_, Page> {
        self.postgres.read_all(read)
    }

    fn wait(&self, from: Position) -> Task<'_, Position> {
        self.postgres.wait(from)
    }

    fn positions<'a>(&'a self, prefix: &'a str) -> Task<'a, Vec<(String, Bytes)>> {
        self.postgres.positions(prefix)
    }
}

fn separate(server: &Server, postgres: &Postgres) -> (Store, tokio::runtime::Runtime) {
    let Other { runtime, client } = Other::connect(server, "postgres");
    let within = Within {
        postgres: postgres.clone(),
        client: Mutex::new(client),
    };
    (Store::new(Arc::new(within)), runtime)
}

#[test]
fn every_append_happened_under_its_condition_though_half_came_with_other_transactions() {
    const WORKERS: u64 = 16;
    let Some(server) = shared() else { return };
    let seed = rand::random();
    let _seed = Seed(seed);
    let schema = fresh();
    let postgres = [open(server, &schema), open(server, &schema)];
    let answers: Vec<_> = std::thread::scope(|scope| {
        let worker = |n: u64| {
            let postgres = &postgres[n as usize % 2];
            scope.spawn(move || {
                let (store, _runtime) = match n % 4 < 2 {
                    true => separate(server, postgres),
                    false => (postgres.store(), Other::connect(server, "postgres").runtime),
                };
                oracle::work(&store, &format!("{seed}-{n}"), seed ^ (n << 32), 25, |_| {})
            })
        };
        let workers: Vec<_> = (0..WORKERS).map(worker).collect();
        workers.into_iter().map(|w| w.join().unwrap()).collect()
    });
    block_on(postgres[0].sequence()).unwrap();
    oracle::validate(&postgres[1].store(), &answers);
}
