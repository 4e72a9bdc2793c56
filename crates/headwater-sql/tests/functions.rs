//! Flink's functions on constants, computed by the batch engine.

use std::collections::HashMap;

use arrow::util::display::array_value_to_string;
use headwater_sql::batch::execute;

fn value(expr: &str) -> String {
    let sql = format!("SELECT {expr} AS v");
    match execute(&sql, &HashMap::new()) {
        Ok(answer) => {
            let column = answer.batches[0].column(0);
            if column.is_null(0) {
                return "NULL".to_owned();
            }
            array_value_to_string(column, 0).unwrap()
        }
        Err(e) => e.render(&sql),
    }
}

#[test]
fn strings() {
    assert_eq!(value("SPLIT_INDEX('a/b/c', '/', 1)"), "b");
    assert_eq!(value("SPLIT_INDEX('a/b/c', '/', 3)"), "NULL");
    assert_eq!(value("SPLIT_INDEX('a--b--c', '--', 2)"), "c");
    assert_eq!(value("COUNT_CHAR('abcabc', 'c')"), "2");
    assert_eq!(value("LOCATE('b', 'abcb')"), "2");
    assert_eq!(value("LOCATE('b', 'abcb', 3)"), "4");
    assert_eq!(value("LOCATE('x', 'abcb')"), "0");
    assert_eq!(value("CONCAT_WS('-', 'a', 'b')"), "a-b");
    assert_eq!(
        value("REGEXP_EXTRACT('x?a=1&channel_id=42&b', '(&|^)channel_id=([^&]*)', 2)"),
        "42"
    );
    assert_eq!(value("REGEXP_EXTRACT('abc', '(\\d+)', 1)"), "NULL");
    assert_eq!(value("REGEXP('abc', '^a.c$')"), "true");
}

#[test]
fn dates_are_written_by_java_patterns() {
    let at = "TIMESTAMP '2024-02-29 15:04:05.678'";
    for (pattern, text) in [
        ("yyyy-MM-dd", "2024-02-29"),
        ("HH:mm", "15:04"),
        ("yyyyMMddHHmmssSSS", "20240229150405678"),
        ("yy/M/d h:mm a", "24/2/29 3:04 PM"),
        ("EEE, d MMM yyyy", "Thu, 29 Feb 2024"),
        ("EEEE MMMM", "Thursday February"),
        ("yyyy-MM-dd''T''HH:mm:ss", "2024-02-29T15:04:05"),
        ("D", "60"),
    ] {
        assert_eq!(
            value(&format!("DATE_FORMAT({at}, '{pattern}')")),
            text,
            "{pattern}"
        );
    }
    assert!(value(&format!("DATE_FORMAT({at}, 'yyyy-bb')")).contains("is not a date pattern"));
}

#[test]
fn dates_are_read_by_java_patterns() {
    assert_eq!(
        value("TO_TIMESTAMP('2024-02-29 15:04:05')"),
        "2024-02-29T15:04:05"
    );
    assert_eq!(
        value("TO_TIMESTAMP('29.02.2024 15:04', 'dd.MM.yyyy HH:mm')"),
        "2024-02-29T15:04:00"
    );
    assert_eq!(
        value("TO_TIMESTAMP('20240229', 'yyyyMMdd')"),
        "2024-02-29T00:00:00"
    );
    assert_eq!(value("TO_TIMESTAMP('30.02.2024', 'dd.MM.yyyy')"), "NULL");
    assert_eq!(value("TO_TIMESTAMP('nonsense')"), "NULL");
    assert_eq!(value("TO_TIMESTAMP_LTZ(1000, 3)"), "1970-01-01T00:00:01Z");
    assert_eq!(value("TO_TIMESTAMP_LTZ(1000, 0)"), "1970-01-01T00:16:40Z");
    assert_eq!(value("UNIX_TIMESTAMP('1970-01-02 00:00:00')"), "86400");
    assert_eq!(value("FROM_UNIXTIME(86400)"), "1970-01-02 00:00:00");
    assert_eq!(value("FROM_UNIXTIME(86400, 'dd/MM')"), "02/01");
}

#[test]
fn fields_of_time() {
    let at = "TIMESTAMP '2024-12-30 23:59:58'";
    for (call, want) in [
        ("YEAR", "2024"),
        ("QUARTER", "4"),
        ("MONTH", "12"),
        ("WEEK", "1"),
        ("DAYOFMONTH", "30"),
        ("DAYOFYEAR", "365"),
        ("DAYOFWEEK", "2"),
        ("HOUR", "23"),
        ("MINUTE", "59"),
        ("SECOND", "58"),
    ] {
        assert_eq!(value(&format!("{call}({at})")), want, "{call}");
    }
    assert_eq!(value("HOUR(TIMESTAMP '1969-12-31 23:00:00')"), "23");
    assert_eq!(value(&format!("EXTRACT(HOUR FROM {at})")), "23");
    assert_eq!(
        value(&format!("FLOOR({at} TO HOUR)")),
        "2024-12-30T23:00:00"
    );
    assert_eq!(
        value(&format!(
            "TIMESTAMPDIFF(DAY, TIMESTAMP '2024-12-01 00:00:00', {at})"
        )),
        "29"
    );
    assert_eq!(
        value(&format!(
            "TIMESTAMPDIFF(MONTH, TIMESTAMP '2024-10-31 00:00:00', {at})"
        )),
        "1"
    );
    assert_eq!(
        value(&format!("TIMESTAMPADD(MONTH, 2, {at})")),
        "2025-02-28T23:59:58"
    );
}

#[test]
fn conditions_and_numbers() {
    assert_eq!(value("IF(1 > 2, 'a', 'b')"), "b");
    assert_eq!(value("IFNULL(NULL, 'b')"), "b");
    assert_eq!(value("MOD(7, 3)"), "1");
    assert_eq!(value("MOD(5 + 2, 1 + 2)"), "1");
    assert_eq!(value("0.1 + 0.2"), "0.3");
    assert_eq!(value("CAST('12' AS BIGINT)"), "12");
    assert_eq!(value("CAST(1 AS STRING)"), "1");
}

#[test]
fn json_by_path() {
    let json = r#"'{"a": {"b": [1, "x", null]}, "c d": true}'"#;
    assert_eq!(value(&format!("JSON_VALUE({json}, '$.a.b[1]')")), "x");
    assert_eq!(value(&format!("JSON_VALUE({json}, '$[''c d'']')")), "true");
    assert_eq!(value(&format!("JSON_VALUE({json}, '$.a')")), "NULL");
    assert_eq!(
        value(&format!("JSON_QUERY({json}, '$.a')")),
        r#"{"b":[1,"x",null]}"#
    );
    assert_eq!(value(&format!("JSON_EXISTS({json}, '$.a.b[2]')")), "true");
    assert_eq!(value("JSON_VALUE('not json', '$.a')"), "NULL");
}
