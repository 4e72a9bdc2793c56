//! Sentences of DataFusion's planner, said anew: what is wrong in the words of SQL, and what can be done.

use std::sync::LazyLock;

use regex::Regex;

/// Its sentence, ours, and a hint; `$1` is what stands in the first parentheses.
const PHRASES: [(&str, &str, &str); 27] = [
    (
        r"^cannot coerce arithmetic expression (.+) (\S+) (.+) to valid types$",
        "'$2' does not take $1 and $3",
        CAST,
    ),
    (
        r"^cannot infer common argument type for (?:comparison|logical boolean|bitwise|string|regex|array) operation (.+) (\S+|IS NOT DISTINCT FROM|IS DISTINCT FROM) (.+)$",
        "'$2' does not take $1 and $3",
        CAST,
    ),
    (
        r"^cannot create filter with non-boolean predicate '(.+)' returning (.+)$",
        "the condition '$1' has type $2, not BOOLEAN",
        "compare it with something",
    ),
    (
        r"^unary operator '(.+)' only supports .*$",
        "'$1' takes a number or an interval",
        CAST,
    ),
    (
        r"^unary operator 'NOT' requires a boolean expression, got (.+)$",
        "'NOT' takes a BOOLEAN, not $1",
        "",
    ),
    (
        r"^cannot find column with position (\d+) in SELECT clause\. Valid columns: 1 to (\d+)$",
        "GROUP BY $1: the SELECT list has no such column",
        "it has columns 1 to $2",
    ),
    (
        r"^order by column out of bounds, specified: (\d+), max: (\d+)$",
        "ORDER BY $1: the SELECT list has no such column",
        "it has columns 1 to $2",
    ),
    (
        r"^invalid qualifier (.+)$",
        "table '$1' is not one of those in FROM",
        "",
    ),
    (
        r"^cannot access field at argument \d+: type (.+) is not Struct, Map, or NULL$",
        "a value of type $1 has no fields",
        "only a ROW or MAP has fields",
    ),
    (
        r"^(\w+) queries have different number of columns.*$",
        "the queries of $1 have different numbers of columns",
        "",
    ),
    (
        r"^incompatible inputs for (\w+): previous inputs were of type (.+), but got incompatible type (.+) on column '(.+)'$",
        "column '$4' is of type $3 in one query of the UNION and $2 in another",
        CAST,
    ),
    (
        r"^too many columns! The subquery should only return one column: (.*)$",
        "a subquery that stands for a value has one column, not several: $1",
        "",
    ),
    (
        r"^inconsistent data length across values list: got (\d+) values in row \d+ but expected (\d+)$",
        "the rows of VALUES have different numbers of values: $2 and $1",
        "",
    ),
    (
        r"^source table contains (\d+) columns but only (\d+) names given as column alias$",
        "the table has $1 columns, its alias names $2",
        "",
    ),
    (
        r#"^WITH query name "(.+)" specified more than once$"#,
        "WITH names '$1' twice",
        "",
    ),
    (
        r"^error parsing timestamp from '(.*)': .*$",
        "'$1' is not a TIMESTAMP",
        "write TIMESTAMP '2024-01-31 12:00:00'",
    ),
    (
        r#"^invalid input syntax for type interval: "(.*)"$"#,
        "'$1' is not an INTERVAL",
        "write INTERVAL '5' MINUTE",
    ),
    (
        r"^aggregate function calls cannot be nested: '(.+)' is nested inside '(.+)'$",
        "'$1' stands inside of another aggregate",
        "aggregate in a subquery, and its result outside of it",
    ),
    (
        r"^expected (LIMIT|OFFSET) to be an integer or null, but got (.+)$",
        "$1 takes a whole number, not $2",
        "",
    ),
    (
        r"^(LIMIT|OFFSET) must be >= 0, '(.+)' was provided$",
        "$1 takes a number from 0, not $2",
        "",
    ),
    (
        r"^argument (.+) to grouping function is not in grouping columns$",
        "GROUPING takes a column that the query groups by, not $1",
        "",
    ),
    (
        r"^unsupported CAST from (.+) to (.+)$",
        "a $1 cannot be cast to $2",
        "",
    ),
    (r"^divide by zero error$", "division by zero", ZERO),
    (
        r"^overflow happened on: (.+)$",
        "$1 does not fit into the type of its operands",
        "cast one of them to a larger type",
    ),
    (
        r"^HAVING clause references: (.+) must appear in the GROUP BY clause or be used in an aggregate function$",
        "HAVING filters groups, and $1 is neither grouped by nor aggregated",
        "filter rows: write WHERE before GROUP BY",
    ),
    (
        r"^unnest\(\) can only be applied to array, struct and null$",
        "UNNEST takes an ARRAY or a MAP",
        "",
    ),
    (
        r"^QUALIFY clause requires window functions .*$",
        "QUALIFY filters by a function with OVER, and there is none",
        "write WHERE, or HAVING after GROUP BY",
    ),
];

const CAST: &str = "write CAST(… AS …) around one of them";
const ZERO: &str = "write NULLIF(divisor, 0) to get NULL instead";

static SENTENCES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let patterns = PHRASES.iter();
    let patterns = patterns.map(|(theirs, _, _)| Regex::new(&format!("(?i){theirs}")));
    patterns.map(|p| p.expect("is a pattern")).collect()
});

/// What `message` means, and a hint, if it is one of the sentences that people need not read.
pub(super) fn said(message: &str) -> Option<(String, Option<String>)> {
    let mut sentences = SENTENCES.iter().zip(PHRASES);
    sentences.find_map(|(theirs, (_, ours, hint))| {
        let found = theirs.captures(message)?;
        let expanded = |text: &str| {
            let mut out = String::new();
            found.expand(text, &mut out);
            out
        };
        let hint = (!hint.is_empty()).then(|| expanded(hint));
        Some((expanded(ours), hint))
    })
}
