//! The server goes away and comes back, and answers are lost.

use std::time::Duration;

use headwater_events::postgres::{Postgres, PostgresOptions};
use headwater_events::{
    Append, ErrorKind, Expected, Filter, NewEvent, Position, ReadStream, Store, Version, block_on,
};

use super::proxy::Proxy;
use super::server::{Server, shared};
use super::support::{Other, fresh, open, open_at, patient};

fn event(kind: &str) -> NewEvent {
    NewEvent::new(kind, "{}")
}

fn kinds(store: &Store, stream: &str) -> Vec<String> {
    let events = block_on(store.read(ReadStream::of(stream))).unwrap();
    events.into_iter().map(|e| e.kind).collect()
}

#[test]
fn a_commit_whose_answer_is_lost_is_not_done_twice() {
    let Some(server) = shared() else { return };
    let proxy = Proxy::to(server);
    let store = open_at(&proxy.address(server), patient(&fresh())).store();
    for n in 0..5 {
        proxy.lose_answers(1);
        let kind = format!("e{n}");
        let appended = block_on(store.append_to("s", Expected::Any, [event(&kind)])).unwrap();
        assert_eq!(proxy.left_to_lose(), 0, "the answer was lost");
        assert_eq!(appended.position, Some(Position(n)));
        assert_eq!(
            (appended.versions, appended.repeated),
            (vec![Some(Version(n))], false)
        );
    }
    assert_eq!(kinds(&store, "s"), ["e0", "e1", "e2", "e3", "e4"]);
    // The same without an event to be found by.
    proxy.lose_answers(1);
    block_on(store.append(Append::new().position("p", "1"))).unwrap();
    assert_eq!(proxy.left_to_lose(), 0);
    let positions = block_on(store.events().positions("p")).unwrap();
    assert_eq!(positions, [("p".to_owned(), "1".into())]);
}

#[test]
fn a_commit_that_the_server_died_of_is_done_again() {
    let Some(server) = shared() else { return };
    let schema = fresh();
    let store = open_at(&server.url("postgres"), patient(&schema)).store();
    let other = Other::connect(server, "postgres");
    // The first commit ends its own connection; a sequence counts on although its transaction is undone.
    other.run(&format!(
        r#"CREATE SEQUENCE "{schema}".deaths;
           CREATE FUNCTION "{schema}".die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF nextval('"{schema}".deaths') <= 2 THEN
                   PERFORM pg_terminate_backend(pg_backend_pid());
               END IF;
               RETURN NULL;
           END $$;
           CREATE CONSTRAINT TRIGGER die AFTER INSERT ON "{schema}".events
               DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION "{schema}".die()"#
    ));
    let appended = block_on(store.append_to("s", Expected::NoStream, [event("e")])).unwrap();
    assert_eq!(
        (appended.position, appended.repeated),
        (Some(Position(0)), false)
    );
    assert_eq!(kinds(&store, "s"), ["e"]);
    let deaths: i64 = other.value(&format!(r#"SELECT last_value FROM "{schema}".deaths"#));
    assert_eq!(deaths, 3);
}

#[test]
fn what_is_said_of_one_append_does_not_harm_the_others() {
    let Some(server) = shared() else { return };
    let schema = fresh();
    let store = open(server, &schema).store();
    let table = format!(r#""{schema}".events"#);
    Other::connect(server, "postgres").run(&format!(
        "ALTER TABLE {table} ADD CONSTRAINT taboo CHECK (type <> 'taboo')"
    ));
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let append = |n: usize| {
            let kind = if n.is_multiple_of(4) { "taboo" } else { "good" };
            let store = &store;
            scope.spawn(move || {
                block_on(store.append_to(format!("s{n}"), Expected::Any, [event(kind)]))
            })
        };
        let appends: Vec<_> = (0..20).map(append).collect();
        appends.into_iter().map(|a| a.join().unwrap()).collect()
    });
    for (n, outcome) in outcomes.into_iter().enumerate() {
        match n % 4 {
            0 => {
                let error = outcome.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Invalid);
                assert!(error.message().contains("taboo"), "{error}");
            }
            _ => assert!(!outcome.unwrap().repeated),
        }
    }
    assert_eq!(block_on(store.end()).unwrap(), Position(15));
}

#[test]
fn while_the_server_is_gone_everything_waits_and_then_goes_on() {
    let Some(server) = Server::start(&["fsync = off"]) else {
        return;
    };
    let schema = fresh();
    let store = open_at(&server.url("postgres"), patient(&schema)).store();
    block_on(store.append_to("s", Expected::Any, [event("before")])).unwrap();
    let mut subscription = store.subscribe(Position(0), Filter::all());
    assert_eq!(block_on(subscription.next()).unwrap().kind, "before");
    server.crash();
    std::thread::scope(|scope| {
        let (said, heard) = std::sync::mpsc::channel();
        let (says, store) = (said.clone(), &store);
        scope.spawn(move || {
            says.send(()).unwrap();
            let append = store.append_to("s", Expected::Exact(Version(0)), [event("meanwhile")]);
            assert_eq!(block_on(append).unwrap().position, Some(Position(1)));
        });
        scope.spawn(move || {
            said.send(()).unwrap();
            assert_eq!(kinds(store, "s")[0], "before");
        });
        // Both are on their way, and the server is not there yet.
        (0..2).for_each(|_| heard.recv().unwrap());
        server.resume();
    });
    assert_eq!(block_on(subscription.next()).unwrap().kind, "meanwhile");
    assert_eq!(kinds(&store, "s"), ["before", "meanwhile"]);
}

#[test]
fn a_server_that_stays_away_is_unavailable() {
    let Some(server) = Server::start(&["fsync = off"]) else {
        return;
    };
    let impatient = |schema: &str| PostgresOptions {
        patience: Duration::from_millis(300),
        ..PostgresOptions::schema(schema)
    };
    let schema = fresh();
    let store = open_at(&server.url("postgres"), impatient(&schema)).store();
    server.crash();
    let append = block_on(store.append_to("s", Expected::Any, [event("e")]));
    let read = block_on(store.read(ReadStream::of("s")));
    let wait = block_on(store.events().wait(Position(0)));
    let errors = [append.unwrap_err(), read.unwrap_err(), wait.unwrap_err()];
    let connected = block_on(Postgres::connect(
        &server.url("postgres"),
        impatient(&schema),
    ));
    for error in errors.iter().chain([&connected.unwrap_err()]) {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    server.resume();
    block_on(store.append_to("s", Expected::NoStream, [event("e")])).unwrap();
    assert_eq!(
        kinds(&store, "s"),
        ["e"],
        "what was unavailable did not happen"
    );
}

#[test]
fn wrong_addresses_are_invalid() {
    let Some(server) = shared() else { return };
    let right = server.url("postgres");
    let wrong = [
        "no address".to_owned(),
        right.replace("/postgres", "/nowhere"),
        right.replace("headwater:", "headwater:not"),
    ];
    for address in wrong {
        let connected = block_on(Postgres::connect(
            &address,
            PostgresOptions::schema(fresh()),
        ));
        let error = connected.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
}
