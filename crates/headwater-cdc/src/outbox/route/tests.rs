//! Rows and what becomes of them.

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
            let text =
                |b: Option<Bytes>| b.map_or("-".into(), |b| String::from_utf8(b.to_vec()).unwrap());
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
