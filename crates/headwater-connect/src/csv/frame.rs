//! Where CSV records end: at the end of a line, unless it is inside quotes.

use std::ops::Range;

use super::config::Dialect;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The end of the record at `at` (after its line end), or `None` if the bytes end before it does.
pub(super) fn record_end(bytes: &[u8], at: usize, dialect: &Dialect) -> Option<usize> {
    let is_comment = dialect.has_comments && bytes.get(at) == Some(&b'#');
    if is_comment || (dialect.quote.is_none() && dialect.escape.is_none()) {
        return line_end(bytes, at);
    }
    let end = line_end(bytes, at);
    let line = &bytes[at..end.unwrap_or(bytes.len())];
    let special = |b: Option<u8>| b.is_some_and(|b| memchr::memchr(b, line).is_some());
    if !special(dialect.quote) && !special(dialect.escape) {
        return end;
    }
    quoted_end(bytes, at, dialect)
}

fn line_end(bytes: &[u8], at: usize) -> Option<usize> {
    memchr::memchr(b'\n', bytes.get(at..)?).map(|i| at + i + 1)
}

/// Where in a field the walk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    /// At its first character.
    Start,
    /// In a field without quotes, or after one that closed.
    Bare,
    /// Between quotes.
    Quotes,
    /// Right after a closing quote, which another one would undo.
    Closed,
}

fn quoted_end(bytes: &[u8], at: usize, dialect: &Dialect) -> Option<usize> {
    let mut at = at;
    let mut within = Within::Start;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        let is_quote = Some(*byte) == dialect.quote;
        if Some(*byte) == dialect.escape {
            at += 1;
            if within != Within::Quotes {
                within = Within::Bare;
            }
            continue;
        }
        within = match within {
            Within::Quotes if is_quote => Within::Closed,
            Within::Quotes => Within::Quotes,
            Within::Start | Within::Closed if is_quote => Within::Quotes,
            _ if *byte == b'\n' => return Some(at),
            _ if *byte == dialect.delimiter => Within::Start,
            _ => Within::Bare,
        };
    }
    None
}

/// The length of the longest prefix that ends with a record.
pub(super) fn frame(bytes: &[u8], dialect: &Dialect) -> usize {
    let may_hide = |b: Option<u8>| b.is_some_and(|b| memchr::memchr(b, bytes).is_some());
    if !may_hide(dialect.quote) && !may_hide(dialect.escape) {
        return memchr::memrchr(b'\n', bytes).map_or(0, |i| i + 1);
    }
    let mut end = 0;
    while let Some(next) = record_end(bytes, end, dialect) {
        end = next;
    }
    end
}

/// The records without their line ends; blank lines, comments and the header are none.
pub(super) fn split(bytes: &[u8], first: bool, dialect: &Dialect) -> Vec<Range<usize>> {
    let mut at = 0;
    if first && bytes.starts_with(BYTE_ORDER_MARK) {
        at = BYTE_ORDER_MARK.len();
    }
    let mut awaits_header = first && dialect.has_header;
    let mut records = Vec::with_capacity(bytes.len() / 64);
    while at < bytes.len() {
        let end = record_end(bytes, at, dialect).unwrap_or(bytes.len());
        let mut record = at..end;
        for ending in [b'\n', b'\r'] {
            if record.end > record.start && bytes[record.end - 1] == ending {
                record.end -= 1;
            }
        }
        let is_comment = dialect.has_comments && bytes[at] == b'#';
        if !record.is_empty() && !is_comment {
            if awaits_header {
                awaits_header = false;
            } else {
                records.push(record);
            }
        }
        at = end;
    }
    records
}
