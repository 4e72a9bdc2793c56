//! The answers of the Nexmark queries of the supported class, as streams, are those of DataFusion as a batch over the same
//! events.

use std::path::Path;

use arrow::compute::concat_batches;
use headwater::{Answer, Headwater};

use super::{oracle, shown, windows};

/// Flink's functions, and DataFusion's in their places.
const FUNCTIONS: [(&str, &str); 8] = [
    (
        r"DATE_FORMAT\(([^,]+), 'yyyy-MM-dd'\)",
        "to_char($1, '%Y-%m-%d')",
    ),
    (r"DATE_FORMAT\(([^,]+), 'HH:mm'\)", "to_char($1, '%H:%M')"),
    (r"MOD\(auction, 123\)", "auction % 123"),
    (r"HOUR\(([^)]+)\)", "date_part('hour', $1)"),
    (
        r"count_char\(extra, 'c'\)",
        "length(extra) - length(replace(extra, 'c', ''))",
    ),
    (
        r"REGEXP_EXTRACT\(url, ('[^']*'), 2\)",
        "(regexp_match(url, $1))[2]",
    ),
    (
        r"SPLIT_INDEX\(url, '/', 3\) AS dir1",
        "split_part(url, '/', 4) AS dir1",
    ),
    (
        r"SPLIT_INDEX\(url, '/', ([45])\)",
        "split_part(url, '/', $1 + 1)",
    ),
];

fn text(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/nexmark");
    std::fs::read_to_string(folder.join(format!("{name}.sql"))).unwrap()
}

/// The query of a file.
fn query(name: &str) -> String {
    let text = text(name);
    let insert = format!("INSERT INTO nexmark_{name}\n");
    let (_, query) = text.split_once(&insert).unwrap();
    query.trim().trim_end_matches(';').to_owned()
}

fn answered(headwater: &Headwater, sql: &str) -> Vec<Vec<String>> {
    let mut answers = headwater.script(sql).unwrap();
    let Answer::Changes(changes) = answers.next().unwrap().unwrap() else {
        panic!("no stream: {sql}");
    };
    let batches: Result<Vec<_>, _> = changes.collect();
    oracle::net(&shown(&batches.unwrap()))
}

fn expected(headwater: &Headwater, sql: &str) -> Vec<Vec<String>> {
    let context = oracle::context();
    let runtime = tokio::runtime::Builder::new_current_thread();
    { runtime }.build().unwrap().block_on(async {
        let bids = oracle::rows(headwater, "SELECT * FROM bid").unwrap();
        let bids = concat_batches(&bids[0].schema(), &bids).unwrap();
        context.register_batch("bid", bids).unwrap();
        let sql = windows::write_out(&context, sql).await.unwrap();
        let frame = context.sql(&sql).await;
        let frame = frame.unwrap_or_else(|e| panic!("{sql}: {}", e.strip_backtrace()));
        shown(&frame.collect().await.unwrap())
    })
}

#[test]
fn answers_of_nexmark_are_those_of_datafusion() {
    let headwater = Headwater::memory().unwrap();
    headwater
        .sql(&text("tables").replace("'100000'", "'30000'"))
        .unwrap();
    for name in [
        "q0", "q1", "q2", "q11", "q14", "q15", "q16", "q17", "q21", "q22",
    ] {
        let mut sql = query(name);
        let mut found = answered(
            &headwater,
            &format!(
                "{sql} EMIT {}",
                match name {
                    "q11" => "ON WINDOW CLOSE",
                    _ => "CHANGES",
                }
            ),
        );
        if name == "q11" {
            let group = "SESSION(B.`dateTime`, INTERVAL '10' SECOND)";
            sql = sql
                .replace(&format!("GROUP BY B.bidder, {group}"), "GROUP BY B.bidder, window_start, window_end")
                .replace("SESSION_START(B.`dateTime`, INTERVAL '10' SECOND)", "window_start")
                .replace("SESSION_END(B.`dateTime`, INTERVAL '10' SECOND)", "window_end")
                .replace("FROM bid AS B", "FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) AS B");
        }
        for (flink, ours) in FUNCTIONS {
            sql = windows::pattern(flink).replace_all(&sql, ours).into_owned();
        }
        let mut expected = expected(&headwater, &sql);
        found.sort();
        expected.sort();
        assert!(!found.is_empty(), "{name} answers nothing");
        assert!(
            found == expected,
            "{name}: {} rows, DataFusion has {}; the first that differ: {:?}",
            found.len(),
            expected.len(),
            found.iter().zip(&expected).find(|(a, b)| a != b)
        );
    }
}
