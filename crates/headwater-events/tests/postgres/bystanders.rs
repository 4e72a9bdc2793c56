//! Transactions that are slow, or of other people, do not make readers skip anything or wait.

use headwater_events::{Expected, Filter, NewEvent, Position, Store, block_on};

use super::server::shared;
use super::support::{Other, fresh, open};

/// A lock that tests hold while others wait.
const GATE: i64 = 4711;

fn append(store: &Store, stream: &str) -> Position {
    let event = NewEvent::new("e", "{}");
    let appended = block_on(store.append_to(stream, Expected::Any, [event])).unwrap();
    appended.position.unwrap()
}

fn streams(store: &Store) -> Vec<String> {
    let page = block_on(store.read_all(Position(0), Filter::all(), 1000)).unwrap();
    assert_eq!(page.next, page.end);
    page.events.into_iter().map(|e| e.stream).collect()
}

#[test]
fn nothing_is_skipped_for_a_slow_commit_and_no_reader_waits_for_it() {
    let Some(server) = shared() else { return };
    let schema = fresh();
    let (slow, fast) = (open(server, &schema).store(), open(server, &schema).store());
    append(&fast, "first");
    let gate = Other::connect(server, "postgres");
    // Events of the stream "slow" are committed when the gate is opened: their positions are drawn long before.
    gate.run(&format!(
        r#"CREATE FUNCTION "{schema}".wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               SET LOCAL lock_timeout TO 0;
               PERFORM pg_advisory_xact_lock_shared({GATE});
               RETURN NULL;
           END $$;
           CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON "{schema}".events
               DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
               WHEN (NEW.stream = 'slow') EXECUTE FUNCTION "{schema}".wait();
           SELECT pg_advisory_lock({GATE})"#
    ));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| append(&slow, "slow"));
        // It waits at the gate.
        let waits = format!(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {GATE} AND NOT granted"
        );
        while gate.value::<i64>(&waits) == 0 {}
        assert_eq!(streams(&fast), ["first"], "readers read");
        let second = scope.spawn(|| append(&fast, "fast"));
        assert_eq!(
            streams(&fast),
            ["first"],
            "nothing comes before what is slow"
        );
        gate.run(&format!("SELECT pg_advisory_unlock({GATE})"));
        assert_eq!(
            (first.join().unwrap(), second.join().unwrap()),
            (Position(1), Position(2))
        );
    });
    assert_eq!(streams(&fast), ["first", "slow", "fast"]);
}

#[test]
fn long_transactions_of_others_stall_nobody() {
    let Some(server) = shared() else { return };
    let schema = fresh();
    let store = open(server, &schema).store();
    Other::connect(server, "postgres").run(&format!(r#"CREATE DATABASE "{schema}""#));
    // They have written something and so have numbers, and they have snapshots; one is in another database.
    let others = ["postgres", &schema].map(|database| Other::connect(server, database));
    for other in &others {
        other.run(&format!(r#"CREATE TABLE "of {schema}" (n int)"#));
        let begin = format!(
            r#"BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO "of {schema}" VALUES (1)"#
        );
        other.run(&begin);
    }
    let mut subscription = store.subscribe(Position(0), Filter::all());
    for n in 0..20 {
        let stream = format!("s{n}");
        assert_eq!(append(&store, &stream), Position(n));
        assert_eq!(block_on(subscription.next()).unwrap().stream, stream);
    }
    for other in &others {
        let is_open: bool = other.value("SELECT pg_current_xact_id_if_assigned() IS NOT NULL");
        assert!(is_open);
        other.run("COMMIT");
    }
}
