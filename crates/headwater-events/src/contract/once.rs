//! Appends that happen once, however often they are tried.

use headwater_log::Version;

use super::suite::{Case, append, conflict, event, events, read};
use crate::error::Conflict;
use crate::store::{Append, Expected, Filter, ReadStream, Store};
use crate::task::block_on;

pub(super) const CASES: &[Case] = &[
    (
        "events with ids are stored once, whatever is expected",
        ids_once,
    ),
    (
        "events of which only some are stored are a conflict",
        some_ids,
    ),
    ("an append with a key happens once", keys_once),
    (
        "of racers with one id one is stored, and all are answered alike",
        racers,
    ),
];

fn ids_once(store: Store) {
    for expected in [
        Expected::NoStream,
        Expected::Any,
        Expected::Exact(Version(7)),
    ] {
        let stream = format!("s{expected}");
        if let Expected::Exact(_) = expected {
            append(&store, &stream, Expected::NoStream, events(8)).unwrap();
        }
        let both = || {
            let id = |n: usize| format!("{stream}/{n}");
            [event("a").id(id(0)), event("b").id(id(1))]
        };
        let first = append(&store, &stream, expected, both()).unwrap();
        append(&store, &stream, Expected::Any, events(3)).unwrap();
        let again = append(&store, &stream, expected, both()).unwrap();
        assert!(!first.repeated && again.repeated);
        assert_eq!(
            (first.position, &first.versions),
            (again.position, &again.versions)
        );
        let stored = read(&store, ReadStream::of(&stream));
        assert_eq!(stored.iter().filter(|e| e.id.is_some()).count(), 2);
    }
}

fn some_ids(store: Store) {
    let first = append(&store, "s", Expected::Any, [event("a").id("1")]).unwrap();
    let more = [event("a").id("1"), event("b").id("2")];
    let other = [event("a").id("1")];
    for (stream, events) in [("s", more.to_vec()), ("other", other.to_vec())] {
        let error = append(&store, stream, Expected::Any, events).unwrap_err();
        let id = Conflict::Id {
            id: "1".to_owned(),
            found: first.position.unwrap(),
        };
        assert_eq!(conflict(error), id);
    }
    assert_eq!(read(&store, ReadStream::of("s")).len(), 1);
}

fn keys_once(store: Store) {
    let try_it = |kind: &str| {
        let append = Append::new()
            .to("a", Expected::Any, [event(kind)])
            .to("b", Expected::Any, [event(kind), event(kind)])
            .key("command-1");
        block_on(store.append(append)).unwrap()
    };
    let first = try_it("first");
    append(&store, "b", Expected::Any, events(1)).unwrap();
    let again = try_it("second");
    assert!(!first.repeated && again.repeated);
    assert_eq!(
        (first.position, first.versions),
        (again.position, again.versions)
    );
    assert_eq!(read(&store, ReadStream::of("a")).len(), 1);
    // The last event of an append can be found by its key.
    let filter = Filter::all().tags(["$key:command-1"]);
    let found = block_on(store.read_all(Default::default(), filter, 10)).unwrap();
    let found: Vec<_> = found
        .events
        .iter()
        .map(|e| (e.position, e.tags.len()))
        .collect();
    assert_eq!(found, [(first.position.unwrap(), 0)]);
}

fn racers(store: Store) {
    let barrier = std::sync::Barrier::new(4);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let racer = |_| {
            scope.spawn(|| {
                barrier.wait();
                append(&store, "s", Expected::NoStream, [event("a").id("one")]).unwrap()
            })
        };
        let racers: Vec<_> = (0..4).map(racer).collect();
        racers.into_iter().map(|r| r.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|a| !a.repeated).count(), 1);
    assert!(answers.iter().all(|a| a.position == answers[0].position));
    assert_eq!(read(&store, ReadStream::of("s")).len(), 1);
}
