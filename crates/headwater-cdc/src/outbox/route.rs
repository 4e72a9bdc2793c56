//! A row of an outbox as a record: which topic, which key, what value. Pure.

use bytes::Bytes;
use headwater_log::{Header, Record, Timestamp};

use super::field::{Field, Row};
use super::router::{Place, Router};
use crate::json;

/// The longest name of a topic.
const TOPIC_BYTES_MAX: usize = headwater_log::TOPIC_NAME_BYTES_MAX;

/// A record and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Routed {
    /// The topic.
    pub(super) topic: String,
    /// The partition, if the row says it.
    pub(super) partition: Option<u32>,
    /// The record.
    pub(super) record: Record,
}

/// The key of a row, if it has one.
pub(super) fn key_of(row: &Row, router: &Router) -> Option<Bytes> {
    row.get(&router.key).and_then(Field::bytes).cloned()
}

/// The record of a row that was written at `time`; `None`: nobody knows when.
///
/// # Errors
/// Why the row is none, without its values.
pub(super) fn route(row: &Row, router: &Router, time: Option<Timestamp>) -> Result<Routed, String> {
    let lacks = |name: &str| format!("the row has no column '{name}'");
    let column = |name: &str| row.get(name).ok_or_else(|| lacks(name));
    let topic = topic(column(&router.route_by)?, router)?;
    column(&router.key)?;
    let mut headers = vec![Header {
        key: "id".to_owned(),
        value: column(&router.id)?.bytes().cloned(),
    }];
    let (mut partition, mut beside) = (None, Vec::new());
    for placement in &router.placements {
        let field = match row.get(&placement.column) {
            Some(field) => field,
            None if router.needs_placements => return Err(lacks(&placement.column)),
            None => continue,
        };
        match placement.place {
            Place::Header => headers.push(Header {
                key: placement.alias.clone(),
                value: field.bytes().cloned(),
            }),
            Place::Envelope => beside.push((placement.alias.as_str(), field)),
            Place::Partition => {
                let number = field.text().and_then(|text| text.parse().ok());
                let wrong = || format!("column '{}' is no partition", placement.column);
                partition = Some(number.ok_or_else(wrong)?);
            }
        }
    }
    let payload = column(&router.payload)?;
    Ok(Routed {
        topic,
        partition,
        record: Record {
            key: key_of(row, router),
            value: value(payload, &beside, router),
            headers,
            timestamp: match &router.timestamp {
                Some(name) => Some(stamp(column(name)?, name)?),
                None => time,
            },
        },
    })
}

fn topic(field: &Field, router: &Router) -> Result<String, String> {
    let name = &router.route_by;
    let by = field.text().filter(|text| !text.is_empty());
    let by = by.ok_or_else(|| format!("column '{name}', which says the topic, is empty"))?;
    if !router.regex.is_match(by) {
        return Err(format!(
            "column '{name}' does not match 'route.topic.regex'"
        ));
    }
    let topic = router.regex.replace(by, &router.replacement).into_owned();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match topic.chars().all(is_plain) && !topic.is_empty() && topic.len() <= TOPIC_BYTES_MAX {
        true => Ok(topic),
        false => Err(format!(
            "column '{name}' makes a name that no topic can have"
        )),
    }
}

/// Milliseconds since 1970, or a moment as the server writes it.
fn stamp(field: &Field, name: &str) -> Result<Timestamp, String> {
    let text = field.text().unwrap_or_default();
    let millis = text
        .parse()
        .ok()
        .or_else(|| crate::postgres::millis(text.as_bytes()));
    millis
        .map(Timestamp)
        .ok_or_else(|| format!("column '{name}' is no time"))
}

/// The payload, or with members beside it an object of all.
fn value(payload: &Field, beside: &[(&str, &Field)], router: &Router) -> Option<Bytes> {
    let is_empty = payload.bytes().is_none_or(Bytes::is_empty);
    if is_empty && router.tombstones {
        return None;
    }
    if beside.is_empty() {
        return payload.bytes().cloned();
    }
    let mut out = b"{\"payload\":".to_vec();
    match payload {
        Field::Text(text) | Field::Json(text) if router.expands && is_json(text) => {
            out.extend_from_slice(text);
        }
        Field::Text(text) | Field::Json(text) => json::string(text, &mut out),
        other => other.write(&mut out),
    }
    for (name, field) in beside {
        out.push(b',');
        json::string(name.as_bytes(), &mut out);
        out.push(b':');
        field.write(&mut out);
    }
    out.push(b'}');
    Some(out.into())
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests;
