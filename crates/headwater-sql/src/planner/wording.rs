//! DataFusion's words as people say them: expressions and types as in SQL, messages without prefixes.

use std::sync::LazyLock;

pub(super) use headwater_flow::tidy;
use regex::{Captures, Regex};

/// Types as Arrow calls them, and as SQL does.
const TYPES: [(&str, &str); 20] = [
    ("Boolean", "BOOLEAN"),
    ("Int8", "TINYINT"),
    ("Int16", "SMALLINT"),
    ("Int32", "INT"),
    ("Int64", "BIGINT"),
    ("UInt64", "BIGINT"),
    ("Float32", "FLOAT"),
    ("Float64", "DOUBLE"),
    ("Decimal128", "DECIMAL"),
    ("Utf8", "STRING"),
    ("LargeUtf8", "STRING"),
    ("Utf8View", "STRING"),
    ("Binary", "BYTES"),
    ("LargeBinary", "BYTES"),
    ("BinaryView", "BYTES"),
    ("Date32", "DATE"),
    ("Time32(ms)", "TIME"),
    ("Time64(µs)", "TIME(6)"),
    ("Interval(MonthDayNano)", "INTERVAL"),
    ("Null", "NULL"),
];

static TYPE: LazyLock<Regex> = LazyLock::new(|| {
    let mut names: Vec<String> = TYPES
        .iter()
        .map(|(arrow, _)| regex::escape(arrow))
        .collect();
    names.sort_by_key(|n| std::cmp::Reverse(n.len()));
    let bounded = |n: &String| match n.ends_with(')') {
        true => format!(r"\b{n}"),
        false => format!(r"\b{n}\b"),
    };
    pattern(&names.iter().map(bounded).collect::<Vec<_>>().join("|"))
});
static TIMESTAMP: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"\bTimestamp\((s|ms|µs|ns)(, "[^"]*")?\)"#));
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\b(?:Int8|Int16|Int32|Int64|UInt64|Float32|Float64|Boolean)\(([^(),]*)\)")
});
static DECIMAL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\bDecimal128\(Some\((-?)(\d+)\),\d+,(\d+)\)"));
static TEXT: LazyLock<Regex> = LazyLock::new(|| pattern(r#"\b(?:Utf8|Utf8View)\("([^"]*)"\)"#));
static NO_FIT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)^can't cast value (.*) to type (.*)$"));
static NO_VALUE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)^cannot cast string '(.*)' to value of (.*) type$"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("is a pattern")
}

/// What DataFusion made of expressions and types, as people write it: `Int64(1)` is `1`, `Utf8` is `STRING`.
pub(crate) fn readable(text: &str) -> String {
    let text = NUMBER.replace_all(text, "$1");
    let text = DECIMAL.replace_all(&text, |found: &Captures<'_>| decimal(found));
    let text = TEXT.replace_all(&text, "'$1'");
    let text = text.replace("count(1)", "count(*)");
    let text = TIMESTAMP.replace_all(&text, |found: &Captures<'_>| timestamp(found));
    let sql = |found: &Captures<'_>| {
        let known = TYPES.iter().find(|(arrow, _)| *arrow == &found[0]);
        known.map_or(found[0].to_owned(), |(_, sql)| (*sql).to_owned())
    };
    TYPE.replace_all(&text, sql).into_owned()
}

/// The digits of a decimal with its point.
fn decimal(found: &Captures<'_>) -> String {
    let scale = found[3].parse().unwrap_or(0_usize);
    let digits = format!("{:0>width$}", &found[2], width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale > 0 { "." } else { "" };
    format!("{}{whole}{point}{fraction}", &found[1])
}

fn timestamp(found: &Captures<'_>) -> String {
    let zone = if found.get(2).is_some() { "_LTZ" } else { "" };
    let digits = match &found[1] {
        "s" => 0,
        "ms" => 3,
        "µs" => 6,
        _ => 9,
    };
    format!("TIMESTAMP{zone}({digits})")
}

/// A value that cannot be cast, said as one sentence; other messages as they are.
pub(super) fn of_values(message: &str) -> String {
    let message = NO_FIT.replace(message, "the value $1 does not fit into $2");
    NO_VALUE
        .replace(&message, "'$1' is not a value of type $2")
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_and_types_are_those_of_sql() {
        for (datafusion, ours) in [
            ("Int64(1) + t.a", "1 + t.a"),
            ("count(Int64(1))", "count(*)"),
            ("t.s = Utf8(\"a\")", "t.s = 'a'"),
            ("Decimal128(Some(15),2,1)", "1.5"),
            ("Decimal128(Some(-5),2,2)", "-0.05"),
            ("CAST(x AS Decimal128(20, 0))", "CAST(x AS DECIMAL(20, 0))"),
            (
                "Timestamp(ms, \"UTC\") and Timestamp(µs)",
                "TIMESTAMP_LTZ(3) and TIMESTAMP(6)",
            ),
            ("Int64 + Utf8View", "BIGINT + STRING"),
            ("Interval(MonthDayNano)", "INTERVAL"),
        ] {
            assert_eq!(readable(datafusion), ours);
        }
    }

    #[test]
    fn values_that_do_not_fit_are_one_sentence() {
        let said = |text| of_values(&readable(&tidy(text)));
        assert_eq!(
            said("Arrow error: Cast error: Can't cast value 3000000000 to type Int32"),
            "the value 3000000000 does not fit into INT"
        );
        assert_eq!(
            said("Cast error: Cannot cast string '1x' to value of Int32 type"),
            "'1x' is not a value of type INT"
        );
    }
}
