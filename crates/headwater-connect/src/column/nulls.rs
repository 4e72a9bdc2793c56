//! The nulls of a column under construction, as runs.

use arrow::array::BooleanBufferBuilder;
use arrow::buffer::NullBuffer;

/// Runs of nulls: start and length, ascending, not touching.
#[derive(Debug, Default)]
pub(crate) struct NullRuns(Vec<(usize, usize)>);

impl NullRuns {
    /// The values from `at` on, `count` of them, are null. `at` is not before any earlier null.
    pub(crate) fn push(&mut self, at: usize, count: usize) {
        match self.0.last_mut() {
            Some((start, length)) if *start + *length == at => *length += count,
            _ => self.0.push((at, count)),
        }
    }

    /// Forgets the nulls from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        while let Some((start, length)) = self.0.last_mut() {
            if *start >= len {
                self.0.pop();
                continue;
            }
            *length = (*length).min(len - *start);
            break;
        }
    }

    /// The validity of `len` values; `None`: all valid.
    pub(crate) fn finish(&self, len: usize) -> Option<NullBuffer> {
        if self.0.is_empty() {
            return None;
        }
        let mut bits = BooleanBufferBuilder::new(len);
        for (start, length) in &self.0 {
            bits.append_n(start - bits.len(), true);
            bits.append_n(*length, false);
        }
        bits.append_n(len - bits.len(), true);
        Some(NullBuffer::new(bits.finish()))
    }
}
