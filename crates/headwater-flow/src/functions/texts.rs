//! Functions that make a text of texts, or say what one is made of: `CONCAT`, `ELT`, `IS_ALPHA`, `IS_DECIMAL`, `IS_DIGIT`,
//! `TO_BASE64`, `FROM_BASE64`, `TYPEOF`.

use std::sync::Arc;

use arrow::array::{BooleanArray, StringBuilder};
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, exec_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};

use super::base64;
use super::spec::{Spec, Text, Whole, all_texts, is_text, is_whole, result, rows, texts};
use crate::plan::type_name;

pub(super) static SPECS: [Spec; 8] = [
    Spec {
        name: "concat",
        aliases: &[],
        usage: "CONCAT(text, …)",
        coerce: |types| {
            let fits = !types.is_empty() && types.iter().all(|t| !t.is_nested());
            fits.then(|| vec![DataType::Utf8; types.len()])
        },
        returns: |_| DataType::Utf8,
        invoke: concat,
    },
    Spec {
        name: "elt",
        aliases: &[],
        usage: "ELT(number, first, second, …)",
        coerce: |types| match types {
            [n, rest @ ..] if is_whole(n) && !rest.is_empty() && rest.iter().all(is_text) => {
                let texts = std::iter::repeat_n(DataType::Utf8, rest.len());
                Some(std::iter::once(DataType::Int64).chain(texts).collect())
            }
            _ => None,
        },
        returns: |_| DataType::Utf8,
        invoke: elt,
    },
    made_of("is_alpha", "IS_ALPHA(text)", |args| {
        is_made_of(args, |text| text.chars().all(char::is_alphabetic))
    }),
    made_of("is_digit", "IS_DIGIT(text)", |args| {
        is_made_of(args, |text| text.chars().all(char::is_numeric))
    }),
    made_of("is_decimal", "IS_DECIMAL(text)", |args| {
        is_made_of(args, is_number)
    }),
    Spec {
        name: "to_base64",
        aliases: &[],
        usage: "TO_BASE64(text)",
        coerce: |types| all_texts(types, 1..=1),
        returns: |_| DataType::Utf8,
        invoke: |args| {
            let text = Text::new(&args.args[0])?;
            texts(args, |row| {
                let mut coded = Vec::new();
                let encoded = text
                    .get(row)
                    .map(|t| base64::encode(t.as_bytes(), &mut coded));
                Ok(encoded.map(|()| String::from_utf8_lossy(&coded).into_owned()))
            })
        },
    },
    Spec {
        name: "from_base64",
        aliases: &[],
        usage: "FROM_BASE64(text)",
        coerce: |types| all_texts(types, 1..=1),
        returns: |_| DataType::Utf8,
        invoke: |args| {
            let text = Text::new(&args.args[0])?;
            texts(args, |row| text.get(row).map(from_base64).transpose())
        },
    },
    Spec {
        name: "typeof",
        aliases: &[],
        usage: "TYPEOF(value)",
        coerce: |types| match types {
            [t] => Some(vec![t.clone()]),
            [t, DataType::Boolean] => Some(vec![t.clone(), DataType::Boolean]),
            _ => None,
        },
        returns: |_| DataType::Utf8,
        invoke: |args| {
            let name = type_name(args.arg_fields[0].data_type());
            Ok(ColumnarValue::Scalar(ScalarValue::Utf8(Some(name))))
        },
    },
];

/// A function that says what a text is made of; an empty text and NULL are made of nothing.
const fn made_of(
    name: &'static str,
    usage: &'static str,
    invoke: fn(&ScalarFunctionArgs) -> Result<ColumnarValue>,
) -> Spec {
    Spec {
        name,
        aliases: &[],
        usage,
        coerce: |types| match types {
            [t] if is_text(t) || t.is_numeric() => Some(vec![DataType::Utf8]),
            _ => None,
        },
        returns: |_| DataType::Boolean,
        invoke,
    }
}

fn is_made_of(args: &ScalarFunctionArgs, of: fn(&str) -> bool) -> Result<ColumnarValue> {
    let text = Text::new(&args.args[0])?;
    let is = |row| Some(text.get(row).is_some_and(|t| !t.is_empty() && of(t)));
    let made: BooleanArray = (0..rows(args)).map(is).collect();
    result(args, Arc::new(made))
}

/// Digits with at most one point and one exponent.
fn is_number(text: &str) -> bool {
    let is_named = text.contains(|c: char| c.is_ascii_alphabetic() && !"eE".contains(c));
    !is_named && text.parse::<f64>().is_ok()
}

/// NULL if one of them is.
fn concat(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let texts = args
        .args
        .iter()
        .map(Text::new)
        .collect::<Result<Vec<_>>>()?;
    let mut out = StringBuilder::new();
    let mut whole = String::new();
    for row in 0..rows(args) {
        whole.clear();
        let mut parts = texts.iter().map(|t| t.get(row));
        match parts.try_for_each(|part| part.map(|p| whole.push_str(p))) {
            Some(()) => out.append_value(&whole),
            None => out.append_null(),
        }
    }
    result(args, Arc::new(out.finish()))
}

/// The text of a number, from 1; NULL if there is none.
fn elt(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let number = Whole::new(&args.args[0])?;
    let choices = args.args[1..].iter().map(Text::new);
    let choices = choices.collect::<Result<Vec<_>>>()?;
    texts(args, |row| {
        let place = number.get(row).and_then(|n| usize::try_from(n - 1).ok());
        let chosen = place.and_then(|place| choices.get(place)?.get(row));
        Ok(chosen.map(str::to_owned))
    })
}

fn from_base64(text: &str) -> Result<String> {
    let mut bytes = Vec::new();
    match base64::decode(text.as_bytes(), &mut bytes) {
        Some(()) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        None => exec_err!("'{text}' is not base64"),
    }
}
