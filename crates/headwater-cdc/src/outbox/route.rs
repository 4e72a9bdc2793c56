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
mod tests {
    use super::*;

    fn row(fields: &[(&str, &str)]) -> Row {
        let mut row = Row::default();
        for (name, text) in fields {
            let bytes = Bytes::copy_from_slice(text.as_bytes());
            let field = match *text {
                "NULL" => Field::Null,
                _ if *name == "payload" => Field::Json(bytes),
                _ => Field::Text(bytes),
            };
            row.push(*name, field);
        }
        row
    }

    const PLACED: &[(&str, &str)] = &[
        ("id", "7"),
        ("aggregatetype", "order"),
        ("aggregateid", "42"),
        ("type", "Placed"),
        ("payload", r#"{"n":1.50}"#),
    ];

    /// The record as `topic[/partition] key value headers`, or why there is none.
    fn check(options: &[(&str, &str)], fields: &[(&str, &str)], want: &str) {
        let router = Router::new(options.iter().copied()).unwrap();
        let got = match route(&row(fields), &router, Some(Timestamp(5))) {
            Err(why) => why,
            Ok(Routed {
                topic,
                partition,
                record,
            }) => {
                let text = |b: Option<Bytes>| {
                    b.map_or("-".into(), |b| String::from_utf8(b.to_vec()).unwrap())
                };
                let headers = record
                    .headers
                    .into_iter()
                    .map(|h| format!(" {}={}", h.key, text(h.value)));
                let partition = partition.map(|p| format!("/{p}")).unwrap_or_default();
                let headers: String = headers.collect();
                let time = record.timestamp.unwrap().0;
                format!(
                    "{topic}{partition} {} {}{headers} @{time}",
                    text(record.key),
                    text(record.value)
                )
            }
        };
        assert_eq!(got, want);
    }

    #[test]
    fn a_row_is_a_record_of_its_topic_under_its_key() {
        check(&[], PLACED, r#"outbox.event.order 42 {"n":1.50} id=7 @5"#);
        let options = [
            ("route.topic.replacement", "events.${routedByValue}.v1"),
            (
                "table.fields.additional.placement",
                "type:header:eventType, id:partition",
            ),
        ];
        check(
            &options,
            PLACED,
            r#"events.order.v1/7 42 {"n":1.50} id=7 eventType=Placed @5"#,
        );
        let options = [
            ("route.topic.regex", "(?<kind>.)r(.*)"),
            ("route.topic.replacement", "${kind}-$2"),
        ];
        check(&options, PLACED, r#"o-der 42 {"n":1.50} id=7 @5"#);
        let options = [
            ("table.field.event.key", "type"),
            ("table.field.event.timestamp", "id"),
        ];
        check(
            &options,
            PLACED,
            r#"outbox.event.order Placed {"n":1.50} id=7 @7"#,
        );
    }

    #[test]
    fn columns_beside_the_payload_make_an_envelope() {
        let beside = ("table.fields.additional.placement", "type:envelope:kind");
        check(
            &[beside],
            PLACED,
            r#"outbox.event.order 42 {"payload":"{\"n\":1.50}","kind":"Placed"} id=7 @5"#,
        );
        let expands = ("table.expand.json.payload", "true");
        check(
            &[beside, expands],
            PLACED,
            r#"outbox.event.order 42 {"payload":{"n":1.50},"kind":"Placed"} id=7 @5"#,
        );
    }

    #[test]
    fn a_row_without_payload_is_empty_or_a_tombstone() {
        let mut fields = PLACED.to_vec();
        fields[4].1 = "";
        check(&[], &fields, "outbox.event.order 42  id=7 @5");
        check(
            &[("route.tombstone.on.empty.payload", "true")],
            &fields,
            "outbox.event.order 42 - id=7 @5",
        );
        fields[4].1 = "NULL";
        check(&[], &fields, "outbox.event.order 42 - id=7 @5");
        fields[2].1 = "NULL";
        check(&[], &fields, "outbox.event.order - - id=7 @5");
    }

    #[test]
    fn a_row_that_is_none_says_why() {
        check(&[], &PLACED[..1], "the row has no column 'aggregatetype'");
        check(&[], &PLACED[..4], "the row has no column 'payload'");
        let mut fields = PLACED.to_vec();
        fields[1].1 = "NULL";
        check(
            &[],
            &fields,
            "column 'aggregatetype', which says the topic, is empty",
        );
        fields[1].1 = "or/der";
        check(
            &[],
            &fields,
            "column 'aggregatetype' makes a name that no topic can have",
        );
        check(
            &[("route.topic.regex", "a.*")],
            &fields,
            "column 'aggregatetype' does not match 'route.topic.regex'",
        );
        let missing = ("table.fields.additional.placement", "version:header");
        check(&[missing], PLACED, "the row has no column 'version'");
        let lenient = ("table.fields.additional.error.on.missing", "false");
        check(
            &[missing, lenient],
            PLACED,
            r#"outbox.event.order 42 {"n":1.50} id=7 @5"#,
        );
        check(
            &[("table.fields.additional.placement", "type:partition")],
            PLACED,
            "column 'type' is no partition",
        );
        check(
            &[("table.field.event.timestamp", "type")],
            PLACED,
            "column 'type' is no time",
        );
    }

    #[test]
    fn options_that_nobody_knows_are_refused_by_name() {
        let error = Router::new([("route.topic", "x")]).unwrap_err();
        assert!(error.message().contains("'route.topic'"), "{error}");
        assert!(Router::new([("table.expand.json.payload", "yes")]).is_err());
        assert!(Router::new([("table.fields.additional.placement", "type:body")]).is_err());
        assert!(Router::new([("route.topic.regex", "(")]).is_err());
    }
}
