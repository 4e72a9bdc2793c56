//! One pass over the bytes of a record, straight into columns. Recursion follows the declared types, so its depth is
//! bounded by them; what nobody asked for is skipped without recursion.

use super::escape;
use super::fault::{Fault, Parsed};
use super::number;
use super::packed;
use super::scan;
use crate::column::{Column, FoundKey, StructColumn, StructShape, Ticks, Values};

const NULL: &[u8] = b"null";

/// How strictly records are read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Strictness {
    /// A field that does not fit its column becomes null (`json.ignore-parse-errors`).
    pub(super) is_lenient: bool,
    /// Every column must be there (`json.fail-on-missing-field`).
    pub(super) needs_all: bool,
    /// What numbers and strings stand for beyond what JSON says.
    pub(super) dialect: Dialect,
}

/// How a writer carries values that JSON has no word for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Dialect {
    /// Whole numbers are dates, times and timestamps, counted like this; `None`: they are not.
    pub(super) ticks: Option<Ticks>,
    /// Strings in DECIMAL columns are the base64 of their digits as one big-endian number.
    pub(super) has_packed_decimals: bool,
}

/// Reads one record.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    scratch: &'a mut Vec<u8>,
    strictness: Strictness,
}

/// What follows a value in an object.
enum Next {
    Key(FoundKey),
    End(usize),
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`; `scratch` is memory to be reused.
    pub(super) fn new(bytes: &'a [u8], scratch: &'a mut Vec<u8>, strictness: Strictness) -> Self {
        Self {
            bytes,
            scratch,
            strictness,
        }
    }

    /// Reads the record into row `row` of `columns`.
    pub(super) fn record(&mut self, columns: &mut StructColumn, row: usize) -> Parsed<()> {
        let at = scan::space(self.bytes, 0);
        if self.bytes.get(at) != Some(&b'{') {
            return Err(Fault::syntax("expected an object"));
        }
        let end = self.object(columns, row, at)?;
        if scan::space(self.bytes, end) != self.bytes.len() {
            return Err(Fault::syntax("something follows the object"));
        }
        Ok(())
    }

    /// Reads the object at `at` into row `row` of its fields' columns.
    fn object(&mut self, columns: &mut StructColumn, row: usize, at: usize) -> Parsed {
        let start = at;
        let mut at = at;
        let mut next = 0;
        loop {
            let (field, value) = match columns.order.expect(self.bytes, at, next) {
                Some(found) => found,
                None => match self.key(columns, at, at == start, &mut next)? {
                    Next::Key(found) => found,
                    Next::End(end) => {
                        at = end;
                        break;
                    }
                },
            };
            next += 1;
            at = match field {
                Some(f) => match self.field(&mut columns.fields[f], row, value) {
                    Ok(at) => at,
                    Err(fault) => return Err(fault.within(&columns.shape.names[f])),
                },
                None => scan::skip(self.bytes, value)?,
            };
            if self.bytes.get(at) == Some(&b'}') {
                at += 1;
                break;
            }
        }
        if self.strictness.needs_all || !columns.shape.required.is_empty() {
            self.complete(columns, row)?;
        }
        Ok(at)
    }

    fn complete(&self, columns: &StructColumn, row: usize) -> Parsed<()> {
        let missing = if self.strictness.needs_all {
            columns.fields.iter().position(|f| f.len() <= row)
        } else {
            columns.missing(row)
        };
        match missing {
            None => Ok(()),
            Some(f) => Err(Fault::syntax("missing").within(&columns.shape.names[f])),
        }
    }

    /// The next key when it is not the expected one. Apart from the loop over fields, which must stay small.
    #[inline(never)]
    fn key(
        &mut self,
        columns: &mut StructColumn,
        at: usize,
        is_first: bool,
        next: &mut usize,
    ) -> Parsed<Next> {
        if let Some(found) = columns.order.search(self.bytes, at, next) {
            return Ok(Next::Key(found));
        }
        let mut here = scan::space(self.bytes, at);
        match self.bytes.get(here) {
            Some(b'{') if is_first => {
                here = scan::space(self.bytes, here + 1);
                if self.bytes.get(here) == Some(&b'}') {
                    return Ok(Next::End(here + 1));
                }
            }
            Some(b',') if !is_first => here = scan::space(self.bytes, here + 1),
            Some(b'}') if !is_first => return Ok(Next::End(here + 1)),
            Some(_) => return Err(Fault::syntax("expected ',' or '}' in an object")),
            None => return Err(Fault::syntax("the record ends too early")),
        }
        let (field, value) = self.named(&columns.shape, here)?;
        columns.order.learn(*next, &self.bytes[at..value], field);
        Ok(Next::Key((field, value)))
    }

    /// The field whose quoted name is at `at`, and where its value begins.
    fn named(&mut self, shape: &StructShape, at: usize) -> Parsed<FoundKey> {
        let (name, end) = self.quoted(at)?;
        let field = shape.index_of(name);
        let colon = scan::space(self.bytes, end);
        if self.bytes.get(colon) != Some(&b':') {
            return Err(Fault::syntax("expected ':' after a key"));
        }
        Ok((field, scan::space(self.bytes, colon + 1)))
    }

    /// The string at `at`, unescaped, and the position after it.
    pub(super) fn quoted(&mut self, at: usize) -> Parsed<(&[u8], usize)> {
        if self.bytes.get(at) != Some(&b'"') {
            return Err(Fault::syntax("expected a key"));
        }
        let end = scan::string(self.bytes, at + 1)?;
        let inside = &self.bytes[at + 1..end.quote];
        if !end.escaped {
            return Ok((inside, end.quote + 1));
        }
        self.scratch.clear();
        escape::unescape(inside, self.scratch)?;
        Ok((self.scratch, end.quote + 1))
    }

    /// Reads the value at `at` into row `row` of a column.
    #[inline(never)]
    pub(super) fn field(&mut self, column: &mut Column, row: usize, at: usize) -> Parsed {
        let byte = self.bytes.get(at);
        if byte == Some(&b'n') && self.leaves_out(column, row, at) {
            return Ok(at + NULL.len());
        }
        column.align(row);
        let end = match byte {
            Some(b'-' | b'0'..=b'9') => self.number(column, at),
            Some(b'"') => self.text(column, at + 1),
            Some(b'{') => self.braced(column, at),
            _ => self.rare(column, at),
        };
        match end {
            Err(fault) if self.strictness.is_lenient && fault.is_conversion => {
                column.truncate(row);
                column.push_null().map_err(Fault::conversion)?;
                scan::skip(self.bytes, at)
            }
            other => other,
        }
    }

    /// Whether at `at` there is a null that needs no place yet: a column may lag behind, its next value or its end makes
    /// all nulls since its last value at once.
    #[inline]
    fn leaves_out(&self, column: &Column, row: usize, at: usize) -> bool {
        let is_behind = column.len() <= row && column.is_nullable();
        is_behind && !self.strictness.needs_all && self.bytes[at..].starts_with(NULL)
    }

    /// Appends the value at `at`, which is no number, string or object.
    #[inline(never)]
    fn rare(&mut self, column: &mut Column, at: usize) -> Parsed {
        let rest = self.bytes.get(at..).unwrap_or_default();
        match rest.first() {
            Some(b'[') => self.array(column, at),
            Some(b'n') if rest.starts_with(NULL) => {
                column.push_null().map_err(Fault::conversion)?;
                Ok(at + NULL.len())
            }
            Some(b't') if rest.starts_with(b"true") => {
                column.push_bool(true).map_err(Fault::conversion)?;
                Ok(at + 4)
            }
            Some(b'f') if rest.starts_with(b"false") => {
                column.push_bool(false).map_err(Fault::conversion)?;
                Ok(at + 5)
            }
            // A predicted key may be followed by more space than the one that it was learned from.
            Some(byte) if scan::is_space(*byte) => {
                self.field(column, column.len(), scan::space(self.bytes, at))
            }
            Some(_) => Err(Fault::syntax("expected a value")),
            None => Err(Fault::syntax("the record ends too early")),
        }
    }

    #[inline(never)]
    fn text(&mut self, column: &mut Column, at: usize) -> Parsed {
        let end = scan::string(self.bytes, at)?;
        let inside = &self.bytes[at..end.quote];
        if end.escaped {
            return self.escaped(column, at, end.quote);
        }
        if self.strictness.dialect.has_packed_decimals && column.shape().is_decimal() {
            self.packed(column, inside)?;
        } else if end.ascii
            && column.shape().is_text()
            && let Values::Bytes(v) = &mut column.values
        {
            v.data.extend_from_slice(inside);
            v.end().map_err(Fault::conversion)?;
            column.pushed();
        } else {
            column.push_text(inside).map_err(Fault::conversion)?;
        }
        Ok(end.quote + 1)
    }

    #[inline(never)]
    fn escaped(&mut self, column: &mut Column, at: usize, quote: usize) -> Parsed {
        self.scratch.clear();
        escape::unescape(&self.bytes[at..quote], self.scratch)?;
        if self.strictness.dialect.has_packed_decimals && column.shape().is_decimal() {
            let text = std::mem::take(self.scratch);
            self.packed(column, &text)?;
            return Ok(quote + 1);
        }
        column.push_text(self.scratch).map_err(Fault::conversion)?;
        Ok(quote + 1)
    }

    /// Appends the decimal whose digits `text` is the base64 of.
    #[cold]
    fn packed(&mut self, column: &mut Column, text: &[u8]) -> Parsed<()> {
        let unscaled = packed::unscaled(text, self.scratch).map_err(Fault::conversion)?;
        column.push_unscaled(unscaled).map_err(Fault::conversion)
    }

    #[inline]
    fn number(&mut self, column: &mut Column, at: usize) -> Parsed {
        if let Some((value, end)) = number::short_integer(self.bytes, at)
            && column.push_whole(value)
        {
            return Ok(end);
        }
        self.long_number(column, at)
    }

    /// A number that is no short integer for an integer column.
    #[inline(never)]
    fn long_number(&mut self, column: &mut Column, at: usize) -> Parsed {
        let end = number::end(self.bytes, at)?;
        if !column.takes_numbers() {
            self.ticks(column, &self.bytes[at..end])?;
            return Ok(end);
        }
        column
            .push_text(&self.bytes[at..end])
            .map_err(Fault::conversion)?;
        Ok(end)
    }

    /// Appends a time that is counted since the epoch.
    #[cold]
    fn ticks(&self, column: &mut Column, number: &[u8]) -> Parsed<()> {
        let count = std::str::from_utf8(number)
            .ok()
            .and_then(|n| n.parse().ok());
        let pushed = match (self.strictness.dialect.ticks, count) {
            (Some(ticks), Some(count)) => column.push_ticks(count, ticks),
            _ => Err(crate::column::Refusal("unexpected number")),
        };
        pushed.map_err(Fault::conversion)
    }

    #[inline(never)]
    fn braced(&mut self, column: &mut Column, at: usize) -> Parsed {
        if self.strictness.dialect.has_packed_decimals && column.shape().is_decimal() {
            let end = scan::skip(self.bytes, at)?;
            let text = packed::scaled(&self.bytes[at..end], self.scratch)?;
            column
                .push_text(text.as_bytes())
                .map_err(Fault::conversion)?;
            return Ok(end);
        }
        let row = column.len();
        let end = match &mut column.values {
            Values::Struct(fields) => self.object(fields, row, at)?,
            Values::Map(ends, entries) => {
                let end = self.map(entries, at)?;
                push_end(ends, entries.0.len())?;
                end
            }
            _ => return self.raw(column, at, "unexpected object"),
        };
        column.pushed();
        Ok(end)
    }

    fn array(&mut self, column: &mut Column, at: usize) -> Parsed {
        let Values::List(ends, item) = &mut column.values else {
            return self.raw(column, at, "unexpected array");
        };
        let mut at = scan::space(self.bytes, at + 1);
        let mut is_end = self.bytes.get(at) == Some(&b']');
        if is_end {
            at += 1;
        }
        while !is_end {
            let row = item.len();
            let end = self.field(item, row, at)?;
            item.align(row + 1);
            (at, is_end) = separator(self.bytes, end, b']')?;
        }
        push_end(ends, item.len())?;
        column.pushed();
        Ok(at)
    }

    /// The JSON text itself, for STRING columns.
    fn raw(&mut self, column: &mut Column, at: usize, reason: &'static str) -> Parsed {
        let end = scan::skip(self.bytes, at)?;
        if !column.shape().is_text() {
            return Err(Fault::conversion(crate::column::Refusal(reason)));
        }
        column
            .push_text(&self.bytes[at..end])
            .map_err(Fault::conversion)?;
        Ok(end)
    }
}

/// What follows an element: the position of the next one, or the position after the closing bracket.
pub(super) fn separator(bytes: &[u8], at: usize, close: u8) -> Parsed<(usize, bool)> {
    let at = scan::space(bytes, at);
    match bytes.get(at) {
        Some(b',') => Ok((scan::space(bytes, at + 1), false)),
        Some(b) if *b == close => Ok((at + 1, true)),
        Some(_) => Err(Fault::syntax("expected ',' or the end of a list")),
        None => Err(Fault::syntax("the record ends too early")),
    }
}

fn push_end(ends: &mut Vec<i32>, len: usize) -> Parsed<()> {
    let end = i32::try_from(len).map_err(|_| Fault::syntax("too many elements in one batch"))?;
    ends.push(end);
    Ok(())
}
