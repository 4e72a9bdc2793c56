//! Streams that are archived, opened again and deleted.

use headwater_log::{ErrorKind, Version};

use super::suite::{Case, append, conflict, events, read};
use crate::error::Conflict;
use crate::event::Position;
use crate::store::{Expected, Filter, Lifecycle, ReadStream, Store};
use crate::task::block_on;

pub(super) const CASES: &[Case] = &[
    (
        "an archived stream can be read, and takes events once it is open again",
        archived,
    ),
    (
        "a deleted stream cannot be read or written ever again",
        deleted,
    ),
    ("closing has an expected version too", closing_expects),
];

fn close(store: &Store, how: Lifecycle) -> crate::Result<crate::Appended> {
    block_on(store.close("s", Expected::Any, how))
}

fn refusal(store: &Store) -> Conflict {
    conflict(append(store, "s", Expected::Any, events(1)).unwrap_err())
}

fn closed(deleted: bool) -> Conflict {
    let stream = "s".to_owned();
    Conflict::Closed { stream, deleted }
}

fn archived(store: Store) {
    append(&store, "s", Expected::Any, events(2)).unwrap();
    assert_eq!(
        close(&store, Lifecycle::Open).unwrap_err().kind(),
        ErrorKind::Invalid
    );
    for _ in 0..3 {
        close(&store, Lifecycle::Archived).unwrap();
        assert_eq!(refusal(&store), closed(false));
        let again = close(&store, Lifecycle::Archived).unwrap_err();
        assert_eq!(conflict(again), closed(false));
        assert!(read(&store, ReadStream::of("s")).len() >= 2);
        close(&store, Lifecycle::Open).unwrap();
        append(&store, "s", Expected::Any, events(1)).unwrap();
    }
    append(&store, "other", Expected::Any, events(1)).unwrap();
    let listed = block_on(store.streams("")).unwrap();
    assert!(listed.iter().all(|s| s.lifecycle == Lifecycle::Open));
    let page = block_on(store.read_all(Position(0), Filter::all(), 100)).unwrap();
    assert_eq!(
        page.events.len(),
        2 + 3 + 1,
        "the store's own events are apart"
    );
}

fn deleted(store: Store) {
    append(&store, "s", Expected::Any, events(2)).unwrap();
    close(&store, Lifecycle::Deleted).unwrap();
    assert_eq!(refusal(&store), closed(true));
    for how in [Lifecycle::Open, Lifecycle::Archived, Lifecycle::Deleted] {
        assert_eq!(conflict(close(&store, how).unwrap_err()), closed(true));
    }
    let error = block_on(store.read(ReadStream::of("s"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let listed = block_on(store.streams("")).unwrap();
    assert_eq!(listed[0].lifecycle, Lifecycle::Deleted);
}

fn closing_expects(store: Store) {
    append(&store, "s", Expected::Any, events(2)).unwrap();
    let wrong = Expected::Exact(Version(0));
    let error = block_on(store.close("s", wrong, Lifecycle::Deleted)).unwrap_err();
    assert!(matches!(conflict(error), Conflict::Version { .. }));
    let right = Expected::Exact(Version(1));
    let closing = block_on(store.close("s", right, Lifecycle::Archived)).unwrap();
    assert_eq!(closing.versions, [Some(Version(2))]);
}
