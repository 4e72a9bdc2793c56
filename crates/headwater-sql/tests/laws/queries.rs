//! Random queries of the class that continuous queries support.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::unnest;

fn pick<'a>(rng: &mut StdRng, of: &[&'a str]) -> &'a str {
    of.choose(rng).unwrap()
}

/// A random query over `table`, of the class that continuous queries support.
pub(super) fn random_query(rng: &mut StdRng, table: &str) -> String {
    let rows = random_rows_query(rng, table);
    match rng.random_range(0..6) {
        0 => rows,
        1 => format!("SELECT DISTINCT k, s FROM ({rows})"),
        2 => {
            let other = random_rows_query(rng, table);
            format!(
                "SELECT k, count(*) AS n, sum(v) AS sv FROM ({rows} UNION ALL {other}) GROUP BY k"
            )
        }
        3 => {
            let inner = random_aggregate(rng, &rows, 1);
            format!("SELECT a0, count(*) AS n FROM ({inner}) GROUP BY a0")
        }
        _ => {
            let count = rng.random_range(1..5);
            random_aggregate(rng, &rows, count)
        }
    }
}

fn random_rows_query(rng: &mut StdRng, table: &str) -> String {
    let v = pick(
        rng,
        &[
            "v",
            "v + 1",
            "v * 2 - k",
            "CASE WHEN v > 3 THEN v ELSE k END",
        ],
    );
    let s = pick(
        rng,
        &[
            "s",
            "upper(s)",
            "coalesce(s, 'none')",
            "concat_ws('-', s, k)",
        ],
    );
    let filter = pick(
        rng,
        &[
            "",
            " WHERE v > 0",
            " WHERE s = 's1' OR k IS NULL",
            " WHERE f < 50 AND k <> 2",
            " WHERE s LIKE '%2' OR v BETWEEN -5 AND 5",
        ],
    );
    let sources = unnest::sources(table);
    let source = sources.choose(rng).unwrap();
    format!("SELECT k, {s} AS s, {v} AS v, f, d, ts FROM {source}{filter}")
}

fn random_aggregate(rng: &mut StdRng, rows: &str, count: usize) -> String {
    let keys = pick(
        rng,
        &[
            "",
            "k",
            "s",
            "k, s",
            "k % 2",
            "CASE WHEN f > 0 THEN 'up' END",
        ],
    );
    let mut columns: Vec<String> = Vec::new();
    for i in 0..count {
        let function = pick(
            rng,
            &[
                "count", "sum", "min", "max", "avg", "stddev", "var_pop", "median",
            ],
        );
        let argument = match function {
            "count" | "min" | "max" => pick(rng, &["k", "s", "v", "f", "d", "ts"]),
            "stddev" | "var_pop" | "median" => pick(rng, &["v", "f"]),
            _ => pick(rng, &["k", "v", "f", "d"]),
        };
        let distinct = match function {
            "count" | "sum" if rng.random_bool(0.4) => "DISTINCT ",
            _ => "",
        };
        let filter = pick(
            rng,
            &[
                "",
                "",
                " FILTER (WHERE v > 0)",
                " FILTER (WHERE s IS NOT NULL)",
            ],
        );
        columns.push(format!("{function}({distinct}{argument}){filter} AS a{i}"));
    }
    if rng.random_bool(0.3) {
        columns.push("count(*) AS n".to_owned());
    }
    let columns = columns.join(", ");
    if keys.is_empty() {
        return format!("SELECT {columns} FROM ({rows})");
    }
    let having = pick(rng, &["", "", " HAVING count(*) > 2"]);
    let groups = match keys {
        "k, s" => pick(
            rng,
            &[
                "k, s",
                "ROLLUP (k, s)",
                "CUBE (k, s)",
                "GROUPING SETS ((k), (s, k), (s))",
            ],
        ),
        keys => keys,
    };
    format!("SELECT {columns}, {keys} FROM ({rows}) GROUP BY {groups}{having}")
}
