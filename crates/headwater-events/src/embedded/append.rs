//! Appending: an append becomes one commit of the log, and a conflict is looked at more closely, for it may be that the
//! same append has happened before, or that a stream was closed and opened again.

use std::collections::BTreeMap;

use headwater_log::{
    ConflictDetail, ExpectedVersion, HeaderBuf, KeyedCommit, Offset, Receipt, Version,
};

use super::lifecycle::{self, newest};
use super::log_store::{LogStore, bug};
use super::record::{CLOSED_TAG, ID_TAG, KEY_TAG, OPENED_TAG, OwnTag, put_headers};
use crate::error::{Conflict, Error, Result};
use crate::event::{Position, Recorded};
use crate::store::{Append, Appended, Condition, Expected, Lifecycle, Write};

/// Streams that were closed and are open again, with the place from which they must not have been closed once more.
type Reopened = BTreeMap<String, Offset>;

/// What a conflict turned out to be.
enum Outcome {
    Repeated(Appended),
    Reopened(String, Offset),
}

pub(super) async fn append(store: &LogStore, append: Append) -> Result<Appended> {
    append.check()?;
    let mut reopened = Reopened::new();
    for write in &append.writes {
        if write.lifecycle == Some(Lifecycle::Open) {
            reopened.insert(write.stream.clone(), archived(store, &write.stream)?);
        }
    }
    loop {
        let pending = commit(store, &append, &reopened)?.submit();
        let error = match pending.await {
            Ok(receipt) => return Ok(appended(&append, &receipt)),
            Err(error) => error,
        };
        match resolve(store, &append, error, &reopened)? {
            Outcome::Repeated(appended) => return Ok(appended),
            Outcome::Reopened(stream, from) => reopened.insert(stream, from),
        };
    }
}

/// The place behind the event that archived a stream which is to be opened again.
fn archived(store: &LogStore, stream: &str) -> Result<Offset> {
    match lifecycle::state(store, stream)? {
        Some(state) if state.lifecycle == Lifecycle::Archived => Ok(Offset(state.at.0 + 1)),
        Some(state) if state.lifecycle == Lifecycle::Deleted => Err(closed(stream, true)),
        _ => Err(Error::invalid(format!("stream {stream:?} is not archived"))),
    }
}

fn closed(stream: &str, deleted: bool) -> Error {
    Error::conflict_of(Conflict::Closed {
        stream: stream.to_owned(),
        deleted,
    })
}

/// Bytes that an event takes besides its data, as a rule.
const EVENT_BYTES: usize = 100;

/// The commit that an append is. What would make it a repetition is asked first.
fn commit<'a>(
    store: &'a LogStore,
    append: &Append,
    reopened: &Reopened,
) -> Result<KeyedCommit<'a>> {
    let events = append.writes.iter().flat_map(|write| &write.events);
    let bytes = events.map(|event| EVENT_BYTES + event.data.len()).sum();
    let mut commit = store.log.keyed_commit(&store.of.topic, bytes)?;
    if let Some(key) = &append.key {
        none_tagged(&mut commit, (KEY_TAG, key));
    }
    let last = append.writes.iter().rposition(|write| write.count() > 0);
    let mut headers = HeaderBuf::default();
    for (number, write) in append.writes.iter().enumerate() {
        let key = append.key.as_deref().filter(|_| last == Some(number));
        guard(&mut commit, write, reopened);
        put_events(&mut commit, &mut headers, write, key)?;
    }
    append.conditions.iter().for_each(|c| add(&mut commit, c));
    for (owner, value) in &append.positions {
        commit.position(owner.as_str(), value.clone());
    }
    Ok(commit)
}

fn none_tagged(commit: &mut KeyedCommit<'_>, (begin, name): OwnTag<'_>) {
    commit.none_tagged(&[begin.as_bytes(), name.as_bytes()]);
}

/// Makes a commit depend on what a write expects of its stream, and on none of its events being there.
fn guard(commit: &mut KeyedCommit<'_>, write: &Write, reopened: &Reopened) {
    for id in write.events.iter().filter_map(|event| event.id.as_deref()) {
        none_tagged(commit, (ID_TAG, id));
    }
    if write.count() > 0 {
        match reopened.get(&write.stream) {
            // What was closed has an event: a stream that must have none is not.
            None if write.expected == Expected::NoStream => {}
            None => none_tagged(commit, (CLOSED_TAG, &write.stream)),
            Some(from) => {
                let tag = [CLOSED_TAG.as_bytes(), write.stream.as_bytes()];
                commit.none_tagged_since(&tag, *from);
            }
        }
    }
    if let Some(expected) = expected_of(write.expected) {
        commit.expect(write.stream.as_bytes(), expected);
    }
}

/// Adds the events of a write; the last of them gets the `key` of the append.
fn put_events(
    commit: &mut KeyedCommit<'_>,
    headers: &mut HeaderBuf,
    write: &Write,
    key: Option<&str>,
) -> Result<()> {
    let end = write.lifecycle_event();
    let mut events = write.events.iter().chain(&end).peekable();
    while let Some(event) = events.next() {
        let of_end = match write.lifecycle {
            Some(Lifecycle::Open) => OPENED_TAG,
            _ => CLOSED_TAG,
        };
        let is_last = events.peek().is_none();
        let end_tag = end.as_ref().filter(|_| is_last);
        let end_tag = end_tag.map(|_| (of_end, write.stream.as_str()));
        let key_tag = key.filter(|_| is_last).map(|key| (KEY_TAG, key));
        headers.clear();
        put_headers(headers, event, end_tag.into_iter().chain(key_tag));
        commit.push(write.stream.as_bytes(), &event.data, headers)?;
    }
    Ok(())
}

fn expected_of(expected: Expected) -> Option<ExpectedVersion> {
    Some(match expected {
        Expected::Any => return None,
        Expected::NoStream => ExpectedVersion::NoStream,
        Expected::Exists => ExpectedVersion::Exists,
        Expected::Exact(version) => ExpectedVersion::Exact(version),
    })
}

fn add(commit: &mut KeyedCommit<'_>, condition: &Condition) {
    match condition {
        Condition::NoneSince { query, from } => commit.none_since(query, Offset(from.0)),
        Condition::Position { owner, expected } => {
            commit.expect_position(owner.as_str(), expected.clone());
        }
    }
}

/// Where the events of a durable append are.
fn appended(append: &Append, receipt: &Receipt) -> Appended {
    let first = receipt.offsets.first().map(|offset| offset.0);
    let events = append.writes.iter().map(Write::count).sum::<usize>() as u64;
    let mut versions = receipt.versions.iter().copied();
    let version = |write: &Write| match write.count() {
        0 => None,
        _ => versions.next(),
    };
    Appended {
        versions: append.writes.iter().map(version).collect(),
        position: first.map(|first| Position(first + events - 1)),
        repeated: false,
    }
}

/// The version that a write's stream had before `end`.
fn version_before(store: &LogStore, write: &Write, end: Offset) -> Result<Option<Version>> {
    let stream = write.stream.as_bytes();
    Ok(store.log.key_version_before(&store.of, stream, end)?)
}

/// Looks at a conflict more closely.
fn resolve(
    store: &LogStore,
    append: &Append,
    error: headwater_log::Error,
    reopened: &Reopened,
) -> Result<Outcome> {
    let found = match error.conflict() {
        Some(ConflictDetail::NoneSince { found, .. }) => *found,
        Some(other) => return Err(closed_or(store, append, conflict(other, append))?),
        None => return Err(error.into()),
    };
    if let Some(repeated) = repeated(store, append)? {
        return Ok(Outcome::Repeated(repeated));
    }
    for write in append.writes.iter().filter(|w| w.count() > 0) {
        let Some(state) = lifecycle::state(store, &write.stream)? else {
            continue;
        };
        let from = Offset(state.at.0 + 1);
        match state.lifecycle {
            Lifecycle::Open if reopened.get(&write.stream) == Some(&from) => {}
            Lifecycle::Open => return Ok(Outcome::Reopened(write.stream.clone(), from)),
            Lifecycle::Archived if reopened.get(&write.stream) == Some(&from) => {}
            Lifecycle::Archived => return Err(closed(&write.stream, false)),
            Lifecycle::Deleted => return Err(closed(&write.stream, true)),
        }
    }
    let found = Position(found.0);
    Err(Error::conflict_of(Conflict::Query { found }))
}

/// What is wrong with an append whose version did not hold: that the stream is closed, if it is.
fn closed_or(store: &LogStore, append: &Append, conflict: Error) -> Result<Error> {
    let Some(Conflict::Version { stream, .. }) = conflict.conflict() else {
        return Ok(conflict);
    };
    let write = append.writes.iter().find(|w| w.stream == *stream);
    let is_asked = write.is_some_and(|w| w.count() > 0 && w.expected == Expected::NoStream);
    let state = match is_asked {
        true => lifecycle::state(store, stream)?,
        false => None,
    };
    Ok(match state.map(|state| state.lifecycle) {
        None | Some(Lifecycle::Open) => conflict,
        Some(lifecycle) => closed(stream, lifecycle == Lifecycle::Deleted),
    })
}

/// A conflict in the words of the store.
fn conflict(detail: &ConflictDetail, append: &Append) -> Error {
    Error::conflict_of(match detail {
        ConflictDetail::Version { key, actual, .. } => {
            let stream = String::from_utf8_lossy(key).into_owned();
            let write = append.writes.iter().find(|w| w.stream == stream);
            Conflict::Version {
                expected: write.map_or(Expected::Any, |w| w.expected),
                actual: *actual,
                stream,
            }
        }
        ConflictDetail::Position { owner, actual } => Conflict::Position {
            owner: owner.clone(),
            actual: actual.clone(),
        },
        ConflictDetail::NoneSince { found, .. } => Conflict::Query {
            found: Position(found.0),
        },
        _ => return bug("conflict of an unknown kind"),
    })
}

/// Where the events are, if this append has happened before.
fn repeated(store: &LogStore, append: &Append) -> Result<Option<Appended>> {
    if let Some(key) = &append.key
        && let Some(event) = newest(store, (KEY_TAG, key))?
    {
        return at(store, append, event.position).map(Some);
    }
    let (mut last, mut missing, mut taken) = (None, false, None);
    for write in &append.writes {
        for id in write.events.iter().filter_map(|e| e.id.as_ref()) {
            match newest(store, (ID_TAG, id))? {
                None => missing = true,
                Some(event) if event.stream != write.stream => return Err(id_taken(id, &event)),
                Some(event) => {
                    last = last.max(Some(event.position));
                    taken = Some(id_taken(id, &event));
                }
            }
        }
    }
    match (last, taken) {
        (Some(_), Some(error)) if missing => Err(error),
        (Some(last), _) => at(store, append, last).map(Some),
        (None, _) => Ok(None),
    }
}

fn id_taken(id: &str, event: &Recorded) -> Error {
    Error::conflict_of(Conflict::Id {
        id: id.to_owned(),
        found: event.position,
    })
}

/// The answer to an append whose last event is at `position`.
fn at(store: &LogStore, append: &Append, position: Position) -> Result<Appended> {
    let end = Offset(position.next().0);
    let version = |write: &Write| match write.count() {
        0 => Ok(None),
        _ => version_before(store, write, end),
    };
    let versions: Result<Vec<_>> = append.writes.iter().map(version).collect();
    Ok(Appended {
        position: Some(position),
        versions: versions?,
        repeated: true,
    })
}
