//! Reading one stream, and all events by a filter.

use std::ops::ControlFlow;

use headwater_log::Version;

use super::suite::{Case, append, event, events, kinds, read};
use crate::event::{NewEvent, Position, Recorded};
use crate::store::{Expected, Filter, ReadStream, Store, Until};
use crate::task::block_on;

pub(super) const CASES: &[Case] = &[
    (
        "a stream is read forward, backward, from and until a version",
        stream,
    ),
    ("a stream is read as it was at a time", at_a_time),
    ("a stream that is not there has no events", no_stream),
    ("all events are read in order, page by page", pages),
    ("all events are filtered by type, tag and stream", filters),
    ("streams are listed", streams),
];

fn stream(store: Store) {
    append(&store, "other", Expected::Any, events(2)).unwrap();
    append(&store, "s", Expected::Any, events(5)).unwrap();
    append(&store, "s-longer", Expected::Any, events(1)).unwrap();
    let all = || ReadStream::of("s");
    let until = |v| Until::Version(Version(v));
    let cases: [(ReadStream, &[&str]); 9] = [
        (all(), &["e0", "e1", "e2", "e3", "e4"]),
        (all().limit(2), &["e0", "e1"]),
        (all().from(Version(3)), &["e3", "e4"]),
        (all().from(Version(5)), &[]),
        (all().backward(), &["e4", "e3", "e2", "e1", "e0"]),
        (all().backward().from(Version(1)), &["e1", "e0"]),
        (all().backward().limit(1), &["e4"]),
        (all().from(Version(1)).until(until(2)), &["e1", "e2"]),
        (all().backward().until(until(2)).limit(2), &["e2", "e1"]),
    ];
    for (what, expected) in cases {
        let found = read(&store, what.clone());
        assert_eq!(kinds(&found), expected, "{what:?}");
        assert_eq!(handed_out(&store, &what, usize::MAX), found, "{what:?}");
        let first: Vec<_> = found.iter().take(2).cloned().collect();
        assert_eq!(handed_out(&store, &what, 2), first, "{what:?}");
        for event in found {
            let version = event.version.expect("a stream's event has a version");
            assert_eq!(event.kind, format!("e{}", version.0));
        }
    }
    assert_eq!(block_on(store.version("s")).unwrap(), Some(Version(4)));
}

/// The events that are handed out one by one, until these are so many.
fn handed_out(store: &Store, what: &ReadStream, enough: usize) -> Vec<Recorded> {
    let mut found = Vec::new();
    let mut take = |event: &Recorded| {
        found.push(event.clone());
        match found.len() < enough {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    };
    block_on(store.events().for_each(what.clone(), &mut take)).unwrap();
    found
}

fn at_a_time(store: Store) {
    for one in events(6) {
        append(&store, "s", Expected::Any, [one]).unwrap();
    }
    let all = read(&store, ReadStream::of("s"));
    for event in &all {
        let time = event.recorded_at;
        let expected: Vec<_> = all.iter().take_while(|e| e.recorded_at <= time).collect();
        let found = read(&store, ReadStream::of("s").until(Until::Time(time)));
        assert_eq!(found.iter().collect::<Vec<_>>(), expected);
        let newest = ReadStream::of("s")
            .until(Until::Time(time))
            .backward()
            .limit(1);
        assert_eq!(read(&store, newest).first(), expected.last().copied());
    }
    let before = headwater_log::Timestamp(all[0].recorded_at.0 - 1);
    assert!(read(&store, ReadStream::of("s").until(Until::Time(before))).is_empty());
}

fn no_stream(store: Store) {
    assert!(read(&store, ReadStream::of("s")).is_empty());
    assert_eq!(block_on(store.version("s")).unwrap(), None);
    let page = block_on(store.read_all(Position(0), Filter::all(), 10)).unwrap();
    assert_eq!(
        (page.events.len(), page.next, page.end),
        (0, Position(0), Position(0))
    );
}

fn collect(store: &Store, filter: &Filter, from: Position, limit: usize) -> Vec<String> {
    let (mut at, mut found, mut last) = (from, Vec::new(), None);
    loop {
        let page = block_on(store.read_all(at, filter.clone(), limit)).unwrap();
        assert!(page.events.len() <= limit);
        for event in page.events {
            assert!(event.position >= from && event.position < page.next);
            assert!(Some(event.position) > last, "order");
            last = Some(event.position);
            found.push(format!("{}/{}", event.stream, event.kind));
        }
        if page.next >= page.end {
            return found;
        }
        assert!(page.next > at, "a page gets on");
        at = page.next;
    }
}

fn pages(store: Store) {
    let mut expected = Vec::new();
    for round in 0..7 {
        let stream = format!("s{}", round % 3);
        let some = events(round + 1);
        expected.extend(some.iter().map(|e| format!("{stream}/{}", e.kind)));
        append(&store, &stream, Expected::Any, some).unwrap();
    }
    for limit in [1, 2, 3, 1000] {
        assert_eq!(
            collect(&store, &Filter::all(), Position(0), limit),
            expected
        );
    }
    let half = block_on(store.read_all(Position(0), Filter::all(), 10)).unwrap();
    assert_eq!(
        collect(&store, &Filter::all(), half.next, 4),
        expected[10..]
    );
}

fn filters(store: Store) {
    let kinds = ["placed", "paid"];
    let mut model: Vec<(String, NewEvent)> = Vec::new();
    for n in 0..40usize {
        let mut new = event(kinds[n % 2]);
        for (modulus, tag) in [(3, "vip"), (5, "eu")] {
            if n % modulus == 0 {
                new = new.tag(tag);
            }
        }
        let stream = format!("{}-{}", ["order", "invoice"][n / 2 % 2], n % 7);
        append(&store, &stream, Expected::Any, [new.clone()]).unwrap();
        model.push((stream, new));
    }
    let filters = [
        Filter::all(),
        Filter::all().types(["paid"]),
        Filter::all().types(["placed", "paid", "none"]),
        Filter::all().tags(["vip"]),
        Filter::all().tags(["vip", "eu"]),
        Filter::all().tags(["vip"]).tags(["eu"]),
        Filter::all().tags(["vip"]).types(["paid"]),
        Filter::all().streams("order-"),
        Filter::all().streams("order-1").streams("invoice-2"),
        Filter::all().streams("order-").types(["placed"]),
        Filter::all().streams("order-").tags(["eu"]),
        Filter::all().tags(["nobody"]),
    ];
    for filter in filters {
        let wanted = model.iter().filter(|(stream, e)| {
            filter.matches(stream, &e.kind, e.tags.iter().map(String::as_str))
        });
        let expected: Vec<_> = wanted.map(|(s, e)| format!("{s}/{}", e.kind)).collect();
        for limit in [1, 3, 100] {
            let found = collect(&store, &filter, Position(0), limit);
            assert_eq!(found, expected, "{filter:?}");
        }
    }
}

fn streams(store: Store) {
    append(&store, "order-2", Expected::Any, events(2)).unwrap();
    append(&store, "order-1", Expected::Any, events(1)).unwrap();
    append(&store, "account-1", Expected::Any, events(1)).unwrap();
    let listed = block_on(store.streams("order-")).unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|s| (s.stream.as_str(), s.events))
        .collect();
    assert_eq!(listed, [("order-1", 1), ("order-2", 2)]);
}
