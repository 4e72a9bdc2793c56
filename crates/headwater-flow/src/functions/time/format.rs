//! Points in time as text, by a pattern.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringBuilder};
use datafusion_common::{Result, exec_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};

use super::pattern::Pattern;
use super::points::points;
use crate::functions::spec::{Text, Whole, result, rows};

const DEFAULT_PATTERN: &str = "yyyy-MM-dd HH:mm:ss";

fn pattern(text: &str) -> Result<Pattern> {
    match Pattern::parse(text) {
        Some(pattern) => Ok(pattern),
        None => exec_err!("'{text}' is not a date pattern such as 'yyyy-MM-dd HH:mm:ss'"),
    }
}

/// The patterns of a call: parsed once if it is the same for all rows.
pub(super) enum Patterns {
    One(Option<Pattern>),
    Each(Text),
}

impl Patterns {
    pub(super) fn new(value: Option<&ColumnarValue>) -> Result<Self> {
        Ok(match value.map(Text::new).transpose()? {
            None => Self::One(Some(pattern(DEFAULT_PATTERN)?)),
            Some(Text::One(text)) => Self::One(text.as_deref().map(pattern).transpose()?),
            Some(each) => Self::Each(each),
        })
    }

    pub(super) fn get(&self, row: usize) -> Result<Option<std::borrow::Cow<'_, Pattern>>> {
        use std::borrow::Cow;
        Ok(match self {
            Self::One(pattern) => pattern.as_ref().map(Cow::Borrowed),
            Self::Each(texts) => match texts.get(row) {
                Some(text) => Some(Cow::Owned(pattern(text)?)),
                None => None,
            },
        })
    }
}

pub(super) fn date_format(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let points = points(&args.args[0], rows(args))?;
    let patterns = Patterns::new(args.args.get(1))?;
    let texts = match &patterns {
        Patterns::One(Some(pattern)) => format_all(&points, pattern),
        _ => format_each(&points, &patterns)?,
    };
    result(args, texts)
}

/// Rows in the same day (or hour, or minute, as the pattern has it) share their text, which is written once.
fn format_all(points: &Int64Array, pattern: &Pattern) -> ArrayRef {
    let granularity = pattern.granularity();
    let mut out = StringBuilder::with_capacity(points.len(), points.len() * 12);
    let mut text = String::new();
    let mut written = None;
    for micros in points {
        let Some(micros) = micros else {
            out.append_null();
            continue;
        };
        let unit = micros.div_euclid(granularity);
        if written != Some(unit) {
            text.clear();
            pattern.write(micros, &mut text);
            written = Some(unit);
        }
        out.append_value(&text);
    }
    Arc::new(out.finish())
}

fn format_each(points: &Int64Array, patterns: &Patterns) -> Result<ArrayRef> {
    let mut out = StringBuilder::new();
    let mut text = String::new();
    for (row, micros) in points.iter().enumerate() {
        match (micros, patterns.get(row)?) {
            (Some(micros), Some(pattern)) => {
                text.clear();
                pattern.write(micros, &mut text);
                out.append_value(&text);
            }
            _ => out.append_null(),
        }
    }
    Ok(Arc::new(out.finish()))
}

pub(super) fn from_unixtime(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let seconds = Whole::new(&args.args[0])?;
    let micros: Int64Array = (0..rows(args))
        .map(|row| seconds.get(row)?.checked_mul(1_000_000))
        .collect();
    let patterns = Patterns::new(args.args.get(1))?;
    let texts = match &patterns {
        Patterns::One(Some(pattern)) => format_all(&micros, pattern),
        _ => format_each(&micros, &patterns)?,
    };
    result(args, texts)
}
