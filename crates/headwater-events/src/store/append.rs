//! What is asked of a store when events are appended, and what it answers.

use std::fmt;

use bytes::Bytes;
use headwater_log::{Query, Version};

use crate::error::{Error, Result};
use crate::event::{CLOSED, Id, NewEvent, OPENED, Position};

/// The version that a stream must have for an append to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expected {
    /// Any, none included.
    #[default]
    Any,
    /// The stream has no events.
    NoStream,
    /// The stream has events.
    Exists,
    /// The stream's newest event has this version.
    Exact(Version),
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::NoStream => f.write_str("none"),
            Self::Exists => f.write_str("at least one event"),
            Self::Exact(version) => write!(f, "version {}", version.0),
        }
    }
}

/// What becomes of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lifecycle {
    /// It takes no events until it is opened again; it can be read.
    Archived,
    /// It takes no events ever again, and cannot be read by name.
    Deleted,
    /// It takes events again.
    Open,
}

/// Events for one stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Write {
    /// The stream, such as `account-7`.
    pub stream: String,
    /// The version that it must have.
    pub expected: Expected,
    /// The events, in order; none: only the version is checked.
    pub events: Vec<NewEvent>,
    /// What becomes of the stream after the events.
    pub lifecycle: Option<Lifecycle>,
}

/// What else must hold for an append to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// No event at or after `from` matches the query: a dynamic consistency boundary.
    NoneSince {
        /// What must not have come.
        query: Query,
        /// The place up to which the decision has seen everything.
        from: Position,
    },
    /// The position of `owner` is still this.
    Position {
        /// Whose position.
        owner: String,
        /// `None`: it has none.
        expected: Option<Bytes>,
    },
}

/// An atomic, conditional append.
///
/// ```
/// use headwater_events::{Append, Expected, NewEvent};
/// let transfer = Append::new()
///     .to("account-1", Expected::Exists, [NewEvent::new("withdrawn", r#"{"amount":5}"#)])
///     .to("account-2", Expected::Exists, [NewEvent::new("deposited", r#"{"amount":5}"#)]);
/// assert_eq!(transfer.writes.len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Append {
    /// What is written to which stream, each stream once.
    pub writes: Vec<Write>,
    /// What else must hold.
    pub conditions: Vec<Condition>,
    /// Positions to store with the events: owner and value; `None` removes it.
    pub positions: Vec<(String, Option<Bytes>)>,
    /// Names the append: one of the same key happens once.
    pub key: Option<Id>,
}

/// Where appended events are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The place of the last event; `None` if the append had none.
    pub position: Option<Position>,
    /// For each write the version of its last event; `None` if it had no events.
    pub versions: Vec<Option<Version>>,
    /// Whether they were stored before, by an append with the same ids or key.
    pub repeated: bool,
}

impl Append {
    /// An append of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds events for a stream.
    #[must_use]
    pub fn to(
        mut self,
        stream: impl Into<String>,
        expected: Expected,
        events: impl IntoIterator<Item = NewEvent>,
    ) -> Self {
        self.writes.push(Write {
            stream: stream.into(),
            expected,
            events: events.into_iter().collect(),
            lifecycle: None,
        });
        self
    }

    /// Adds a condition.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Stores a position with the events.
    #[must_use]
    pub fn position(mut self, owner: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.positions.push((owner.into(), Some(value.into())));
        self
    }

    /// Names the append: see [`key`](Self::key).
    #[must_use]
    pub fn key(mut self, key: impl Into<Id>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// # Errors
    /// `Invalid` if it has events of the store's own types, which users cannot append.
    pub(crate) fn check_types(&self) -> Result<()> {
        let mut events = self.writes.iter().flat_map(|w| &w.events);
        match events.find(|e| e.is_system()) {
            Some(own) => Err(
                Error::invalid(format!("event type {:?} is reserved", own.kind))
                    .with_hint("types that begin with $ are the store's own"),
            ),
            None => Ok(()),
        }
    }

    /// # Errors
    /// `Invalid` if it cannot be appended, whatever is stored.
    pub(crate) fn check(&self) -> Result<()> {
        for (at, write) in self.writes.iter().enumerate() {
            crate::event::name("stream", &write.stream)?;
            if self.writes[..at].iter().any(|w| w.stream == write.stream) {
                return Err(Error::invalid(format!(
                    "stream {:?} is written twice in one append",
                    write.stream
                )));
            }
            write.events.iter().try_for_each(NewEvent::check)?;
        }
        let has_events = self.writes.iter().any(|w| w.count() > 0);
        if self.key.is_some() && !has_events {
            return Err(Error::invalid("an append with a key has events"));
        }
        if !has_events && self.positions.is_empty() {
            return Err(Error::invalid("append of nothing"));
        }
        match &self.key {
            Some(key) => crate::event::name("key", key),
            None => Ok(()),
        }
    }
}

impl Write {
    /// How many events it stores, that of the lifecycle included.
    pub(crate) fn count(&self) -> usize {
        self.events.len() + usize::from(self.lifecycle.is_some())
    }

    /// The event that says what becomes of the stream.
    pub(crate) fn lifecycle_event(&self) -> Option<NewEvent> {
        let lifecycle = self.lifecycle?;
        let (kind, data) = match lifecycle {
            Lifecycle::Archived => (CLOSED, r#"{"as":"archived"}"#),
            Lifecycle::Deleted => (CLOSED, r#"{"as":"deleted"}"#),
            Lifecycle::Open => (OPENED, "{}"),
        };
        Some(NewEvent::new(kind, data))
    }
}
