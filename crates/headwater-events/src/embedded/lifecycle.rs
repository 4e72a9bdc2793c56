//! Whether a stream takes events: what the newest of its `$closed` and `$opened` events says.

use headwater_log::{Offset, Query, QueryItem};

use super::log_store::LogStore;
use super::record::{CLOSED_TAG, OPENED_TAG, OwnTag, decode};
use crate::error::Result;
use crate::event::Recorded;
use crate::store::{Lifecycle, lifecycle_of};

/// What is known of a stream that was closed at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub(super) lifecycle: Lifecycle,
    /// The place of the event that says so.
    pub(super) at: Offset,
}

/// What has become of a stream; `None`: it was never closed.
pub(super) fn state(store: &LogStore, stream: &str) -> Result<Option<State>> {
    let Some(closed) = newest(store, (CLOSED_TAG, stream))? else {
        return Ok(None);
    };
    let opened = newest(store, (OPENED_TAG, stream))?;
    let newest = match opened {
        Some(opened) if opened.position > closed.position => opened,
        _ => closed,
    };
    Ok(Some(State {
        lifecycle: lifecycle_of(&newest).unwrap_or(Lifecycle::Deleted),
        at: Offset(newest.position.0),
    }))
}

/// The newest event with a tag of the store's own; there are few.
pub(super) fn newest(store: &LogStore, (begin, name): OwnTag<'_>) -> Result<Option<Recorded>> {
    let item = QueryItem {
        types: Vec::new(),
        tags: vec![[begin, name].concat()],
    };
    let query = Query { items: vec![item] };
    let topic = &store.of.topic;
    let mut last = None;
    store
        .log
        .for_each_match(topic, &query, Offset(0), usize::MAX, |_, record| {
            last = Some(decode(&record, None));
        })?;
    Ok(last)
}
