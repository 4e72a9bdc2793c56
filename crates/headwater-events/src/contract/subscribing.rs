//! Following events from history into the present.

use super::suite::{Case, append, event, events};
use crate::event::Position;
use crate::store::{Expected, Filter, Store};
use crate::task::block_on;

pub(super) const CASES: &[Case] = &[
    (
        "history goes over into the present without gap or double",
        history_to_present,
    ),
    (
        "a subscription waits for what it wants",
        waits_for_what_it_wants,
    ),
    ("whoever waits is woken", woken),
];

fn history_to_present(store: Store) {
    const EACH: usize = 300;
    append(&store, "before", Expected::Any, events(50)).unwrap();
    let mut subscription = store.subscribe(Position(20), Filter::all());
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let store = store.clone();
            std::thread::spawn(move || {
                for n in 0..EACH {
                    let kind = format!("{n}");
                    append(&store, &format!("w{writer}"), Expected::Any, [event(&kind)]).unwrap();
                }
            })
        })
        .collect();
    let mut seen = Vec::new();
    while seen.len() < 30 + 3 * EACH {
        seen.extend(block_on(subscription.batch(17)).unwrap());
    }
    writers.into_iter().for_each(|w| w.join().unwrap());
    assert!(seen.is_sorted_by(|a, b| a.position < b.position));
    assert_eq!(seen[0].position, Position(20));
    for writer in 0..3 {
        let stream = format!("w{writer}");
        let kinds = seen.iter().filter(|e| e.stream == stream);
        let kinds: Vec<usize> = kinds.map(|e| e.kind.parse().unwrap()).collect();
        assert_eq!(kinds, (0..EACH).collect::<Vec<_>>());
    }
    assert!(block_on(subscription.ready(1)).unwrap().is_empty());
    assert_eq!(subscription.position(), block_on(store.end()).unwrap());
}

fn waits_for_what_it_wants(store: Store) {
    let filter = Filter::all().types(["wanted"]);
    let mut subscription = store.subscribe(Position(0), filter);
    let writer = {
        let store = store.clone();
        std::thread::spawn(move || {
            for kind in ["other", "other", "wanted", "other", "wanted"] {
                append(&store, "s", Expected::Any, [event(kind)]).unwrap();
            }
        })
    };
    let first = block_on(subscription.next()).unwrap();
    let second = block_on(subscription.next()).unwrap();
    writer.join().unwrap();
    assert_eq!(
        (first.position, second.position),
        (Position(2), Position(4))
    );
}

fn woken(store: Store) {
    let (ready, waits) = std::sync::mpsc::channel();
    let waiter = {
        let store = store.clone();
        std::thread::spawn(move || {
            ready.send(()).unwrap();
            block_on(store.events().wait(Position(1))).unwrap()
        })
    };
    waits.recv().unwrap();
    append(&store, "s", Expected::Any, events(1)).unwrap();
    append(&store, "s", Expected::Any, events(1)).unwrap();
    assert_eq!(waiter.join().unwrap(), Position(2));
    assert_eq!(
        block_on(store.events().wait(Position(0))).unwrap(),
        Position(2)
    );
}
