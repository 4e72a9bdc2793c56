//! Conditions on values of every kind.

use std::cmp::Ordering;

use bytes::Bytes;

use super::operand::Decimal;
use super::*;
use crate::mysql::{Charset, Column, Kind};

fn table() -> Table {
    let text = |charset| Kind::Varchar {
        bytes: 9,
        charset,
        is_compressed: false,
    };
    let int = Kind::Int {
        bytes: 8,
        is_unsigned: true,
    };
    let decimal = Kind::Decimal {
        precision: 65,
        scale: 30,
    };
    let kinds = [
        ("n", int),
        ("d", decimal),
        ("f", Kind::Float),
        ("s", text(Charset::Utf8)),
        ("b", text(Charset::Binary)),
        ("t", Kind::DateTime { digits: 6 }),
        ("c", Kind::Time { digits: 0 }),
    ];
    let column = |(name, kind): (&str, Kind)| Column {
        name: name.to_owned(),
        kind,
        is_nullable: true,
        key: None,
    };
    Table::described("d", "t", kinds.into_iter().map(column).collect())
}

fn of(text: &str) -> Result<RowCondition> {
    RowCondition::of(&Condition::parse(text)?, &table())
}

#[test]
fn values_are_compared_exactly() {
    let kinds = table().columns;
    let time = |place: usize, text: &'static str| {
        Value::parse(
            &kinds[place].kind,
            Some(&Bytes::from_static(text.as_bytes())),
        )
        .unwrap()
    };
    let row = [
        Value::UInt(u64::MAX),
        Value::Decimal("-0000012.50".to_owned()),
        Value::Float(0.1),
        Value::Text("Ö".into()),
        Value::Null,
        time(5, "2026-02-31 10:00:00.500000"),
        time(6, "-100:00:00"),
    ];
    for (text, want) in [
        ("n = 18446744073709551615", true),
        ("n < 18446744073709551616", true),
        ("n > 18446744073709551614.99", true),
        ("n = 18446744073709551615.000", true),
        ("d = -12.5 AND d > -12.51 AND d < -2.6 AND d < 0", true),
        ("d IN (12.5, +7, -12.500)", true),
        ("f = 0.1", false),
        ("f > 0.1 AND f < 0.1000001", true),
        ("s = 'Ö' AND N <> 1", true),
        ("s = 'ö' OR s <> 'Ö'", false),
        ("b IS NULL AND NOT s IS NULL", true),
        (
            "t > '2026-02-31' AND t < '2026-02-31 10:00:00.500001'",
            true,
        ),
        ("t = '2026-02-31 10:00:00.5'", true),
        ("c < '00:00:00' AND c >= '-100:00:00'", true),
    ] {
        assert_eq!(of(text).unwrap().holds(&row), want, "{text}");
    }
    let null: Vec<Value> = row.iter().map(|_| Value::Null).collect();
    for text in ["n = 1", "NOT n = 1", "s <> 'a'", "s NOT IN ('a')"] {
        assert!(!of(text).unwrap().holds(&null), "{text}");
    }
}

#[test]
fn zero_is_zero_however_it_is_written() {
    for (one, other) in [("-0", "0.00"), ("+.0", "00"), ("-1.10", "-1.1")] {
        assert_eq!(Decimal::of(one).cmp(&Decimal::of(other)), Ordering::Equal);
    }
}

#[test]
fn what_cannot_be_compared_is_refused_by_name() {
    for (text, kind) in [
        ("x = 1", ErrorKind::Invalid),
        ("n = '1'", ErrorKind::Invalid),
        ("s = 1", ErrorKind::Invalid),
        ("s < 'a'", ErrorKind::Unsupported),
        ("s BETWEEN 'a' AND 'b'", ErrorKind::Unsupported),
        ("b = 'a'", ErrorKind::Unsupported),
        ("t = 2026", ErrorKind::Invalid),
        ("t = '2026-300-01'", ErrorKind::Invalid),
        ("t = 'now'", ErrorKind::Invalid),
        ("c = '10:99:00'", ErrorKind::Invalid),
    ] {
        let error = of(text).unwrap_err();
        assert_eq!(error.kind(), kind, "{text}");
        let column = format!("'{}'", &text[..1]);
        assert!(error.message().contains(&column), "{text}: {error}");
    }
}

proptest::proptest! {
    #[test]
    fn decimals_have_the_order_of_numbers(one in -99_999i64..99_999, other in -99_999i64..99_999, scale in 0usize..4) {
        let text = |number: i64| {
            let digits = format!("{:08}", number.unsigned_abs());
            let (whole, fraction) = digits.split_at(8 - scale);
            format!("{}{whole}.{fraction}", if number < 0 { "-" } else { "" })
        };
        let found = Decimal::of(&text(one)).cmp(&Decimal::of(&text(other)));
        proptest::prop_assert_eq!(found, one.cmp(&other));
    }
}
