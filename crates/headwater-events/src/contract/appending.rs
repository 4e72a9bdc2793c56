//! Appending to streams with the version that is expected of them.

use headwater_log::{ErrorKind, Version};

use super::suite::{Case, append, conflict, event, events, kinds, read};
use crate::error::Conflict;
use crate::event::{NewEvent, Position};
use crate::store::{Append, Expected, ReadStream, Store};
use crate::task::block_on;

pub(super) const CASES: &[Case] = &[
    (
        "versions and positions ascend",
        versions_and_positions_ascend,
    ),
    (
        "a wrong version is a conflict that names the actual one",
        wrong_version,
    ),
    ("every expectation holds where it should", every_expectation),
    ("an append over streams is whole or absent", whole_or_absent),
    ("everything of an event is kept", everything_is_kept),
    ("what cannot be stored is refused", refused),
    ("positions of owners come with the events", positions),
];

fn versions_and_positions_ascend(store: Store) {
    let first = append(&store, "a", Expected::NoStream, events(2)).unwrap();
    assert_eq!(first.versions, [Some(Version(1))]);
    let other = append(&store, "b", Expected::Any, events(1)).unwrap();
    assert_eq!(other.versions, [Some(Version(0))]);
    let second = append(&store, "a", Expected::Any, events(3)).unwrap();
    assert_eq!(second.versions, [Some(Version(4))]);
    let last = append(&store, "a", Expected::Exact(Version(4)), events(1)).unwrap();
    assert_eq!(last.versions, [Some(Version(5))]);
    let positions = [first, other, second, last].map(|a| a.position.unwrap());
    assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
    assert_eq!(block_on(store.end()).unwrap(), positions[3].next());
}

fn wrong_version(store: Store) {
    append(&store, "a", Expected::NoStream, events(2)).unwrap();
    let cases = [
        ("a", Expected::NoStream, Some(Version(1))),
        ("a", Expected::Exact(Version(0)), Some(Version(1))),
        ("a", Expected::Exact(Version(2)), Some(Version(1))),
        ("b", Expected::Exact(Version(0)), None),
        ("b", Expected::Exists, None),
    ];
    let end = block_on(store.end()).unwrap();
    for (stream, expected, actual) in cases {
        let error = append(&store, stream, expected, events(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        let stream = stream.to_owned();
        assert_eq!(
            conflict(error),
            Conflict::Version {
                stream,
                expected,
                actual
            }
        );
    }
    assert_eq!(block_on(store.end()).unwrap(), end, "nothing was stored");
}

fn every_expectation(store: Store) {
    append(&store, "a", Expected::Any, events(1)).unwrap();
    append(&store, "a", Expected::Exists, events(1)).unwrap();
    append(&store, "a", Expected::Exact(Version(1)), events(1)).unwrap();
    append(&store, "b", Expected::NoStream, events(1)).unwrap();
    assert_eq!(read(&store, ReadStream::of("a")).len(), 3);
}

fn whole_or_absent(store: Store) {
    append(&store, "a", Expected::NoStream, events(1)).unwrap();
    let both = |expected| {
        Append::new()
            .to("a", Expected::Exact(Version(0)), events(2))
            .to("b", expected, events(1))
    };
    block_on(store.append(both(Expected::Exists))).unwrap_err();
    assert_eq!(read(&store, ReadStream::of("a")).len(), 1);
    assert!(read(&store, ReadStream::of("b")).is_empty());
    let appended = block_on(store.append(both(Expected::NoStream))).unwrap();
    assert_eq!(appended.versions, [Some(Version(2)), Some(Version(0))]);
    // A stream that is only looked at must have its version too.
    let looks = Append::new().to("a", Expected::Exact(Version(0)), []).to(
        "c",
        Expected::NoStream,
        events(1),
    );
    let error = block_on(store.append(looks)).unwrap_err();
    assert!(matches!(conflict(error), Conflict::Version { stream, .. } if stream == "a"));
}

fn everything_is_kept(store: Store) {
    let new = NewEvent {
        schema: 3,
        ..NewEvent::new("größer", r#"{"a":[1,{"b":null}]}"#)
            .id("id-1")
            .tag("t:1")
            .tag("t:2")
            .correlation("c")
            .causation("d")
            .metadata(r#"{"user":"ä"}"#)
    };
    append(&store, "straße-1", Expected::Any, [new.clone()]).unwrap();
    append(&store, "straße-1", Expected::Any, [event("plain")]).unwrap();
    let found = read(&store, ReadStream::of("straße-1"));
    let [full, plain] = &found[..] else {
        panic!("two events: {found:?}");
    };
    assert_eq!((&full.kind, &full.data), (&new.kind, &new.data));
    assert_eq!((full.schema, &full.tags), (3, &new.tags));
    assert_eq!((&full.id, full.reference().as_str()), (&new.id, "id-1"));
    assert_eq!(full.correlation.as_deref(), Some("c"));
    assert_eq!(full.causation.as_deref(), Some("d"));
    assert_eq!(full.metadata, new.metadata);
    assert_eq!((plain.schema, plain.tags.len()), (1, 0));
    assert_eq!((&plain.id, &plain.metadata), (&None, &None));
    let at = block_on(store.event_at(full.position)).unwrap().unwrap();
    assert_eq!((at.data, at.tags), (full.data.clone(), full.tags.clone()));
}

fn refused(store: Store) {
    let bad = [
        NewEvent::new("", "{}"),
        NewEvent::new("a", "{"),
        NewEvent::new("$closed", "{}"),
        NewEvent::new("a", "{}").tag("$own"),
        NewEvent::new("a", "{}").tag(""),
        NewEvent::new("a", "{}").metadata("[]"),
        NewEvent::new("a\n", "{}"),
        NewEvent::new("a", "{}").id("x".repeat(1000)),
    ];
    for event in bad {
        let shown = format!("{event:?}");
        let error = append(&store, "a", Expected::Any, [event]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{shown}");
    }
    for append in [
        Append::new(),
        Append::new().to("a", Expected::Any, []),
        Append::new().to("", Expected::Any, events(1)),
        Append::new()
            .to("a", Expected::Any, events(1))
            .to("a", Expected::Any, events(1)),
    ] {
        let error = block_on(store.append(append)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert_eq!(block_on(store.end()).unwrap(), Position(0));
}

fn positions(store: Store) {
    let with = |value: &'static str, kinds: usize| {
        let append = Append::new().position("p/a", value);
        match kinds {
            0 => append,
            n => append.to("s", Expected::Any, events(n)),
        }
    };
    block_on(store.append(with("1", 1))).unwrap();
    let only = block_on(store.append(with("2", 0))).unwrap();
    assert_eq!((only.position, only.versions.len()), (None, 0));
    block_on(store.append(Append::new().position("q/b", "3"))).unwrap();
    let found = block_on(store.events().positions("p/")).unwrap();
    assert_eq!(found, [("p/a".to_owned(), "2".into())]);
    let remove = Append {
        positions: vec![("p/a".to_owned(), None)],
        ..Append::default()
    };
    block_on(store.append(remove)).unwrap();
    assert!(block_on(store.events().positions("p/")).unwrap().is_empty());
    assert_eq!(kinds(&read(&store, ReadStream::of("s"))), ["e0"]);
}
