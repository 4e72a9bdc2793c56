//! An event as a record of the log, and back; the table of headers stands in `docs/formats/events.md`.

use bytes::Bytes;
use headwater_log::{HeaderBuf, RecordRef, Timestamp, Version};

use crate::event::{NewEvent, Position, Recorded};

const TYPE: &str = "type";
const TAG: &str = "tag";
const ID: &str = "id";
const SCHEMA: &str = "schema";
const CORRELATION: &str = "correlation";
const CAUSATION: &str = "causation";
const METADATA: &str = "metadata";

/// What the store's own tags begin with.
pub(super) const ID_TAG: &str = "$id:";
pub(super) const KEY_TAG: &str = "$key:";
pub(super) const CLOSED_TAG: &str = "$closed:";
pub(super) const OPENED_TAG: &str = "$opened:";

/// A tag of the store's own: what it begins with, and whose it is.
pub(super) type OwnTag<'a> = (&'static str, &'a str);

/// The headers of an event, with tags of the store's own.
pub(super) fn put_headers<'a>(
    out: &mut HeaderBuf,
    event: &'a NewEvent,
    own_tags: impl Iterator<Item = OwnTag<'a>>,
) {
    let mut put = |key: &str, value: &str| out.put(key, &[value.as_bytes()]);
    put(TYPE, &event.kind);
    event.tags.iter().for_each(|tag| put(TAG, tag));
    let id_tag = event.id.as_deref().map(|id| (ID_TAG, id));
    for (begin, name) in own_tags.chain(id_tag) {
        out.put(TAG, &[begin.as_bytes(), name.as_bytes()]);
    }
    let mut put = |key: &str, value: &str| out.put(key, &[value.as_bytes()]);
    if let Some(id) = &event.id {
        put(ID, id);
    }
    if event.schema > 1 {
        put(SCHEMA, &event.schema.to_string());
    }
    if let Some(id) = &event.correlation {
        put(CORRELATION, id);
    }
    if let Some(id) = &event.causation {
        put(CAUSATION, id);
    }
    if let Some(metadata) = &event.metadata {
        out.put(METADATA, &[metadata]);
    }
}

/// What a filter looks at, borrowed from a record.
#[derive(Debug, Default)]
pub(super) struct Face<'a> {
    pub(super) stream: &'a str,
    pub(super) kind: &'a str,
    pub(super) tags: Vec<&'a str>,
}

impl<'a> Face<'a> {
    pub(super) fn of(record: &RecordRef<'a>) -> Self {
        let mut face = Self {
            stream: record.key.map_or("", text),
            ..Self::default()
        };
        for (key, value) in record.headers {
            match (key, value) {
                (TYPE, Some(value)) => face.kind = text(value),
                (TAG, Some(value)) => face.tags.push(text(value)),
                _ => {}
            }
        }
        face
    }
}

/// What others put into the topic may be no text; it is no event's name then.
pub(super) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("")
}

/// The event in a record.
pub(super) fn decode(record: &RecordRef<'_>, version: Option<Version>) -> Recorded {
    let mut event = blank();
    decode_into(&mut event, record, version);
    event
}

/// Makes `event` the one in a record. What it takes in memory is used again.
pub(super) fn decode_into(event: &mut Recorded, record: &RecordRef<'_>, version: Option<Version>) {
    event.position = Position(record.offset.0);
    event.version = version;
    event.recorded_at = record.timestamp;
    put(&mut event.stream, record.key.unwrap_or_default());
    event.data = match record.value {
        Some(value) => Bytes::copy_from_slice(value),
        None => Bytes::from_static(b"null"),
    };
    event.schema = 1;
    event.tags.clear();
    (event.id, event.correlation, event.causation, event.metadata) = (None, None, None, None);
    let mut kind: &[u8] = &[];
    for (key, value) in record.headers {
        match value {
            Some(value) if key == TYPE => kind = value,
            Some(value) => set(event, key, value),
            None => {}
        }
    }
    put(&mut event.kind, kind);
}

/// An event that is still to be made.
pub(super) fn blank() -> Recorded {
    Recorded {
        position: Position(0),
        version: None,
        recorded_at: Timestamp(0),
        stream: String::new(),
        kind: String::new(),
        data: Bytes::new(),
        schema: 1,
        id: None,
        tags: Vec::new(),
        correlation: None,
        causation: None,
        metadata: None,
    }
}

/// Makes a text what the bytes are. As a rule it is that already: events of one stream follow each other.
fn put(into: &mut String, bytes: &[u8]) {
    if into.as_bytes() != bytes {
        into.clear();
        into.push_str(text(bytes));
    }
}

fn set(event: &mut Recorded, key: &str, value: &[u8]) {
    let owned = || text(value).to_owned();
    match key {
        TAG if !value.starts_with(b"$") => event.tags.push(owned()),
        ID => event.id = Some(owned()),
        SCHEMA => event.schema = text(value).parse().unwrap_or(0),
        CORRELATION => event.correlation = Some(owned()),
        CAUSATION => event.causation = Some(owned()),
        METADATA => event.metadata = Some(Bytes::copy_from_slice(value)),
        _ => {}
    }
}
