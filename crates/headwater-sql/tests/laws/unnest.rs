//! Tables whose rows are lists taken apart: as the dialect says it, and as DataFusion does, which has no UNNEST beside a table.

/// Lists that are null, empty, short and long, with nulls in them.
const LIST: &str = "CASE WHEN v > 10 THEN NULL WHEN v > 5 THEN array_remove(make_array(v), v) \
    WHEN v < 0 THEN make_array(v) ELSE make_array(v, k, v - k) END";

/// The tables that a query may read in place of `table`.
pub(super) fn sources(table: &str) -> [String; 4] {
    [
        table.to_owned(),
        table.to_owned(),
        format!("cross_{table}"),
        format!("left_{table}"),
    ]
}

/// The query in the dialect.
pub(super) fn ours(query: &str) -> String {
    let lists = |table: &str, join: &str, on: &str| {
        format!(
            "(SELECT k, s, x AS v, f, d, ts FROM {table} {join} JOIN UNNEST({LIST}) AS u (x){on})"
        )
    };
    replaced(
        query,
        |table| lists(table, "CROSS", ""),
        |table| lists(table, "LEFT", " ON TRUE"),
    )
}

/// The query as DataFusion has it.
pub(super) fn theirs(query: &str) -> String {
    let elements = |table: &str| {
        format!("SELECT k, s, unnest({LIST}) AS v, f, d, ts FROM {table} WHERE {LIST} IS NOT NULL")
    };
    let without = |table: &str| {
        format!(
            "SELECT k, s, CAST(NULL AS BIGINT) AS v, f, d, ts FROM {table} WHERE coalesce(cardinality({LIST}), 0) = 0"
        )
    };
    replaced(
        query,
        |table| format!("({})", elements(table)),
        |table| format!("({} UNION ALL {})", elements(table), without(table)),
    )
}

fn replaced(query: &str, cross: impl Fn(&str) -> String, left: impl Fn(&str) -> String) -> String {
    ["t", "c"].iter().fold(query.to_owned(), |query, table| {
        let query = query.replace(&format!("cross_{table}"), &cross(table));
        query.replace(&format!("left_{table}"), &left(table))
    })
}
