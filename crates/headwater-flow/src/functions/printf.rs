//! `PRINTF`, with the formats of Java's `Formatter` in the English locale: `%[argument$][flags][width][.precision]conversion`.

use std::sync::LazyLock;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion_common::Result;
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};
use regex::Regex;

use super::spec::{Spec, Text, is_text, rows, texts};

pub(super) static SPECS: [Spec; 1] = [Spec {
    name: "printf",
    aliases: &[],
    usage: "PRINTF(format, value, …)",
    coerce: |types| {
        let (format, values) = types.split_first()?;
        let all = std::iter::once(DataType::Utf8).chain(values.iter().cloned());
        is_text(format).then(|| all.collect())
    },
    returns: |_| DataType::Utf8,
    invoke: printf,
}];

/// The longest width or precision; Java's would fill the memory.
const WIDTH_MAX: usize = 10_000;

static DIRECTIVE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"%(?:(?<argument>\d+)\$|(?<again><))?(?<flags>[-#+ 0,(]*)(?<width>[1-9]\d*)?(?:\.(?<precision>\d+))?(?<conversion>.)")
        .expect("is a pattern")
});

fn printf(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let formats = Text::new(&args.args[0])?;
    let count = rows(args);
    let values = args.args[1..].iter().map(|v| v.to_array(count));
    let values = values.collect::<Result<Vec<_>>>()?;
    texts(args, |row| {
        Ok(formats
            .get(row)
            .and_then(|format| formatted(format, &values, row)))
    })
}

/// `None`: the format means nothing, or not for these values.
fn formatted(format: &str, values: &[ArrayRef], row: usize) -> Option<String> {
    let (mut out, mut from) = (String::new(), 0);
    let (mut next, mut last) = (0, None);
    for found in DIRECTIVE.captures_iter(format) {
        let whole = found.get(0)?;
        let before = &format[from..whole.start()];
        if before.contains('%') {
            return None;
        }
        out.push_str(before);
        from = whole.end();
        let number = |name: &str| -> Option<Option<usize>> {
            let Some(digits) = found.name(name) else {
                return Some(None);
            };
            let number = digits.as_str().parse().ok();
            number.filter(|n| *n <= WIDTH_MAX).map(Some)
        };
        let directive = Directive {
            flags: &found["flags"],
            width: number("width")?.unwrap_or(0),
            precision: number("precision")?,
            conversion: found["conversion"].chars().next()?,
        };
        match directive.conversion {
            'n' => out.push('\n'),
            '%' => out.push_str(&directive.padded("%".to_owned())),
            _ => {
                let place = match (number("argument")?, found.name("again")) {
                    (Some(place), _) => place.checked_sub(1)?,
                    (None, Some(_)) => last?,
                    (None, None) => {
                        next += 1;
                        next - 1
                    }
                };
                last = Some(place);
                let text = directive.text(values.get(place)?, row)?;
                out.push_str(&directive.padded(text));
            }
        }
    }
    let rest = &format[from..];
    out.push_str(rest);
    (!rest.contains('%')).then_some(out)
}

/// One `%…`.
struct Directive<'a> {
    flags: &'a str,
    width: usize,
    precision: Option<usize>,
    conversion: char,
}

impl Directive<'_> {
    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    fn text(&self, value: &ArrayRef, row: usize) -> Option<String> {
        let lower = self.conversion.to_ascii_lowercase();
        let text = match lower {
            _ if value.is_null(row) && lower != 'b' => self.cut("null".to_owned()),
            's' => self.cut(shown(value, row)?),
            'b' => self.cut(
                match value.data_type() {
                    DataType::Boolean => value.is_valid(row) && value.as_boolean().value(row),
                    _ => value.is_valid(row),
                }
                .to_string(),
            ),
            'c' => self.character(value, row)?,
            'd' | 'x' | 'o' if self.precision.is_none() => self.whole(value, row)?,
            'e' | 'f' | 'g' => self.number(value, row)?,
            _ => return None,
        };
        match self.conversion {
            'B' | 'S' | 'C' | 'X' | 'E' | 'G' => Some(text.to_uppercase()),
            'b' | 's' | 'c' | 'd' | 'x' | 'o' | 'e' | 'f' | 'g' => Some(text),
            _ => None,
        }
    }

    fn cut(&self, text: String) -> String {
        match self.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text,
        }
    }

    fn padded(&self, text: String) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        let spaces = " ".repeat(missing);
        match self.has('-') {
            true => text + &spaces,
            false => spaces + &text,
        }
    }

    fn character(&self, value: &ArrayRef, row: usize) -> Option<String> {
        if value.data_type().is_integer() {
            let code = cast(value, &DataType::Int64).ok()?;
            let code = u32::try_from(code.as_primitive::<Int64Type>().value(row)).ok()?;
            return char::from_u32(code).map(String::from);
        }
        let text = shown(value, row)?;
        (text.chars().count() == 1).then_some(text)
    }

    fn whole(&self, value: &ArrayRef, row: usize) -> Option<String> {
        if !value.data_type().is_integer() {
            return None;
        }
        let bits = value.data_type().primitive_width()? * 8;
        let number = cast(value, &DataType::Int64).ok()?;
        let number = number.as_primitive::<Int64Type>().value(row);
        // What is negative is written as its two's complement.
        let unsigned = number as u64 & (u64::MAX >> (64 - bits));
        Some(match self.conversion.to_ascii_lowercase() {
            'x' => self.filled(
                "",
                format!("{}{unsigned:x}", if self.has('#') { "0x" } else { "" }),
            ),
            'o' => self.filled(
                "",
                format!("{}{unsigned:o}", if self.has('#') { "0" } else { "" }),
            ),
            _ => self.signed(number < 0, self.grouped(&number.unsigned_abs().to_string())),
        })
    }

    fn number(&self, value: &ArrayRef, row: usize) -> Option<String> {
        let data_type = value.data_type();
        let precision = self.precision.unwrap_or(6);
        if let (DataType::Decimal128(_, _), 'f') = (data_type, self.conversion) {
            let text = shown(value, row)?;
            let digits = text.trim_start_matches('-');
            return Some(self.signed(
                text.starts_with('-'),
                self.grouped(&rounded(digits, precision)),
            ));
        }
        if !(data_type.is_floating() || data_type.is_decimal()) {
            return None;
        }
        let number = cast(value, &DataType::Float64).ok()?;
        let number = number.as_primitive::<Float64Type>().value(row);
        if !number.is_finite() {
            let text = if number.is_nan() { "NaN" } else { "Infinity" };
            return Some(self.signed(number < 0.0, text.to_owned()));
        }
        let size = number.abs();
        let shown = size.to_string();
        let text = match self.conversion.to_ascii_lowercase() {
            'f' => self.grouped(&rounded(&shown, precision)),
            'e' => exponential(size, precision),
            _ => {
                let digits = precision.max(1);
                let is_plain = size == 0.0 || (1e-4..10_f64.powi(digits as i32)).contains(&size);
                let before = if size < 1.0 {
                    0
                } else {
                    size.log10().floor() as i32
                };
                match is_plain {
                    true if size < 1.0 && size > 0.0 => {
                        let zeros = (-size.log10().floor()) as usize - 1;
                        self.grouped(&rounded(&shown, digits + zeros))
                    }
                    true => {
                        self.grouped(&rounded(&shown, digits.saturating_sub(before as usize + 1)))
                    }
                    false => exponential(size, digits - 1),
                }
            }
        };
        Some(self.signed(number.is_sign_negative(), text))
    }

    fn signed(&self, is_negative: bool, digits: String) -> String {
        match is_negative {
            true if self.has('(') => format!("({})", self.filled("()", digits)),
            true => format!("-{}", self.filled("-", digits)),
            false if self.has('+') => format!("+{}", self.filled("+", digits)),
            false if self.has(' ') => format!(" {}", self.filled(" ", digits)),
            false => self.filled("", digits),
        }
    }

    /// With zeros in front, if they are asked for; `around` stands around it.
    fn filled(&self, around: &str, digits: String) -> String {
        let wanted = self.width.saturating_sub(around.len() + digits.len());
        match self.has('0') {
            true => "0".repeat(wanted) + &digits,
            false => digits,
        }
    }

    /// With commas between thousands, if they are asked for.
    fn grouped(&self, digits: &str) -> String {
        let (whole, fraction) = match digits.find('.') {
            Some(point) if self.has(',') => digits.split_at(point),
            None if self.has(',') => (digits, ""),
            _ => return digits.to_owned(),
        };
        let mut out = String::new();
        for (i, digit) in whole.chars().enumerate() {
            if i > 0 && (whole.len() - i) % 3 == 0 {
                out.push(',');
            }
            out.push(digit);
        }
        out + fraction
    }
}

/// A value as a text.
fn shown(value: &ArrayRef, row: usize) -> Option<String> {
    let shown = cast(value, &DataType::Utf8);
    if let Ok(texts) = shown {
        return Some(texts.as_string::<i32>().value(row).to_owned());
    }
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(value, &options).ok()?;
    Some(formatter.value(row).to_string())
}

/// Decimal digits with so many behind the point, halves away from zero.
fn rounded(digits: &str, precision: usize) -> String {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut kept: Vec<u8> = whole
        .bytes()
        .chain(fraction.bytes().take(precision))
        .collect();
    kept.resize(whole.len() + precision, b'0');
    if fraction
        .as_bytes()
        .get(precision)
        .is_some_and(|d| *d >= b'5')
    {
        let mut carries = true;
        for digit in kept.iter_mut().rev() {
            carries = *digit == b'9';
            *digit = if carries { b'0' } else { *digit + 1 };
            if !carries {
                break;
            }
        }
        if carries {
            kept.insert(0, b'1');
        }
    }
    let mut text = String::from_utf8_lossy(&kept).into_owned();
    if precision > 0 {
        text.insert(text.len() - precision, '.');
    }
    text
}

/// `1.5e+03`.
fn exponential(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, size) = match exponent.strip_prefix('-') {
        Some(size) => ('-', size),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{size:0>2}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int32Array, StringArray};

    use super::*;

    fn check(format: &str, expected: Option<&str>) {
        let values: [ArrayRef; 4] = [
            Arc::new(StringArray::from(vec!["Flink"])),
            Arc::new(Int32Array::from(vec![-1_234_567])),
            Arc::new(Float64Array::from(vec![1234.565])),
            Arc::new(StringArray::from(vec![None::<&str>])),
        ];
        assert_eq!(
            formatted(format, &values, 0).as_deref(),
            expected,
            "{format}"
        );
    }

    #[test]
    fn directives_are_those_of_java() {
        check("%s|%d|%f|%s", Some("Flink|-1234567|1234.565000|null"));
        check("%S|%s|%s|%.2s", Some("FLINK|-1234567|1234.565|nu"));
        check(
            "%1$S|%1$8s|%1$-8s|%1$.2s|%<s",
            Some("FLINK|   Flink|Flink   |Fl|Flink"),
        );
        check(
            "%2$,d|%2$(d|%2$012d|%2$x",
            Some("-1,234,567|(1234567)|-00001234567|ffed2979"),
        );
        check(
            "%3$.2f|%3$+.0f|%3$,.1f|%3$e|%3$.3g",
            Some("1234.57|+1235|1,234.6|1.234565e+03|1.23e+03"),
        );
        check("100%% %4$b%n", Some("100% false\n"));
    }

    #[test]
    fn a_format_that_means_nothing_has_no_text() {
        for format in ["%", "%d", "%q", "%5$s", "%2$.3d", "%3$d", "%99999s"] {
            check(format, None);
        }
    }
}
