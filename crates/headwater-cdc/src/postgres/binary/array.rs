//! Arrays: dimensions, then the elements of the innermost ones first, as the server writes them with commas between.

use headwater_log::Result;

use super::{Binary, exact, put_integer};
use crate::postgres::failure::malformed;

/// The most dimensions that the server has.
const DIMENSIONS_MAX: usize = 6;

pub(super) fn text(element: &Binary, value: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let mut elements = Elements {
        form: element,
        rest: value,
        scratch: Vec::new(),
    };
    let count = elements.number()?;
    // Whether there are nulls, and the type.
    elements.take(8)?;
    let count = usize::try_from(count).ok();
    let count = count.filter(|c| *c <= DIMENSIONS_MAX);
    let mut dimensions = Vec::new();
    for _ in 0..count.ok_or_else(|| malformed("array"))? {
        let (size, from) = (elements.number()?, elements.number()?);
        if size < 1 {
            return Err(malformed("array"));
        }
        dimensions.push((size, from));
    }
    if dimensions.iter().any(|(_, from)| *from != 1) {
        for (size, from) in &dimensions {
            let (from, size) = (i64::from(*from), i64::from(*size));
            out.push(b'[');
            put_integer(from, out);
            out.push(b':');
            put_integer(from + size - 1, out);
            out.push(b']');
        }
        out.push(b'=');
    }
    match dimensions.is_empty() {
        true => out.extend_from_slice(b"{}"),
        false => elements.write(&dimensions, out)?,
    }
    match elements.rest.is_empty() {
        true => Ok(()),
        false => Err(malformed("array")),
    }
}

/// What has not been written yet.
struct Elements<'a> {
    form: &'a Binary,
    rest: &'a [u8],
    scratch: Vec<u8>,
}

impl Elements<'_> {
    fn take(&mut self, count: usize) -> Result<&[u8]> {
        let cut = self.rest.split_at_checked(count);
        let (taken, rest) = cut.ok_or_else(|| malformed("array"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(exact(self.take(4)?)?))
    }

    fn write(&mut self, dimensions: &[(i32, i32)], out: &mut Vec<u8>) -> Result<()> {
        let Some(((size, _), inner)) = dimensions.split_first() else {
            return self.element(out);
        };
        out.push(b'{');
        for at in 0..*size {
            if at > 0 {
                out.push(b',');
            }
            self.write(inner, out)?;
        }
        out.push(b'}');
        Ok(())
    }

    fn element(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let Ok(length) = usize::try_from(self.number()?) else {
            out.extend_from_slice(b"NULL");
            return Ok(());
        };
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let form = self.form;
        form.text(self.take(length)?, &mut scratch)?;
        match is_quoted(&scratch) {
            false => out.extend_from_slice(&scratch),
            true => {
                out.push(b'"');
                for byte in &scratch {
                    if matches!(byte, b'"' | b'\\') {
                        out.push(b'\\');
                    }
                    out.push(*byte);
                }
                out.push(b'"');
            }
        }
        self.scratch = scratch;
        Ok(())
    }
}

/// Whether the text of an element would not be read as itself.
fn is_quoted(text: &[u8]) -> bool {
    let is_special = |b: &u8| matches!(b, b'"' | b'\\' | b'{' | b'}' | b',' | b' ' | b'\t'..=b'\r');
    text.is_empty() || text.eq_ignore_ascii_case(b"NULL") || text.iter().any(is_special)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An array of texts, with where each dimension begins.
    fn of(dimensions: &[(i32, i32)], elements: &[Option<&str>]) -> Result<String> {
        let mut value = (dimensions.len() as i32).to_be_bytes().to_vec();
        value.extend_from_slice(&[0; 8]);
        for (size, from) in dimensions {
            value.extend_from_slice(&size.to_be_bytes());
            value.extend_from_slice(&from.to_be_bytes());
        }
        for element in elements {
            let length = element.map_or(-1, |e| e.len() as i32);
            value.extend_from_slice(&length.to_be_bytes());
            value.extend_from_slice(element.unwrap_or_default().as_bytes());
        }
        let mut out = Vec::new();
        text(&Binary::Text, &value, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn elements_are_quoted_where_they_must_be() {
        assert_eq!(of(&[], &[]).unwrap(), "{}");
        let elements = [Some("a"), None, Some("null"), Some(""), Some("b,\"\\")];
        let want = r#"{a,NULL,"null","","b,\"\\"}"#;
        assert_eq!(of(&[(5, 1)], &elements).unwrap(), want);
    }

    #[test]
    fn dimensions_nest_and_begin_anywhere() {
        let four = [Some("1"), Some("2"), Some("3"), Some("4")];
        assert_eq!(of(&[(2, 1), (2, 1)], &four).unwrap(), "{{1,2},{3,4}}");
        let elsewhere = of(&[(1, -2), (4, 1)], &four).unwrap();
        assert_eq!(elsewhere, "[-2:-2][1:4]={{1,2,3,4}}");
        assert!(of(&[(3, 1)], &four).is_err());
        assert!(of(&[(5, 1)], &four).is_err());
    }
}
