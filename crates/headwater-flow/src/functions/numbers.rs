//! Functions of numbers: `E`, `LOG`, and numbers in other notations: `BIN`, `HEX`, `UNHEX`.

use std::sync::Arc;

use arrow::array::{AsArray, BinaryBuilder, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};

use super::spec::{Bytes, Spec, Text, Whole, is_bytes, is_text, is_whole, result, rows, texts};

pub(super) static SPECS: [Spec; 5] = [
    Spec {
        name: "e",
        aliases: &[],
        usage: "E()",
        coerce: |types| types.is_empty().then(Vec::new),
        returns: |_| DataType::Float64,
        invoke: |_| {
            let e = ScalarValue::Float64(Some(std::f64::consts::E));
            Ok(ColumnarValue::Scalar(e))
        },
    },
    Spec {
        name: "log",
        aliases: &[],
        usage: "LOG([base, ]number)",
        coerce: |types| {
            let is_number = |t: &DataType| t.is_numeric() || t.is_null();
            let fits = matches!(types.len(), 1 | 2) && types.iter().all(is_number);
            fits.then(|| vec![DataType::Float64; types.len()])
        },
        returns: |_| DataType::Float64,
        invoke: log,
    },
    Spec {
        name: "bin",
        aliases: &[],
        usage: "BIN(whole number)",
        coerce: |types| match types {
            [t] if is_whole(t) => Some(vec![DataType::Int64]),
            _ => None,
        },
        returns: |_| DataType::Utf8,
        invoke: |args| {
            let number = Whole::new(&args.args[0])?;
            texts(args, |row| Ok(number.get(row).map(|n| format!("{n:b}"))))
        },
    },
    Spec {
        name: "hex",
        aliases: &[],
        usage: "HEX(whole number, text or bytes)",
        coerce: |types| match types {
            [t] if is_whole(t) => Some(vec![DataType::Int64]),
            [t] if is_text(t) => Some(vec![DataType::Utf8]),
            [t] if is_bytes(t) => Some(vec![DataType::Binary]),
            _ => None,
        },
        returns: |_| DataType::Utf8,
        invoke: hex,
    },
    Spec {
        name: "unhex",
        aliases: &[],
        usage: "UNHEX(text)",
        coerce: |types| match types {
            [t] if is_text(t) => Some(vec![DataType::Utf8]),
            _ => None,
        },
        returns: |_| DataType::Binary,
        invoke: unhex,
    },
];

/// The natural logarithm, or that to a base.
fn log(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let count = rows(args);
    let last = args.args.len() - 1;
    let number = args.args[last].to_array(count)?;
    let number = number.as_primitive::<Float64Type>();
    let logs: Float64Array = match last {
        0 => number.unary(f64::ln),
        _ => {
            let base = args.args[0].to_array(count)?;
            let base = base.as_primitive::<Float64Type>();
            let pairs = base.iter().zip(number);
            pairs.map(|(base, n)| Some(n?.ln() / base?.ln())).collect()
        }
    };
    result(args, Arc::new(logs))
}

fn hex(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let digits = |bytes: &[u8]| {
        let digits = bytes.iter().map(|b| format!("{b:02X}"));
        digits.collect::<String>()
    };
    match args.args[0].data_type() {
        DataType::Int64 => {
            let number = Whole::new(&args.args[0])?;
            texts(args, |row| Ok(number.get(row).map(|n| format!("{n:X}"))))
        }
        DataType::Binary => {
            let bytes = Bytes::new(&args.args[0]);
            texts(args, |row| Ok(bytes.get(row).map(digits)))
        }
        _ => {
            let text = Text::new(&args.args[0])?;
            texts(args, |row| Ok(text.get(row).map(|t| digits(t.as_bytes()))))
        }
    }
}

/// The bytes that hexadecimal digits stand for. Of an odd number of digits the first counts for nothing, as in Flink: a zero
/// byte is there instead.
fn unhex(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let text = Text::new(&args.args[0])?;
    let mut out = BinaryBuilder::new();
    for row in 0..rows(args) {
        out.append_option(text.get(row).and_then(from_digits));
    }
    result(args, Arc::new(out.finish()))
}

fn from_digits(text: &str) -> Option<Vec<u8>> {
    let digit = |c: &u8| char::from(*c).to_digit(16).map(|d| d as u8);
    let odd = text.len() % 2;
    let mut bytes = vec![0; odd];
    for pair in text.as_bytes()[odd..].chunks(2) {
        bytes.push(digit(&pair[0])? << 4 | digit(&pair[1])?);
    }
    Some(bytes)
}
