//! An event that is to be stored.

use bytes::Bytes;
use serde::Serialize;

use crate::error::{Error, Result};

/// The longest type, tag, id or stream name, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 512;
/// The most tags that an event may have.
const TAGS_MAX: usize = 64;

/// Type of the event that closes a stream.
pub(crate) const CLOSED: &str = "$closed";
/// Type of the event that opens an archived stream again.
pub(crate) const OPENED: &str = "$opened";

/// The id of an event or of a command: any short text, such as a UUID.
pub type Id = String;

/// An event that is to be stored.
///
/// ```
/// use headwater_events::NewEvent;
/// let event = NewEvent::json("order.placed", &serde_json::json!({"total": 12}))?
///     .tag("customer:7")
///     .id("8a7c2d1e");
/// assert_eq!(event.data, r#"{"total":12}"#);
/// # Ok::<(), headwater_events::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewEvent {
    /// What happened, such as `order.placed`.
    pub kind: String,
    /// The particulars: JSON.
    pub data: Bytes,
    /// The version of the shape of the data, from 1.
    pub schema: u32,
    /// Its id. With one it is stored once, however often it is appended; without, its position is its only id.
    pub id: Option<Id>,
    /// What it can be found by besides its type, such as `customer:7`.
    pub tags: Vec<String>,
    /// The conversation that it is part of.
    pub correlation: Option<Id>,
    /// The id of the event or command that caused it.
    pub causation: Option<Id>,
    /// What else is to be kept with it: a JSON object.
    pub metadata: Option<Bytes>,
}

impl NewEvent {
    /// An event with JSON that is written already.
    pub fn new(kind: impl Into<String>, data: impl Into<Bytes>) -> Self {
        Self {
            kind: kind.into(),
            data: data.into(),
            schema: 1,
            ..Self::default()
        }
    }

    /// An event with data that serde writes as JSON.
    ///
    /// # Errors
    /// `Invalid` if it cannot be written.
    pub fn json(kind: impl Into<String>, data: &impl Serialize) -> Result<Self> {
        let kind = kind.into();
        match serde_json::to_vec(data) {
            Ok(json) => Ok(Self::new(kind, json)),
            Err(error) => Err(
                Error::invalid(format!("event {kind:?} cannot be written as JSON"))
                    .with_source(error),
            ),
        }
    }

    /// Gives it an id: see [`id`](Self::id).
    #[must_use]
    pub fn id(mut self, id: impl Into<Id>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Names the conversation that it is part of.
    #[must_use]
    pub fn correlation(mut self, id: impl Into<Id>) -> Self {
        self.correlation = Some(id.into());
        self
    }

    /// Names what caused it.
    #[must_use]
    pub fn causation(mut self, id: impl Into<Id>) -> Self {
        self.causation = Some(id.into());
        self
    }

    /// Keeps a JSON object with it.
    #[must_use]
    pub fn metadata(mut self, json: impl Into<Bytes>) -> Self {
        self.metadata = Some(json.into());
        self
    }

    /// Whether its type is one of the store's own.
    pub(crate) fn is_system(&self) -> bool {
        self.kind.starts_with('$')
    }

    /// # Errors
    /// `Invalid` if it cannot be stored.
    pub(crate) fn check(&self) -> Result<()> {
        name("event type", &self.kind)?;
        if self.tags.len() > TAGS_MAX {
            return Err(Error::invalid(format!(
                "event {:?} has {} tags, more than {TAGS_MAX}",
                self.kind,
                self.tags.len()
            )));
        }
        for tag in &self.tags {
            name("tag", tag)?;
            if tag.starts_with('$') {
                return Err(Error::invalid(format!("tag {tag:?} is reserved"))
                    .with_hint("tags that begin with $ are the store's own"));
            }
        }
        for (what, id) in [
            ("id", &self.id),
            ("correlation id", &self.correlation),
            ("causation id", &self.causation),
        ] {
            if let Some(id) = id {
                name(what, id)?;
            }
        }
        self.check_json()
    }

    fn check_json(&self) -> Result<()> {
        let bad = |what: &str, source: serde_json::Error| {
            let message = format!("{what} of event {:?} is not JSON", self.kind);
            Error::invalid(message).with_source(source)
        };
        serde_json::from_slice::<serde::de::IgnoredAny>(&self.data).map_err(|e| bad("data", e))?;
        for bytes in [Some(&self.data), self.metadata.as_ref()]
            .into_iter()
            .flatten()
        {
            // Strings that are ignored are not looked at.
            if let Err(error) = std::str::from_utf8(bytes) {
                let message = format!("JSON of event {:?} is not UTF-8", self.kind);
                return Err(Error::invalid(message).with_source(error));
            }
        }
        if let Some(metadata) = &self.metadata {
            serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(metadata)
                .map_err(|e| bad("metadata", e))?;
        }
        Ok(())
    }
}

/// # Errors
/// `Invalid` if it cannot be the name of a `what`.
pub(crate) fn name(what: &str, name: &str) -> Result<()> {
    // Most names are ASCII, which need not be taken apart into characters.
    let is_plain = |name: &str| name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let is_printable = is_plain(name) || !name.chars().any(char::is_control);
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && is_printable {
        return Ok(());
    }
    let article = match what.starts_with(['a', 'e', 'i', 'o', 'u']) {
        true => "an",
        false => "a",
    };
    Err(
        Error::invalid(format!("{name:?} cannot be the name of {article} {what}")).with_hint(
            format!("a name has 1 to {NAME_BYTES_MAX} bytes and no control characters"),
        ),
    )
}
