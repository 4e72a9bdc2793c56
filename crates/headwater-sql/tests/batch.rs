//! Queries as batches; the expansions of windows.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::util::pretty::pretty_format_batches;
use headwater_sql::batch::execute;

/// Rows of a key, a time in seconds and a value.
fn tables(rows: &[(&str, Option<i64>, i64)]) -> HashMap<String, Vec<RecordBatch>> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("k", DataType::Utf8, true),
        Field::new("ts", DataType::Timestamp(TimeUnit::Millisecond, None), true),
        Field::new("v", DataType::Int64, true),
    ]));
    let keys: StringArray = rows.iter().map(|r| Some(r.0)).collect();
    let times: TimestampMillisecondArray = rows.iter().map(|r| r.1.map(|s| s * 1_000)).collect();
    let values: Int64Array = rows.iter().map(|r| Some(r.2)).collect();
    let batch = RecordBatch::try_new(
        schema,
        vec![Arc::new(keys), Arc::new(times), Arc::new(values)],
    );
    HashMap::from([("t".to_owned(), vec![batch.unwrap()])])
}

fn answer(sql: &str, rows: &[(&str, Option<i64>, i64)]) -> String {
    match execute(sql, &tables(rows)) {
        Ok(answer) => pretty_format_batches(&answer.batches).unwrap().to_string(),
        Err(e) => e.render(sql),
    }
}

const ROWS: &[(&str, Option<i64>, i64)] = &[
    ("a", Some(-1), 1),
    ("a", Some(0), 2),
    ("b", Some(4), 3),
    ("a", Some(5), 4),
    ("a", None, 5),
    ("a", Some(15), 6),
];

#[test]
fn tumbling_windows_begin_at_multiples_of_their_size() {
    let sql = "SELECT window_start, window_end, window_time, sum(v) AS s
        FROM TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND)
        GROUP BY window_start, window_end, window_time ORDER BY 1";
    insta::assert_snapshot!(answer(sql, ROWS), @r"
    +---------------------+---------------------+-------------------------+---+
    | window_start        | window_end          | window_time             | s |
    +---------------------+---------------------+-------------------------+---+
    | 1969-12-31T23:59:55 | 1970-01-01T00:00:00 | 1969-12-31T23:59:59.999 | 1 |
    | 1970-01-01T00:00:00 | 1970-01-01T00:00:05 | 1970-01-01T00:00:04.999 | 5 |
    | 1970-01-01T00:00:05 | 1970-01-01T00:00:10 | 1970-01-01T00:00:09.999 | 4 |
    | 1970-01-01T00:00:15 | 1970-01-01T00:00:20 | 1970-01-01T00:00:19.999 | 6 |
    +---------------------+---------------------+-------------------------+---+
    ");
}

#[test]
fn an_offset_shifts_the_windows() {
    let sql = "SELECT window_start, sum(v) AS s
        FROM TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '1' SECOND)
        GROUP BY window_start ORDER BY 1";
    insta::assert_snapshot!(answer(sql, ROWS), @r"
    +---------------------+---+
    | window_start        | s |
    +---------------------+---+
    | 1969-12-31T23:59:56 | 3 |
    | 1970-01-01T00:00:01 | 7 |
    | 1970-01-01T00:00:11 | 6 |
    +---------------------+---+
    ");
}

#[test]
fn hopping_windows_hold_a_row_once_a_slide() {
    let sql = "SELECT window_start, window_end, sum(v) AS s
        FROM HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND)
        GROUP BY window_start, window_end ORDER BY 1";
    insta::assert_snapshot!(answer(sql, ROWS), @r"
    +---------------------+---------------------+---+
    | window_start        | window_end          | s |
    +---------------------+---------------------+---+
    | 1969-12-31T23:59:50 | 1970-01-01T00:00:00 | 1 |
    | 1969-12-31T23:59:55 | 1970-01-01T00:00:05 | 6 |
    | 1970-01-01T00:00:00 | 1970-01-01T00:00:10 | 9 |
    | 1970-01-01T00:00:05 | 1970-01-01T00:00:15 | 4 |
    | 1970-01-01T00:00:10 | 1970-01-01T00:00:20 | 6 |
    | 1970-01-01T00:00:15 | 1970-01-01T00:00:25 | 6 |
    +---------------------+---------------------+---+
    ");
}

#[test]
fn cumulating_windows_grow_to_their_size() {
    let sql = "SELECT window_start, window_end, sum(v) AS s
        FROM CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND)
        GROUP BY window_start, window_end ORDER BY 1, 2";
    insta::assert_snapshot!(answer(sql, ROWS), @r"
    +---------------------+---------------------+---+
    | window_start        | window_end          | s |
    +---------------------+---------------------+---+
    | 1969-12-31T23:59:50 | 1970-01-01T00:00:00 | 1 |
    | 1970-01-01T00:00:00 | 1970-01-01T00:00:05 | 5 |
    | 1970-01-01T00:00:00 | 1970-01-01T00:00:10 | 9 |
    | 1970-01-01T00:00:10 | 1970-01-01T00:00:20 | 6 |
    +---------------------+---------------------+---+
    ");
}

#[test]
fn sessions_end_after_their_gap() {
    let sql = "SELECT k, window_start, window_end, sum(v) AS s
        FROM SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '5' SECOND)
        GROUP BY k, window_start, window_end ORDER BY 1, 2";
    insta::assert_snapshot!(answer(sql, ROWS), @r"
    +---+---------------------+---------------------+---+
    | k | window_start        | window_end          | s |
    +---+---------------------+---------------------+---+
    | a | 1969-12-31T23:59:59 | 1970-01-01T00:00:10 | 7 |
    | a | 1970-01-01T00:00:15 | 1970-01-01T00:00:20 | 6 |
    | b | 1970-01-01T00:00:04 | 1970-01-01T00:00:09 | 3 |
    +---+---------------------+---------------------+---+
    ");
}

#[test]
fn the_old_syntax_gives_the_same() {
    let old = "SELECT k, SESSION_START(ts, INTERVAL '5' SECOND) AS window_start,
            SESSION_END(ts, INTERVAL '5' SECOND) AS window_end, sum(v) AS s
        FROM t GROUP BY k, SESSION(ts, INTERVAL '5' SECOND) ORDER BY 1, 2";
    let new = "SELECT k, window_start, window_end, sum(v) AS s
        FROM SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '5' SECOND)
        GROUP BY k, window_start, window_end ORDER BY 1, 2";
    assert_eq!(answer(old, ROWS), answer(new, ROWS));
}

#[test]
fn every_spelling_of_a_window_is_the_same_window() {
    let canonical = "FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND))";
    let query = |from: &str| {
        let sql =
            format!("SELECT window_start, count(*) AS n {from} GROUP BY window_start ORDER BY 1");
        answer(&sql, ROWS)
    };
    for other in [
        "FROM TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND)",
        "FROM TUMBLE(t, ts, INTERVAL '5' SECOND)",
        "FROM tumble(TABLE t, descriptor(TS), INTERVAL '5 seconds')",
        "FROM TABLE(TUMBLE(DATA => TABLE t, TIMECOL => DESCRIPTOR(ts), SIZE => INTERVAL '5' SECOND))",
        "FROM TUMBLE((SELECT * FROM t), ts, INTERVAL '5' SECOND) AS w",
    ] {
        assert_eq!(query(canonical), query(other), "{other}");
    }
}

#[test]
fn names_are_found_whatever_their_case() {
    let sql = r#"SELECT K, "k" AS q FROM T WHERE V = 3"#;
    insta::assert_snapshot!(answer(sql, ROWS), @r"
    +---+---+
    | k | q |
    +---+---+
    | b | b |
    +---+---+
    ");
}
