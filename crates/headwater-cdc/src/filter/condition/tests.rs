//! Conditions are what SQL makes of them.

use super::*;

/// Whether a condition holds for `a = 5`, `b = 'x'` and `c`, which is not there.
fn holds(text: &str) -> Option<bool> {
    let value = |column: &str| match column {
        "a" => Some(Literal::Number("5".to_owned())),
        "b" => Some(Literal::Text("x".to_owned())),
        "c" | "a b`" => None,
        _ => panic!("'{column}'"),
    };
    let rank = |literal: &Literal| match literal {
        Literal::Number(digits) => digits.parse::<f64>().unwrap(),
        Literal::Text(text) => f64::from(u32::from(text.chars().next().unwrap())),
    };
    Condition::parse(text).unwrap().holds(&|test: &Test| {
        let found = value(&test.column);
        let ordering = |wanted: &Literal| rank(found.as_ref()?).partial_cmp(&rank(wanted));
        match &test.is {
            Is::Null => Some(found.is_none()),
            Is::Compared(comparison, wanted) => ordering(wanted).map(|o| comparison.is(o)),
            Is::Among(wanted) => {
                found.as_ref()?;
                Some(
                    wanted
                        .iter()
                        .any(|w| ordering(w).is_some_and(|o| o.is_eq())),
                )
            }
        }
    })
}

#[test]
fn tests_are_joined_as_in_sql() {
    for (text, want) in [
        ("a = 5", Some(true)),
        ("a <> 5 or b = 'x'", Some(true)),
        ("a <> 5 OR b = 'y' AND a = 5", Some(false)),
        ("(a <> 5 OR b = 'x') AND a >= 5", Some(true)),
        ("NOT a < 5 AND NOT (a > 5)", Some(true)),
        ("a BETWEEN -1 AND +5.0 AND b IN ('y', 'x')", Some(true)),
        ("a NOT BETWEEN 1 AND 9 OR a NOT IN (5)", Some(false)),
        ("c IS NULL AND b IS NOT NULL", Some(true)),
        ("c = 5", None),
        ("NOT c = 5", None),
        ("c = 5 OR a = 5", Some(true)),
        ("c = 5 AND a <> 5", Some(false)),
        ("c = 5 AND a = 5", None),
        ("c NOT IN (1, 2)", None),
        ("`a b``` IS NULL", Some(true)),
        ("a=TRUE OR a!=false", Some(true)),
    ] {
        assert_eq!(holds(text), want, "{text}");
    }
}

#[test]
fn texts_are_what_is_between_quotes() {
    let Condition::Test(test) = Condition::parse("b = 'it''s ; -- \"ü'").unwrap() else {
        panic!();
    };
    let text = Literal::Text("it's ; -- \"ü".to_owned());
    assert_eq!(test.is, Is::Compared(Comparison::Equal, text));
}

#[test]
fn what_is_not_understood_is_refused_where_it_begins() {
    for (text, begins) in [
        ("", "at its end"),
        ("a = 5 AND", "at its end"),
        ("a = 5 b", "from 'b' on"),
        ("5 = a", "from '5 = a' on"),
        ("lower(b) = 'x'", "from '(b) = 'x'' on"),
        ("b LIKE 'x%'", "from 'LIKE 'x%'' on"),
        ("b = 'x\\''", "from ''x\\''' on"),
        ("b = 'x", "from ''x' on"),
        ("a = 1e5", "from '1e5' on"),
        ("a = b", "from 'b' on"),
        ("a + 1 = 5", "from '+ 1 = 5' on"),
        ("NULL IS NULL", "from 'NULL IS NULL' on"),
        ("a NOT = 5", "from"),
    ] {
        let error = Condition::parse(text).unwrap_err();
        assert!(error.message().contains(begins), "{text}: {error}");
    }
    let deep = format!("{}a = 5{}", "(".repeat(65), ")".repeat(65));
    assert!(Condition::parse(&deep).is_err());
    assert!(Condition::parse(&"NOT ".repeat(100_000)).is_err());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in r#"([ab(),'<>=.0-9 `\\\PC]|AND|OR|NOT|IN|IS|NULL|BETWEEN){0,40}"#) {
        drop(Condition::parse(&text));
    }
}
