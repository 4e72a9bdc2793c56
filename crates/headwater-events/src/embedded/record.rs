//! An event as a record of the log, and back; the table of headers stands in `docs/formats/events.md`.

use bytes::Bytes;
use headwater_log::{Header, Offset, Record, RecordRef, Timestamp, Version};

use crate::event::{NewEvent, Position, Recorded};

const TYPE: &str = "type";
const TAG: &str = "tag";
const ID: &str = "id";
const SCHEMA: &str = "schema";
const CORRELATION: &str = "correlation";
const CAUSATION: &str = "causation";
const METADATA: &str = "metadata";

/// The store's own tags.
pub(super) fn id_tag(id: &str) -> String {
    ["$id:", id].concat()
}

pub(super) fn key_tag(key: &str) -> String {
    ["$key:", key].concat()
}

pub(super) fn closed_tag(stream: &str) -> String {
    ["$closed:", stream].concat()
}

pub(super) fn opened_tag(stream: &str) -> String {
    ["$opened:", stream].concat()
}

/// An event as a record, with tags of the store's own.
pub(super) fn encode(stream: &Bytes, event: &NewEvent, own_tags: &[String]) -> Record {
    let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let mut headers = Vec::with_capacity(2 + event.tags.len() + own_tags.len());
    let mut put = |key: &str, value: Bytes| {
        headers.push(Header {
            key: key.to_owned(),
            value: Some(value),
        });
    };
    put(TYPE, text(&event.kind));
    for tag in event.tags.iter().chain(own_tags) {
        put(TAG, text(tag));
    }
    if let Some(id) = &event.id {
        put(TAG, text(&id_tag(id)));
        put(ID, text(id));
    }
    if event.schema > 1 {
        put(SCHEMA, text(&event.schema.to_string()));
    }
    if let Some(id) = &event.correlation {
        put(CORRELATION, text(id));
    }
    if let Some(id) = &event.causation {
        put(CAUSATION, text(id));
    }
    if let Some(metadata) = &event.metadata {
        put(METADATA, metadata.clone());
    }
    Record {
        key: Some(stream.clone()),
        value: Some(event.data.clone()),
        headers,
        timestamp: None,
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
    let mut event = blank(record.offset, version, record.timestamp);
    event.stream = record.key.map_or("", text).to_owned();
    if let Some(value) = record.value {
        event.data = Bytes::copy_from_slice(value);
    }
    for (key, value) in record.headers {
        if let Some(value) = value {
            set(&mut event, key, value);
        }
    }
    event
}

fn blank(offset: Offset, version: Option<Version>, recorded_at: Timestamp) -> Recorded {
    Recorded {
        position: Position(offset.0),
        version,
        recorded_at,
        stream: String::new(),
        kind: String::new(),
        data: Bytes::from_static(b"null"),
        schema: 1,
        id: None,
        tags: Vec::new(),
        correlation: None,
        causation: None,
        metadata: None,
    }
}

fn set(event: &mut Recorded, key: &str, value: &[u8]) {
    let owned = || text(value).to_owned();
    match key {
        TYPE => event.kind = owned(),
        TAG if !value.starts_with(b"$") => event.tags.push(owned()),
        ID => event.id = Some(owned()),
        SCHEMA => event.schema = text(value).parse().unwrap_or(0),
        CORRELATION => event.correlation = Some(owned()),
        CAUSATION => event.causation = Some(owned()),
        METADATA => event.metadata = Some(Bytes::copy_from_slice(value)),
        _ => {}
    }
}
