//! Projections into tables: exactly once, rebuilt beside the running version, parked events, two runners, lost answers.

use std::collections::BTreeMap;

use headwater_events::postgres::tokio_postgres::Transaction;
use headwater_events::postgres::{Postgres, PostgresView, Tables, swap};
use headwater_events::{
    Batch, ErrorKind, Expected, Filter, NewEvent, Position, ProjectionId, Projector, Store, Task,
    Turn, block_on,
};

use super::proxy::Proxy;
use super::server::shared;
use super::support::{Other, fresh, open, open_at, patient};

/// How many events of each type there are; a type `poison` violates a constraint.
pub(crate) struct Counts;

impl Tables for Counts {
    fn create(&self) -> String {
        "CREATE TABLE counts (kind text PRIMARY KEY, n bigint NOT NULL);
         CREATE TABLE taboo (kind text CHECK (kind <> 'poison'))"
            .to_owned()
    }

    fn apply<'a>(&'a mut self, transaction: &'a Transaction<'a>, batch: &'a Batch) -> Task<'a, ()> {
        Box::pin(async move {
            for event in &batch.events {
                let add = "INSERT INTO counts VALUES ($1, 1)
                    ON CONFLICT (kind) DO UPDATE SET n = counts.n + 1";
                transaction.execute(add, &[&event.kind]).await?;
                let check = "INSERT INTO taboo VALUES ($1)";
                transaction.execute(check, &[&event.kind]).await?;
            }
            Ok(())
        })
    }
}

/// The same, with every type in capitals.
struct Louder;

impl Tables for Louder {
    fn create(&self) -> String {
        Counts.create()
    }

    fn apply<'a>(&'a mut self, transaction: &'a Transaction<'a>, batch: &'a Batch) -> Task<'a, ()> {
        Box::pin(async move {
            for event in &batch.events {
                let add = "INSERT INTO counts VALUES (upper($1::text), 1)
                    ON CONFLICT (kind) DO UPDATE SET n = counts.n + 1";
                transaction.execute(add, &[&event.kind]).await?;
            }
            Ok(())
        })
    }
}

/// What readers see of a projection.
pub(crate) fn counts(other: &Other, projection: &str) -> BTreeMap<String, i64> {
    let query = format!(r#"SELECT kind, n FROM "{projection}".counts"#);
    let rows = other.runtime.block_on(other.client.query(&query, &[]));
    let rows = rows.unwrap().into_iter();
    rows.map(|row| (row.get(0), row.get(1))).collect()
}

fn add(store: &Store, kinds: &[&str]) -> Position {
    let events = kinds.iter().map(|kind| NewEvent::new(*kind, "{}"));
    let appended = block_on(store.append_to("s", Expected::Any, events)).unwrap();
    appended.position.unwrap()
}

fn projector<T: Tables + 'static>(
    postgres: &Postgres,
    id: &ProjectionId,
    tables: T,
) -> Projector<PostgresView<T>> {
    let view = postgres.view(id.clone(), tables).unwrap();
    Projector::new(postgres.store(), id.clone(), Filter::all(), view)
}

fn catch_up<T: Tables + 'static>(projector: &mut Projector<PostgresView<T>>) {
    while block_on(projector.turn()).unwrap() == Turn::More {}
}

fn expect<const N: usize>(counts: [(&str, i64); N]) -> BTreeMap<String, i64> {
    counts.map(|(kind, n)| (kind.to_owned(), n)).into()
}

#[test]
fn a_commit_whose_answer_is_lost_counts_once() {
    let Some(server) = shared() else { return };
    let proxy = Proxy::to(server);
    let schema = fresh();
    let postgres = open_at(&proxy.address(server), patient(&schema));
    let (store, id) = (postgres.store(), ProjectionId::new(format!("{schema} v")));
    let mut projector = projector(&postgres, &id, Counts).batch(2);
    add(&store, &["a", "b", "a"]);
    catch_up(&mut projector);
    for _ in 0..5 {
        add(&store, &["a", "b", "c"]);
        proxy.lose_answers(1);
        loop {
            match block_on(projector.turn()) {
                Ok(Turn::More) => {}
                Ok(_) => break,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
            }
        }
        assert_eq!(proxy.left_to_lose(), 0, "the answer was lost");
    }
    let other = Other::connect(server, "postgres");
    let all = expect([("a", 7), ("b", 6), ("c", 5)]);
    assert_eq!(counts(&other, &id.name), all);
}

#[test]
fn whoever_wrote_can_wait_until_it_is_in_the_table() {
    let Some(server) = shared() else { return };
    let schema = fresh();
    let postgres = open(server, &schema);
    let (store, id) = (postgres.store(), ProjectionId::new(format!("{schema} v")));
    let running = projector(&postgres, &id, Counts).spawn().unwrap();
    let other = Other::connect(server, "postgres");
    for n in 1..=10 {
        let position = add(&store, &["a"]);
        block_on(running.progress().wait(position)).unwrap();
        assert_eq!(counts(&other, &id.name), expect([("a", n)]));
    }
    running.stop().unwrap();
}

#[test]
fn an_event_that_violates_a_constraint_is_parked_and_leaves_nothing() {
    let Some(server) = shared() else { return };
    let schema = fresh();
    let postgres = open(server, &schema);
    let (store, id) = (postgres.store(), ProjectionId::new(format!("{schema} v")));
    add(&store, &["a", "poison", "a", "b"]);
    let mut projector = projector(&postgres, &id, Counts);
    catch_up(&mut projector);
    let parked = block_on(projector.parked()).unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!(
        (parked[0].position, parked[0].kind.as_str()),
        (Position(1), "poison")
    );
    assert!(parked[0].error.contains("taboo"), "{}", parked[0].error);
    let other = Other::connect(server, "postgres");
    assert_eq!(counts(&other, &id.name), expect([("a", 2), ("b", 1)]));

    let own = format!("{}@1", id.name);
    other.run(&format!(
        r#"ALTER TABLE "{own}".taboo DROP CONSTRAINT taboo_kind_check"#
    ));
    block_on(projector.replay(Position(1))).unwrap();
    let all = expect([("a", 2), ("b", 1), ("poison", 1)]);
    assert_eq!(counts(&other, &id.name), all);
    assert!(block_on(projector.parked()).unwrap().is_empty());
}

#[test]
fn a_rebuilt_version_is_seen_when_it_takes_the_place_of_the_old_one() {
    let Some(server) = shared() else { return };
    let schema = fresh();
    let postgres = open(server, &schema);
    let (store, id) = (postgres.store(), ProjectionId::new(format!("{schema} v")));
    let other = Other::connect(server, "postgres");
    add(&store, &["a", "b", "a"]);
    let mut old = projector(&postgres, &id, Counts);
    catch_up(&mut old);
    let mut new = projector(&postgres, &id.clone().version(2), Louder).batch(1);
    block_on(new.turn()).unwrap();
    block_on(new.turn()).unwrap();
    add(&store, &["c"]);
    catch_up(&mut old);
    let before = expect([("a", 2), ("b", 1), ("c", 1)]);
    assert_eq!(counts(&other, &id.name), before, "it is built beside it");

    block_on(swap(&mut old, &mut new)).unwrap();
    let after = expect([("A", 2), ("B", 1), ("C", 1)]);
    assert_eq!(counts(&other, &id.name), after);
    add(&store, &["c"]);
    assert_eq!(block_on(old.turn()).unwrap(), Turn::Retired);
    catch_up(&mut new);
    assert_eq!(counts(&other, &id.name)["C"], 2);

    let refused = block_on(postgres.drop_view(&id.clone().version(2))).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    block_on(postgres.drop_view(&id)).unwrap();
    let left: i64 = other.value(&format!(
        "SELECT count(*) FROM pg_namespace WHERE nspname = '{}@1'",
        id.name
    ));
    assert_eq!(left, 0);
}

#[test]
fn two_runners_of_one_table_exclude_each_other() {
    let Some(server) = shared() else { return };
    let schema = fresh();
    let id = ProjectionId::new(format!("{schema} v"));
    let (here, there) = (open(server, &schema), open(server, &schema));
    let mut one = projector(&here, &id, Counts);
    let mut two = projector(&there, &id, Counts);
    catch_up(&mut one);
    catch_up(&mut two);
    add(&here.store(), &["a"]);
    catch_up(&mut one);
    let error = block_on(two.turn()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let other = Other::connect(server, "postgres");
    assert_eq!(counts(&other, &id.name), expect([("a", 1)]));
}

#[test]
fn names_that_are_taken_are_refused() {
    let Some(server) = shared() else { return };
    let schema = fresh();
    let postgres = open(server, &schema);
    for name in ["public", "information_schema", "pg_x", "", schema.as_str()] {
        let error = postgres
            .view(ProjectionId::new(name), Counts)
            .err()
            .unwrap();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{name}");
    }
}
