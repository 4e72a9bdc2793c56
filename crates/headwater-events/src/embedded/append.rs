//! Appending: an append becomes one commit of the log, and a conflict is looked at more closely, for it may be that the
//! same append has happened before, or that a stream was closed and opened again.

use std::collections::BTreeMap;

use bytes::Bytes;
use headwater_log::{
    Commit, Condition as LogCondition, ConflictDetail, ExpectedVersion, Offset, Receipt, Record,
    Version,
};

use super::lifecycle::{self, newest, tagged};
use super::log_store::{LogStore, bug};
use super::record::{closed_tag, encode, id_tag, key_tag, opened_tag};
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
        let commit = commit(store, &append, &reopened);
        let error = match store.log.submit(commit).await {
            Ok(receipt) => return appended(store, &append, &receipt),
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

/// The commit that an append is. What would make it a repetition is asked first.
fn commit(store: &LogStore, append: &Append, reopened: &Reopened) -> Commit {
    let mut conditions = Vec::with_capacity(1 + append.writes.len());
    let mut guard: Vec<String> = append.key.iter().map(|key| key_tag(key)).collect();
    let mut records = Vec::with_capacity(append.writes.iter().map(Write::count).sum());
    for write in &append.writes {
        guard.extend(
            write
                .events
                .iter()
                .filter_map(|e| e.id.as_deref())
                .map(id_tag),
        );
        if write.count() > 0 {
            match reopened.get(&write.stream) {
                // What was closed has an event: a stream that must have none is not.
                None if write.expected == Expected::NoStream => {}
                None => guard.push(closed_tag(&write.stream)),
                Some(from) => {
                    conditions.push(none_since(store, vec![closed_tag(&write.stream)], *from));
                }
            }
        }
        let key = Bytes::copy_from_slice(write.stream.as_bytes());
        if let Some(expected) = expected_of(write.expected) {
            conditions.push(LogCondition::Version {
                of: store.of.clone(),
                key: key.clone(),
                expected,
            });
        }
        put_records(&mut records, &key, write);
    }
    if let (Some(key), Some(last)) = (&append.key, records.last_mut()) {
        last.headers.push(headwater_log::Header {
            key: "tag".to_owned(),
            value: Some(key_tag(key).into()),
        });
    }
    if !guard.is_empty() {
        conditions.insert(0, none_since(store, guard, Offset(0)));
    }
    conditions.extend(append.conditions.iter().map(|c| condition(store, c)));
    let mut commit = Commit {
        conditions,
        positions: append.positions.clone(),
        ..Commit::default()
    };
    if !records.is_empty() {
        commit = commit.append(store.of.clone(), records);
    }
    commit
}

fn put_records(records: &mut Vec<Record>, key: &Bytes, write: &Write) {
    records.extend(write.events.iter().map(|event| encode(key, event, &[])));
    if let Some(event) = write.lifecycle_event() {
        let tag = match write.lifecycle {
            Some(Lifecycle::Open) => opened_tag(&write.stream),
            _ => closed_tag(&write.stream),
        };
        records.push(encode(key, &event, &[tag]));
    }
}

fn none_since(store: &LogStore, tags: Vec<String>, after: Offset) -> LogCondition {
    LogCondition::NoneSince {
        topic: store.of.topic.clone(),
        query: tagged(tags),
        after,
    }
}

fn expected_of(expected: Expected) -> Option<ExpectedVersion> {
    Some(match expected {
        Expected::Any => return None,
        Expected::NoStream => ExpectedVersion::NoStream,
        Expected::Exists => ExpectedVersion::Exists,
        Expected::Exact(version) => ExpectedVersion::Exact(version),
    })
}

fn condition(store: &LogStore, condition: &Condition) -> LogCondition {
    match condition {
        Condition::NoneSince { query, from } => LogCondition::NoneSince {
            topic: store.of.topic.clone(),
            query: query.clone(),
            after: Offset(from.0),
        },
        Condition::Position { owner, expected } => LogCondition::Position {
            owner: owner.clone(),
            expected: expected.clone(),
        },
    }
}

/// Where the events of a durable append are.
fn appended(store: &LogStore, append: &Append, receipt: &Receipt) -> Result<Appended> {
    let first = receipt.offsets.first().map_or(0, |offset| offset.0);
    let mut end = first;
    let mut versions = Vec::with_capacity(append.writes.len());
    for write in &append.writes {
        let count = write.count() as u64;
        end += count;
        versions.push(match write.expected {
            _ if count == 0 => None,
            Expected::NoStream => Some(Version(count - 1)),
            Expected::Exact(before) => Some(Version(before.0 + count)),
            Expected::Any | Expected::Exists => version_before(store, write, Offset(end))?,
        });
    }
    Ok(Appended {
        position: (end > first).then(|| Position(end - 1)),
        versions,
        repeated: false,
    })
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
        && let Some(event) = newest(store, key_tag(key))?
    {
        return at(store, append, event.position).map(Some);
    }
    let (mut last, mut missing, mut taken) = (None, false, None);
    for write in &append.writes {
        for id in write.events.iter().filter_map(|e| e.id.as_ref()) {
            match newest(store, id_tag(id))? {
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
