//! The envelope around a row: what it was, what it is, where that comes from.

use bytes::Bytes;
use headwater_log::{Header, Record};

use super::Debezium;
use super::origin::{Names, Origin};
use super::schema;
use super::semantic::FieldSchema;
use super::transaction::Order;
use crate::json;

/// Stands for a large value that a change left as it was and that nobody knows.
pub(crate) const UNAVAILABLE: &str = "__debezium_unavailable_value";
/// The header of a deletion that a change of the key makes: the key from now on.
const NEW_KEY: &str = "__debezium.newkey";
/// The header of the row that a change of the key makes: the key until now.
const OLD_KEY: &str = "__debezium.oldkey";

/// Wraps the rows of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// Around the key; empty: it comes without its schema.
    key: Vec<u8>,
    /// Before an envelope, or a row if that is all; empty: it comes without its schema.
    value: Vec<u8>,
    /// The source as far as it is the same for all rows, in two parts: before and after the times.
    source: [Vec<u8>; 2],
    fields: Vec<FieldSchema>,
    tombstones: bool,
    /// Whether there are rows in place of events.
    is_unwrapped: bool,
}

impl Envelope {
    /// For a table.
    pub(crate) fn new(
        settings: &Debezium,
        names: Names<'_>,
        key: &[FieldSchema],
        fields: &[FieldSchema],
    ) -> Self {
        let topic = names.topic(&settings.name);
        let with = |schema: Vec<u8>| match settings.schemas {
            true => schema,
            false => Vec::new(),
        };
        Self {
            key: with(schema::of_key(&topic, key)),
            value: with(match settings.unwrapped {
                true => schema::of_row(&topic, fields),
                false => schema::of_envelope(&topic, names.connector, fields),
            }),
            source: names.source(settings),
            fields: fields.to_vec(),
            tombstones: settings.tombstones,
            is_unwrapped: settings.unwrapped,
        }
    }

    /// A key as it stands in records.
    pub(crate) fn wrap_key(&self, key: &Bytes) -> Bytes {
        match self.key.is_empty() {
            true => key.clone(),
            false => [&self.key, &key[..], b"}"].concat().into(),
        }
    }

    /// The key that stands in a record.
    pub(crate) fn unwrap_key<'a>(&self, key: &'a [u8]) -> &'a [u8] {
        match self.key.is_empty() {
            true => key,
            false => json::member(key, "payload").unwrap_or(key),
        }
    }

    /// The row that stands in the value of a record.
    pub(crate) fn unwrap_row<'a>(&self, value: &'a [u8]) -> Option<&'a [u8]> {
        let envelope = match self.value.is_empty() {
            true => value,
            false => json::member(value, "payload")?,
        };
        if self.is_unwrapped {
            return Some(envelope);
        }
        json::member(envelope, "after").filter(|row| *row != b"null")
    }

    /// What is known of a row of which only the key is.
    pub(crate) fn row_of_key(&self, key: &[u8]) -> Bytes {
        let mut out = b"{".to_vec();
        for (place, field) in self.fields.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            json::string(field.name.as_bytes(), &mut out);
            out.push(b':');
            match json::member(key, &field.name) {
                Some(value) => out.extend_from_slice(value),
                None => out.extend_from_slice(&field.null()),
            }
        }
        out.push(b'}');
        out.into()
    }

    /// A row that is there.
    pub(crate) fn written(
        &self,
        op: &str,
        key: &Bytes,
        before: Option<&[u8]>,
        row: &[u8],
        origin: &Origin,
    ) -> Record {
        let value = match self.is_unwrapped {
            true if self.value.is_empty() => Bytes::copy_from_slice(row),
            true => [&self.value, row, b"}"].concat().into(),
            false => self.envelope(op, before, Some(row), origin),
        };
        Record {
            key: Some(self.wrap_key(key)),
            value: Some(value),
            ..Record::default()
        }
    }

    /// A row that is gone, by its key as that stands in records; `before` is what is known of it.
    pub(crate) fn deleted(&self, key: Bytes, before: &[u8], origin: &Origin) -> Vec<Record> {
        let tombstone = Record {
            key: Some(key),
            ..Record::default()
        };
        if self.is_unwrapped {
            return vec![tombstone];
        }
        let event = Record {
            value: Some(self.envelope("d", Some(before), None, origin)),
            ..tombstone.clone()
        };
        match self.tombstones {
            true => vec![event, tombstone],
            false => vec![event],
        }
    }

    /// A row that has another key now: a deletion and a new row.
    pub(crate) fn moved(
        &self,
        (old_key, before): (&Bytes, &[u8]),
        (key, row): (&Bytes, &[u8]),
        origin: &Origin,
    ) -> Vec<Record> {
        let header = |name: &str, key: &Bytes| Header {
            key: name.to_owned(),
            value: Some(self.wrap_key(key)),
        };
        let mut records = self.deleted(self.wrap_key(old_key), before, origin);
        for record in &mut records {
            record.headers.push(header(NEW_KEY, key));
        }
        let origin = Origin {
            order: origin.order.as_deref().map(|order| Box::new(order.next())),
            ..origin.clone()
        };
        let mut created = self.written("c", key, None, row, &origin);
        created.headers.push(header(OLD_KEY, old_key));
        records.push(created);
        records
    }

    fn envelope(
        &self,
        op: &str,
        before: Option<&[u8]>,
        after: Option<&[u8]>,
        origin: &Origin,
    ) -> Bytes {
        let (before, after) = (before.unwrap_or(b"null"), after.unwrap_or(b"null"));
        let mut out = Vec::with_capacity(self.value.len() + before.len() + after.len() + 512);
        out.extend_from_slice(&self.value);
        out.extend_from_slice(b"{\"before\":");
        out.extend_from_slice(before);
        out.extend_from_slice(b",\"after\":");
        out.extend_from_slice(after);
        out.extend_from_slice(b",\"source\":");
        origin.write(&self.source, &mut out);
        out.extend_from_slice(b",\"transaction\":");
        Order::write(origin.order.as_deref(), &mut out);
        let (us, ms) = (origin.now_us, origin.now_us.div_euclid(1000));
        let rest = format!(",\"op\":\"{op}\",\"ts_ms\":{ms},\"ts_us\":{us},\"ts_ns\":{us}000}}");
        out.extend_from_slice(rest.as_bytes());
        if !self.value.is_empty() {
            out.push(b'}');
        }
        out.into()
    }
}
