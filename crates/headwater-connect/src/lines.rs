//! Lines: how records of JSON and raw files are told apart.

use std::ops::Range;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The lines of `bytes` without their ends; blank ones are no records.
pub(crate) fn split(bytes: &[u8], first: bool) -> Vec<Range<usize>> {
    let mut start = 0;
    if first && bytes.starts_with(BYTE_ORDER_MARK) {
        start = BYTE_ORDER_MARK.len();
    }
    let mut lines = Vec::with_capacity(bytes.len() / 128);
    for end in memchr::memchr_iter(b'\n', bytes) {
        push(bytes, start..end, &mut lines);
        start = end + 1;
    }
    push(bytes, start..bytes.len(), &mut lines);
    lines
}

/// The length of the longest prefix that ends with a line.
pub(crate) fn frame(bytes: &[u8]) -> usize {
    memchr::memrchr(b'\n', bytes).map_or(0, |i| i + 1)
}

#[inline]
fn push(bytes: &[u8], mut line: Range<usize>, lines: &mut Vec<Range<usize>>) {
    if line.end > line.start && bytes[line.end - 1] == b'\r' {
        line.end -= 1;
    }
    let is_blank = |b: &[u8]| b.iter().all(u8::is_ascii_whitespace);
    if !is_blank(&bytes[line.clone()]) {
        lines.push(line);
    }
}
