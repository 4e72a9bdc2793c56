//! Decides over appends, one after the other, from what was looked up and from what those before it have changed. Pure.

use bytes::Bytes;
use headwater_log::{Query, Version};

use super::facts::{Facts, Tagged};
use super::names::{self, closed_tag, id_tag, key_tag, opened_tag};
use super::rows::Rows;
use crate::error::{Conflict, Error, Result};
use crate::event::Position;
use crate::store::{Append, Appended, Condition, Expected, Filter, Lifecycle, Write};

/// What becomes of an append.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is stored when what was decided is committed.
    Stored(Appended),
    /// It has happened before; its last event is there, or waits for its position.
    Repeated(Option<Position>),
    /// It does not happen.
    Refused(Error),
    /// Somebody else has what it needs: it is decided again later.
    Busy,
}

/// Decides over appends.
#[derive(Debug)]
pub(super) struct Decision {
    facts: Facts,
    /// Where the first event of this decision will be; `None`: it will be known later.
    end: Option<Position>,
    /// What is to be written.
    pub(super) rows: Rows,
    /// The newest age of a tag.
    age: usize,
}

impl Decision {
    pub(super) fn new(facts: Facts, end: Option<Position>) -> Self {
        let age = facts.tagged.values().map(|t| t.age).max();
        Self {
            facts,
            end,
            rows: Rows::default(),
            age: age.unwrap_or_default(),
        }
    }

    /// Decides over the `nth` append.
    pub(super) fn decide(&mut self, nth: usize, append: &Append) -> Verdict {
        if self.facts.is_busy(&names::of(append)) {
            return Verdict::Busy;
        }
        match self.repeated(append) {
            Ok(Some(position)) => return Verdict::Repeated(position),
            Ok(None) => {}
            Err(error) => return Verdict::Refused(error),
        }
        match self.check(nth, append) {
            Ok(()) => Verdict::Stored(self.put(append)),
            Err(error) => Verdict::Refused(error),
        }
    }

    /// The place of the last event, if this append has happened before.
    fn repeated(&self, append: &Append) -> Result<Option<Option<Position>>> {
        if let Some(key) = &append.key
            && let Some(event) = self.facts.tagged.get(&key_tag(key))
        {
            return Ok(Some(event.position));
        }
        let (mut last, mut missing): (Option<(&str, &Tagged)>, bool) = (None, false);
        for write in &append.writes {
            for id in write.events.iter().filter_map(|e| e.id.as_deref()) {
                match self.facts.tagged.get(&id_tag(id)) {
                    None => missing = true,
                    Some(event) if event.stream != write.stream => return Err(taken(id, event)),
                    Some(event) => last = Some((id, event)),
                }
            }
        }
        match last {
            Some((id, event)) if missing => Err(taken(id, event)),
            Some((_, event)) => Ok(Some(event.position)),
            None => Ok(None),
        }
    }

    fn check(&self, nth: usize, append: &Append) -> Result<()> {
        for write in append.writes.iter().filter(|w| w.count() > 0) {
            self.check_lifecycle(write)?;
        }
        for write in &append.writes {
            self.check_version(write)?;
        }
        for (at, condition) in append.conditions.iter().enumerate() {
            match condition {
                Condition::NoneSince { query, from } => {
                    let found = self.facts.found.get(nth).and_then(|f| f.get(at));
                    self.check_query(query, *from, found.copied().flatten())?;
                }
                Condition::Position { owner, expected } => self.check_owner(owner, expected)?,
            }
        }
        Ok(())
    }

    fn check_lifecycle(&self, write: &Write) -> Result<()> {
        let stream = write.stream.clone();
        let closed = |deleted| Err(Error::conflict_of(Conflict::Closed { stream, deleted }));
        match (self.lifecycle(&write.stream), write.lifecycle) {
            (Lifecycle::Deleted, _) => closed(true),
            (Lifecycle::Archived, Some(Lifecycle::Open)) => Ok(()),
            (Lifecycle::Archived, _) => closed(false),
            (Lifecycle::Open, Some(Lifecycle::Open)) => Err(Error::invalid(format!(
                "stream {:?} is not archived",
                write.stream
            ))),
            (Lifecycle::Open, _) => Ok(()),
        }
    }

    fn lifecycle(&self, stream: &str) -> Lifecycle {
        let closed = self.facts.tagged.get(&closed_tag(stream));
        let opened = self.facts.tagged.get(&opened_tag(stream));
        let newest = [closed, opened].into_iter().flatten().max_by_key(|t| t.age);
        match newest {
            Some(newest) => newest.lifecycle.unwrap_or(Lifecycle::Deleted),
            None => Lifecycle::Open,
        }
    }

    fn check_version(&self, write: &Write) -> Result<()> {
        let actual = self.head(&write.stream).checked_sub(1).map(Version);
        let holds = match write.expected {
            Expected::Any => true,
            Expected::NoStream => actual.is_none(),
            Expected::Exists => actual.is_some(),
            Expected::Exact(version) => actual == Some(version),
        };
        match holds {
            true => Ok(()),
            false => Err(Error::conflict_of(Conflict::Version {
                stream: write.stream.clone(),
                expected: write.expected,
                actual,
            })),
        }
    }

    fn head(&self, stream: &str) -> u64 {
        self.facts.heads.get(stream).copied().unwrap_or_default()
    }

    /// Whether nothing matches, neither what was there nor what those before it add.
    fn check_query(&self, query: &Query, from: Position, found: Option<Position>) -> Result<()> {
        let found = found.or_else(|| self.matching_row(query, from));
        match found {
            Some(found) => Err(Error::conflict_of(Conflict::Query { found })),
            None => Ok(()),
        }
    }

    /// An event of those before it that matches.
    fn matching_row(&self, query: &Query, from: Position) -> Option<Position> {
        if query.items.is_empty() {
            return None;
        }
        let (filter, rows, first) = (Filter::query(query.clone()), &self.rows, self.end?.0);
        let matches = |place: &usize| {
            let tags = rows.tags_of(*place).iter().map(String::as_str);
            filter.matches(&rows.streams[*place], &rows.types[*place], tags)
        };
        let since = usize::try_from(from.0.saturating_sub(first)).unwrap_or(usize::MAX);
        let place = (since.min(rows.len())..rows.len()).find(matches)?;
        Some(Position(first + place as u64))
    }

    fn check_owner(&self, owner: &str, expected: &Option<Bytes>) -> Result<()> {
        let actual = match self.rows.positions.get(owner) {
            Some(set) => set.as_ref(),
            None => self.facts.owners.get(owner),
        };
        match actual == expected.as_ref() {
            true => Ok(()),
            false => Err(Error::conflict_of(Conflict::Position {
                owner: owner.to_owned(),
                actual: actual.cloned(),
            })),
        }
    }

    /// Adds an append that happens to what is written, and to what those after it are decided from.
    fn put(&mut self, append: &Append) -> Appended {
        let before = self.rows.len();
        let mut versions = Vec::with_capacity(append.writes.len());
        for write in &append.writes {
            let head = self.head(&write.stream);
            self.rows.put(write, head);
            let head = head + write.count() as u64;
            versions.push((write.count() > 0).then(|| Version(head - 1)));
        }
        if let Some(key) = &append.key {
            self.rows.put_key(key);
        }
        self.rows.positions.extend(append.positions.iter().cloned());
        self.note(append, before);
        let has_events = self.rows.len() > before;
        let last = (self.rows.len() as u64).saturating_sub(1);
        Appended {
            position: self
                .end
                .filter(|_| has_events)
                .map(|end| Position(end.0 + last)),
            versions,
            repeated: false,
        }
    }

    fn note(&mut self, append: &Append, before: usize) {
        let mut place = before as u64;
        for write in append.writes.iter().filter(|w| w.count() > 0) {
            *self.facts.heads.entry(write.stream.clone()).or_default() += write.count() as u64;
            for event in &write.events {
                if let Some(id) = &event.id {
                    self.note_tag(id_tag(id), &write.stream, place, None);
                }
                place += 1;
            }
            if let Some(lifecycle) = write.lifecycle {
                let tag = match lifecycle {
                    Lifecycle::Open => opened_tag(&write.stream),
                    _ => closed_tag(&write.stream),
                };
                self.note_tag(tag, &write.stream, place, Some(lifecycle));
                place += 1;
            }
        }
        if let (Some(key), Some(write)) = (&append.key, append.writes.last()) {
            self.note_tag(key_tag(key), &write.stream, place - 1, None);
        }
    }

    fn note_tag(&mut self, tag: String, stream: &str, place: u64, lifecycle: Option<Lifecycle>) {
        self.age += 1;
        let tagged = Tagged {
            position: self.end.map(|end| Position(end.0 + place)),
            stream: stream.to_owned(),
            lifecycle,
            age: self.age,
        };
        self.facts.tagged.insert(tag, tagged);
    }
}

fn taken(id: &str, event: &Tagged) -> Error {
    match event.position {
        Some(found) => Error::conflict_of(Conflict::Id {
            id: id.to_owned(),
            found,
        }),
        None => Error::new(
            crate::ErrorKind::Conflict,
            format!("event {id:?} is stored already, as part of another append"),
        ),
    }
}
