//! Reading one stream by the key index, and all events by the index of types and tags or by going through the batches.

use std::ops::{ControlFlow, Range};

use headwater_log::{Direction, KeyedRef, Offset, ReadKey, Timestamp, Version};

use super::lifecycle;
use super::log_store::LogStore;
use super::record::{Face, blank, decode, decode_into, text};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Position, Recorded};
use crate::store::{Filter, Lifecycle, Page, ReadAll, ReadStream, Until, Visitor};

/// Bytes of batches that are fetched at a time.
const FETCH_BYTES: usize = 1 << 20;
/// How many events are gone through in the time in which one is looked up.
const LOOK_UP_COST: u64 = 8;
/// Bytes that are gone through for one page, however few events are found.
const SCAN_BYTES: usize = 16 << 20;

/// The events of one stream.
pub(super) fn stream(store: &LogStore, read: &ReadStream) -> Result<Vec<Recorded>> {
    let mut events = Vec::new();
    each(store, read, |f| {
        events.push(decode(&f.record, Some(f.version)));
        ControlFlow::Continue(())
    })?;
    Ok(events)
}

/// Hands out the events of one stream, one after the other, in the memory of one.
pub(super) fn for_each(store: &LogStore, read: &ReadStream, f: Visitor<'_>) -> Result<()> {
    let mut event = blank();
    each(store, read, |keyed| {
        decode_into(&mut event, &keyed.record, Some(keyed.version));
        f(&event)
    })
}

/// The records of one stream.
fn each(
    store: &LogStore,
    read: &ReadStream,
    f: impl FnMut(KeyedRef<'_>) -> ControlFlow<()>,
) -> Result<()> {
    let state = lifecycle::state(store, &read.stream)?;
    if state.is_some_and(|state| state.lifecycle == Lifecycle::Deleted) {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("stream {:?} was deleted", read.stream),
        ));
    }
    let last = match read.until {
        None => return by_key(store, read, (read.from, read.limit), f),
        Some(Until::Version(last)) => Some(last),
        Some(Until::Time(time)) => last_before(store, read, time)?,
    };
    match last {
        Some(last) => by_key(store, read, up_to(read, last), f),
        None => Ok(()),
    }
}

/// Where to begin and how many to read if `last` is the last version.
fn up_to(read: &ReadStream, last: Version) -> (Option<Version>, usize) {
    match read.direction {
        Direction::Backward => {
            let from = read.from.map_or(last, |from| from.min(last));
            (Some(from), read.limit)
        }
        Direction::Forward => {
            let from = read.from.unwrap_or(Version(0));
            let count = (last.0 + 1).saturating_sub(from.0);
            let limit = read.limit.min(usize::try_from(count).unwrap_or(usize::MAX));
            (Some(from), limit)
        }
    }
}

fn by_key(
    store: &LogStore,
    read: &ReadStream,
    (from, limit): (Option<Version>, usize),
    f: impl FnMut(KeyedRef<'_>) -> ControlFlow<()>,
) -> Result<()> {
    let by_key = ReadKey {
        direction: read.direction,
        from,
        until: None,
        limit,
    };
    let stream = read.stream.as_bytes();
    Ok(store.log.for_each_of_key(&store.of, stream, by_key, f)?)
}

/// The version before the first event that was stored later than `time`. Times need not ascend, for clocks are set back.
fn last_before(store: &LogStore, read: &ReadStream, time: Timestamp) -> Result<Option<Version>> {
    let mut last = None;
    let (stream, all) = (read.stream.as_bytes(), ReadKey::default());
    store.log.for_each_of_key(&store.of, stream, all, |f| {
        if f.record.timestamp > time {
            return ControlFlow::Break(());
        }
        last = Some(f.version);
        ControlFlow::Continue(())
    })?;
    Ok(last)
}

/// A page of all events.
pub(super) fn all(store: &LogStore, read: &ReadAll) -> Result<Page> {
    let bounds = store.log.bounds(&store.of)?;
    let from = Offset(read.from.0).max(bounds.start);
    let mut page = Page {
        events: Vec::new(),
        next: Position(from.0),
        end: Position(bounds.end.0),
    };
    if read.limit == 0 || from >= bounds.end {
        return Ok(page);
    }
    match is_rare(store, &read.filter, from..bounds.end)? {
        true => by_index(store, &read.filter, read.limit, from, &mut page)?,
        false => scan(store, &read.filter, read.limit, from, &mut page)?,
    }
    page.end = page.end.max(page.next);
    Ok(page)
}

/// Whether an index finds what a filter wants in fewer steps than going through all events takes.
fn is_rare(store: &LogStore, filter: &Filter, events: Range<Offset>) -> Result<bool> {
    if !filter.is_indexed() {
        return Ok(false);
    }
    let topic = &store.of.topic;
    let matching = store.log.estimate(topic, &filter.query, events.start)?;
    Ok(matching.saturating_mul(LOOK_UP_COST) <= events.end.0 - events.start.0)
}

fn by_index(
    store: &LogStore,
    filter: &Filter,
    limit: usize,
    from: Offset,
    page: &mut Page,
) -> Result<()> {
    let Filter { query, .. } = filter;
    let (log, topic) = (&store.log, &store.of.topic);
    let (offsets, next) = store.ahead.page(log, topic, query, from, limit)?;
    log.for_each_at(&store.of, &offsets, |_, record| {
        if filter.wants_stream(record.key.map_or("", text)) {
            page.events.push(decode(&record, None));
        }
    })?;
    page.next = Position(next.0);
    Ok(())
}

/// Goes through the batches; what the filter does not want is not copied.
fn scan(
    store: &LogStore,
    filter: &Filter,
    limit: usize,
    from: Offset,
    page: &mut Page,
) -> Result<()> {
    let mut next = from;
    let mut scanned = 0;
    while next.0 < page.end.0 && scanned < SCAN_BYTES {
        let fetched = store.log.fetch(&store.of, next, FETCH_BYTES)?;
        if fetched.batches.is_empty() {
            break;
        }
        for batch in &fetched.batches {
            scanned += batch.bytes().len();
            for record in batch.open()?.records() {
                let record = record?;
                let stream = record.key.map_or("", text);
                if record.offset < next || !filter.wants_stream(stream) {
                    continue;
                }
                let face = Face::of(&record);
                if filter.matches(face.stream, face.kind, face.tags.iter().copied()) {
                    if page.events.len() == limit {
                        page.next = Position(record.offset.0);
                        return Ok(());
                    }
                    page.events.push(decode(&record, None));
                }
            }
            next = next.max(batch.next_offset());
        }
    }
    page.next = Position(next.0);
    Ok(())
}
