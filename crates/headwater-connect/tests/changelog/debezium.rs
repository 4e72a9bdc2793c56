//! Events that Debezium itself made of a database: the tables that they add up to are the tables of the database.

use arrow::datatypes::{DataType, SchemaRef, TimeUnit};

use super::{decode, decoder, rejected, sum, table};
use crate::support::schema;

const EVENTS: &str = include_str!("../../../headwater-cdc/tests/capture/debezium/events.txt");
const EVENTS_WITH_SCHEMAS: &str =
    include_str!("../../../headwater-cdc/tests/capture/debezium/events-schemas.txt");
const PRECISE: &[(&str, &str)] = &[("debezium-json.decimal.handling.mode", "precise")];

/// The values of a table's records.
fn events(fixture: &str, name: &str) -> Vec<Option<String>> {
    let of_table = fixture.lines().filter_map(|line| {
        let mut parts = line.split('\t');
        let topic = parts.next()?.strip_prefix("shop.public.")?;
        let value = parts.nth(1)?;
        (topic == name).then(|| (value != "null").then(|| value.to_owned()))
    });
    of_table.collect()
}

fn timestamp(unit: TimeUnit) -> DataType {
    DataType::Timestamp(unit, None)
}

/// With schemas and without, the same table comes out.
fn check(name: &str, columns: &[(&str, DataType)], want: &[&str]) {
    let columns: SchemaRef = schema(columns);
    for (fixture, options) in [(EVENTS, PRECISE), (EVENTS_WITH_SCHEMAS, &[])] {
        let events = events(fixture, name);
        assert!(!events.is_empty());
        let decoded = decode(&*decoder("debezium-json", &columns, true, options), &events);
        assert_eq!(rejected(&decoded), [], "{name}");
        assert_eq!(table(&decoded), want, "{name}");
    }
}

#[test]
fn a_table_is_what_its_events_add_up_to() {
    let columns = [
        ("id", DataType::Int64),
        ("customer", DataType::Utf8),
        ("amount", DataType::Decimal128(10, 2)),
        ("paid", DataType::Boolean),
        (
            "at",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ),
    ];
    check(
        "orders",
        &columns,
        &[
            r#"{"id":1,"customer":"Ann","amount":13.00,"paid":false,"at":"2026-11-26 00:02:03.5Z"}"#,
            r#"{"id":20,"customer":"Bob \"B\" Ü","amount":null,"paid":false,"at":null}"#,
        ],
    );
}

#[test]
fn numbers_are_exact() {
    let columns = [
        ("id", DataType::Int32),
        ("i2", DataType::Int16),
        ("i8", DataType::Int64),
        ("o", DataType::Int64),
        ("f8", DataType::Float64),
        ("n", DataType::Decimal128(20, 4)),
        ("nz", DataType::Decimal128(5, 0)),
        ("nv", DataType::Decimal128(38, 11)),
        ("m", DataType::Decimal128(12, 2)),
        ("p", DataType::Decimal128(8, 3)),
    ];
    let rows = [
        r#""i2":-32768,"i8":-9223372036854775808,"o":4294967295,"f8":1e300,"n":1234567890123456.7891,"nz":12345,"nv":12345678901234567890.12345678900,"m":1234.50,"p":1.500}"#,
        r#""i2":0,"i8":1,"o":0,"f8":0.1,"n":-0.0001,"nz":-128,"nv":10000000000.00000000000,"m":-0.01,"p":255.255}"#,
        r#""i2":null,"i8":null,"o":null,"f8":null,"n":null,"nz":null,"nv":null,"m":null,"p":null}"#,
    ];
    let want: Vec<String> = [1, 2, 3, 11, 12, 13]
        .iter()
        .zip(rows.iter().cycle())
        .map(|(id, rest)| format!("{{\"id\":{id},{rest}"))
        .collect();
    let want: Vec<&str> = want.iter().map(String::as_str).collect();
    check("numbers", &columns, &want);
}

#[test]
fn times_are_those_of_the_database() {
    let columns = schema(&[
        ("id", DataType::Int32),
        ("d", DataType::Date32),
        ("t", DataType::Time64(TimeUnit::Microsecond)),
        ("t3", DataType::Time32(TimeUnit::Millisecond)),
        ("ts", timestamp(TimeUnit::Microsecond)),
        ("ts3", timestamp(TimeUnit::Millisecond)),
        ("ts0", timestamp(TimeUnit::Second)),
        (
            "tstz",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ),
    ]);
    let events = events(EVENTS, "times");
    let decoded = decode(&*decoder("debezium-json", &columns, true, PRECISE), &events);
    let rows = table(&decoded);
    let day = [
        r#"{"id":1,"d":"2026-11-26","t":"23:59:59.999999","t3":"01:02:03.004","ts":"2026-11-26 01:02:03.000004","ts3":"2026-11-26 01:02:03.004","ts0":"2026-11-26 01:02:03","tstz":"2026-11-26 00:02:03.120456Z"}"#,
        r#"{"id":2,"d":"1969-12-31","t":"00:00:00","t3":"00:00:00","ts":"1969-12-31 23:59:59.999999","ts3":"1969-12-31 23:59:59.999","ts0":"1900-01-01 00:00:00","tstz":"1960-01-01 00:00:00Z"}"#,
        r#"{"id":3,"d":"9999-12-31","t":"12:00:00","t3":"12:00:00","ts":"9999-12-31 00:00:00","ts3":"9999-12-31 00:00:00","ts0":"9999-12-31 00:00:00","tstz":"9999-12-31 00:00:00Z"}"#,
    ];
    assert_eq!(rows[..3], day);
    // `infinity`, years before 1 and after 9999: no value of these types.
    let beyond: Vec<&str> = rejected(&decoded).into_iter().map(|(_, why)| why).collect();
    let of = |field: &str| {
        beyond
            .iter()
            .filter(|why| why.contains(&format!("'{field}'")))
            .count()
    };
    assert_eq!(
        (of("d"), of("ts"), of("tstz"), beyond.len()),
        (3, 1, 2, 6),
        "{beyond:?}"
    );
}

#[test]
fn without_a_key_whole_rows_come_and_go() {
    let columns = schema(&[
        ("a", DataType::Utf8),
        ("b", DataType::Int32),
        ("n", DataType::Int32),
    ]);
    for fixture in [EVENTS, EVENTS_WITH_SCHEMAS] {
        // This table tells all of what rows were.
        let decoded = decode(
            &*decoder("debezium-json", &columns, false, &[]),
            &events(fixture, "pairs"),
        );
        assert_eq!(rejected(&decoded), []);
        let want = [r#"{"a":"yy","b":2,"n":20}"#, r#"{"a":"z","b":3,"n":null}"#];
        assert!(
            sum(&decoded)
                .iter()
                .map(|(row, weight)| (row.as_str(), *weight))
                .eq(want.map(|row| (row, 1)))
        );
        // This one does not.
        let orders = schema(&[("id", DataType::Int64)]);
        let decoded = decode(
            &*decoder("debezium-json", &orders, false, &[]),
            &events(fixture, "orders"),
        );
        assert_eq!(
            rejected(&decoded),
            [(
                3,
                "an update without 'before' needs a table with a primary key"
            )]
        );
    }
}

#[test]
fn packed_decimals_are_not_taken_for_numbers() {
    let columns = schema(&[
        ("id", DataType::Int64),
        ("amount", DataType::Decimal128(10, 2)),
    ]);
    let decoded = decode(
        &*decoder("debezium-json", &columns, true, &[]),
        &events(EVENTS, "orders"),
    );
    let (records, whys): (Vec<u32>, Vec<&str>) = rejected(&decoded).into_iter().unzip();
    assert_eq!(records, [0, 2, 3]);
    assert!(
        whys.iter()
            .all(|why| *why == "field 'amount': expected a number"),
        "{whys:?}"
    );
    let strings = [
        r#"{"op":"c","after":{"id":1,"amount":"12.50"}}"#,
        r#"{"op":"c","after":{"id":2,"amount":12.5}}"#,
    ];
    let decoded = decode(
        &*decoder("debezium-json", &columns, true, &[]),
        &strings.map(Some),
    );
    assert_eq!(
        table(&decoded),
        [r#"{"id":1,"amount":12.50}"#, r#"{"id":2,"amount":12.50}"#]
    );
}
