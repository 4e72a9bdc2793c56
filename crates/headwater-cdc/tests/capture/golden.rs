//! Values of all types come exactly, and the same from the first copy and from the stream.

use headwater_cdc::postgres::Session;

use super::bench::{catch_up, memory, records, run, settings};
use crate::replication::start;

/// Types, values of them, and what they are in JSON.
const VALUES: &[(&str, &str, &str)] = &[
    ("bool", "true", "true"),
    ("int8", "-9223372036854775808", "-9223372036854775808"),
    (
        "numeric",
        "12345678901234567890.12345678900",
        "12345678901234567890.12345678900",
    ),
    ("numeric", "'Infinity'", "\"Infinity\""),
    ("float8", "0.1", "0.1"),
    ("float8", "1e300", "1e+300"),
    ("float4", "'-Infinity'", "\"-Infinity\""),
    ("date", "'9999-12-31'", "\"9999-12-31\""),
    ("date", "'0044-03-15 BC'", "\"0044-03-15 BC\""),
    ("date", "'infinity'", "\"infinity\""),
    ("time", "'24:00'", "\"24:00:00\""),
    (
        "timestamp",
        "'2026-11-26 01:02:03.000004'",
        "\"2026-11-26 01:02:03.000004\"",
    ),
    (
        "timestamptz",
        "'2026-11-26 01:02:03+05:30'",
        "\"2026-11-25 19:32:03Z\"",
    ),
    ("timestamptz", "'-infinity'", "\"-infinity\""),
    (
        "interval",
        "'1 year -2 days 03:04:05.6'",
        "\"P1Y-2DT3H4M5.6S\"",
    ),
    ("bytea", "'\\x00ff10'", "\"AP8Q\""),
    (
        "uuid",
        "'00112233-4455-6677-8899-aabbccddeeff'",
        "\"00112233-4455-6677-8899-aabbccddeeff\"",
    ),
    (
        "json",
        "'{\"b\": 1,  \"a\": null}'",
        "\"{\\\"b\\\": 1,  \\\"a\\\": null}\"",
    ),
    ("jsonb", "'null'", "\"null\""),
    ("text", "E'a\"\\\\\\n\\u00fc'", "\"a\\\"\\\\\\nü\""),
    ("char(4)", "'ab'", "\"ab  \""),
    ("int[]", "'{{1,2},{3,NULL}}'", "[[1,2],[3,null]]"),
    (
        "text[]",
        "ARRAY['a,b', '\"', NULL, 'NULL', '']",
        "[\"a,b\",\"\\\"\",null,\"NULL\",\"\"]",
    ),
    ("bytea[]", "ARRAY['\\x01'::bytea]", "[\"AQ==\"]"),
    (
        "timestamptz[]",
        "'{2026-01-01 00:00:00+00}'",
        "[\"2026-01-01 00:00:00Z\"]",
    ),
    ("mood", "'so so'", "\"so so\""),
    ("mood[]", "'{\"so so\",sad}'", "[\"so so\",\"sad\"]"),
    ("price", "1.50", "1.50"),
    ("price[]", "'{1.50}'", "[1.50]"),
    ("pair", "ROW(1, 'x')", "\"(1,x)\""),
    ("int4range", "'[1,5)'", "\"[1,5)\""),
    ("inet", "'10.0.0.1/8'", "\"10.0.0.1/8\""),
    ("macaddr", "'08:00:2b:01:02:03'", "\"08:00:2b:01:02:03\""),
    ("bit(3)", "B'101'", "\"101\""),
    ("tsvector", "'a:1 b'", "\"'a':1 'b'\""),
    ("point", "'(1,2)'", "\"(1,2)\""),
    (
        "box[]",
        "'{(2,2),(1,1);(4,4),(3,3)}'",
        "\"{(2,2),(1,1);(4,4),(3,3)}\"",
    ),
    ("money", "1234.5", "\"$1,234.50\""),
    ("xml", "'<a>1</a>'", "\"<a>1</a>\""),
    ("pg_lsn", "'16/B374D848'", "\"16/B374D848\""),
    ("oid", "4294967295", "4294967295"),
];

#[test]
fn values_are_exact_in_both_ways() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TYPE mood AS ENUM ('sad', 'so so'); CREATE DOMAIN price AS numeric CHECK (value > 0); CREATE TYPE pair AS (n int, t text)",
    );
    // What a session or a database says otherwise does not matter.
    run(
        &mut session,
        "ALTER DATABASE postgres SET datestyle = 'German'; ALTER DATABASE postgres SET timezone = 'Asia/Kolkata'; \
         ALTER DATABASE postgres SET bytea_output = 'escape'; ALTER DATABASE postgres SET extra_float_digits = 0",
    );
    let columns: Vec<String> = VALUES
        .iter()
        .enumerate()
        .map(|(n, v)| format!("c{n} {}", v.0))
        .collect();
    run(
        &mut session,
        &format!(
            "CREATE TABLE t (id int PRIMARY KEY, {})",
            columns.join(", ")
        ),
    );
    let values: Vec<&str> = VALUES.iter().map(|v| v.1).collect();
    let insert = |id: i32| {
        format!(
            "INSERT INTO t VALUES ({id}, {}), ({}{})",
            values.join(", "),
            id + 1,
            ", NULL".repeat(values.len())
        )
    };
    run(&mut session, &insert(1));
    let settings = settings(&address, &["t"]);
    let log = memory();
    catch_up(&log, &settings);
    run(&mut session, &insert(3));
    catch_up(&log, &settings);
    let members = |value: &dyn Fn(usize) -> &'static str| -> String {
        (0..VALUES.len())
            .map(|n| format!(",\"c{n}\":{}", value(n)))
            .collect()
    };
    let (full, empty) = (members(&|n| VALUES[n].2), members(&|_| "null"));
    let got: Vec<String> = records(&log, "t")
        .into_iter()
        .map(|(_, _, v)| v.unwrap())
        .collect();
    let want: Vec<String> = (1..=4)
        .map(|id| {
            format!(
                "{{\"id\":{id}{}}}",
                if id % 2 == 1 { &full } else { &empty }
            )
        })
        .collect();
    assert_eq!(got, want);
}
