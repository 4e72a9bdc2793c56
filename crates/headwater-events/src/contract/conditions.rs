//! Conditions over types and tags, and over positions.

use headwater_log::{Query, QueryItem};

use super::suite::{Case, append, conflict, event, events, read};
use crate::error::Conflict;
use crate::event::Position;
use crate::store::{Append, Condition, Expected, ReadStream, Store};
use crate::task::block_on;

pub(super) const CASES: &[Case] = &[
    ("what has come since fails the append", what_has_come_fails),
    (
        "what came before, or does not match, does not",
        what_does_not_fail,
    ),
    (
        "of two that exclude each other one happens",
        one_of_two_happens,
    ),
    ("a position must be the expected one", expected_position),
];

fn query(types: &[&str], tags: &[&str]) -> Query {
    let own = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    Query {
        items: vec![QueryItem {
            types: own(types),
            tags: own(tags),
        }],
    }
}

fn none_since(query: Query, from: Position) -> Condition {
    Condition::NoneSince { query, from }
}

fn try_append(store: &Store, condition: Condition) -> crate::Result<crate::Appended> {
    let append = Append::new().to("out", Expected::Any, [event("decided").tag("x:1")]);
    block_on(store.append(append.when(condition)))
}

fn seed(store: &Store) -> Position {
    let tagged = [
        event("enrolled").tag("course:1").tag("student:1"),
        event("enrolled").tag("course:2"),
        event("renamed").tag("course:1"),
    ];
    let appended = append(store, "log", Expected::Any, tagged).unwrap();
    appended.position.unwrap()
}

fn what_has_come_fails(store: Store) {
    let last = seed(&store);
    let queries = [
        query(&["enrolled"], &["course:1"]),
        query(&["enrolled", "other"], &[]),
        query(&[], &["course:1", "student:1"]),
        query(&[], &["course:2"]),
    ];
    for query in queries {
        let error = try_append(&store, none_since(query.clone(), Position(0))).unwrap_err();
        let Conflict::Query { found } = conflict(error) else {
            panic!("a conflict of the query {query:?}");
        };
        assert!(found <= last);
    }
    let renamed = none_since(query(&["renamed"], &["course:1"]), last);
    assert!(
        try_append(&store, renamed).is_err(),
        "the place itself counts"
    );
    assert!(read(&store, ReadStream::of("out")).is_empty());
}

fn what_does_not_fail(store: Store) {
    let last = seed(&store);
    let holds = [
        none_since(query(&["enrolled"], &["course:1"]), last.next()),
        none_since(query(&["renamed"], &["course:2"]), Position(0)),
        none_since(query(&[], &["course:2", "student:1"]), Position(0)),
        none_since(query(&["unknown"], &[]), Position(0)),
        none_since(Query::default(), Position(0)),
    ];
    let count = holds.len();
    for condition in holds {
        try_append(&store, condition).unwrap();
    }
    assert_eq!(read(&store, ReadStream::of("out")).len(), count);
}

fn one_of_two_happens(store: Store) {
    for round in 0..20 {
        let tag = format!("seat:{round}");
        let from = block_on(store.end()).unwrap();
        let barrier = std::sync::Barrier::new(4);
        let winners: usize = std::thread::scope(|scope| {
            let racer = |n: usize| {
                let (store, tag, barrier) = (&store, &tag, &barrier);
                scope.spawn(move || {
                    let append = Append::new()
                        .to(
                            format!("racer-{n}"),
                            Expected::Any,
                            [event("taken").tag(tag)],
                        )
                        .when(none_since(query(&["taken"], &[tag]), from));
                    barrier.wait();
                    usize::from(block_on(store.append(append)).is_ok())
                })
            };
            let racers: Vec<_> = (0..4).map(racer).collect();
            racers.into_iter().map(|r| r.join().unwrap()).sum()
        });
        assert_eq!(winners, 1, "round {round}");
    }
}

fn expected_position(store: Store) {
    let step = |expected: Option<&'static str>, to: &'static str| {
        let condition = Condition::Position {
            owner: "reader".into(),
            expected: expected.map(Into::into),
        };
        let append = Append::new().to("out", Expected::Any, events(1));
        block_on(store.append(append.when(condition).position("reader", to)))
    };
    step(None, "1").unwrap();
    step(Some("1"), "2").unwrap();
    let error = step(Some("1"), "3").unwrap_err();
    let actual = Some("2".into());
    let owner = "reader".to_owned();
    assert_eq!(conflict(error), Conflict::Position { owner, actual });
    assert_eq!(read(&store, ReadStream::of("out")).len(), 2);
}
