//! The keys of a run of slots, as bytes one after the other.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder};

use super::snapshot::EncodePage;
use crate::error::Result;

/// The keys of a page's slots. With a fixed width the key of slot `i` lies at `i * width`, else at its span.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyPage {
    bytes: Vec<u8>,
    spans: Vec<(u32, u32)>,
    pub(super) live: Vec<bool>,
    width: Option<usize>,
    /// Bytes of removed keys of a page without fixed width.
    garbage: usize,
}

impl KeyPage {
    pub(super) fn new(width: Option<usize>) -> Self {
        Self {
            width,
            ..Self::default()
        }
    }

    #[inline]
    pub(super) fn key(&self, i: usize) -> &[u8] {
        match self.width {
            Some(width) => &self.bytes[i * width..(i + 1) * width],
            None => {
                let (from, to) = self.spans[i];
                &self.bytes[from as usize..to as usize]
            }
        }
    }

    pub(super) fn store(&mut self, i: usize, key: &[u8]) {
        if i == self.live.len() {
            self.live.push(true);
        } else {
            self.live[i] = true;
        }
        if let Some(width) = self.width {
            let at = i * width;
            if at == self.bytes.len() {
                self.bytes.extend_from_slice(key);
            } else {
                self.bytes[at..at + width].copy_from_slice(key);
            }
            return;
        }
        let from = self.bytes.len() as u32;
        self.bytes.extend_from_slice(key);
        let span = (from, self.bytes.len() as u32);
        if i == self.spans.len() {
            self.spans.push(span);
        } else {
            self.spans[i] = span;
        }
    }

    pub(super) fn remove(&mut self, i: usize) {
        self.live[i] = false;
        if self.width.is_none() {
            self.garbage += self.key(i).len();
            self.spans[i] = (0, 0);
            if self.garbage > 4096 && self.garbage > self.bytes.len() / 2 {
                self.compact();
            }
        }
    }

    fn compact(&mut self) {
        let mut bytes = Vec::with_capacity(self.bytes.len() - self.garbage);
        for span in &mut self.spans {
            let from = bytes.len() as u32;
            bytes.extend_from_slice(&self.bytes[span.0 as usize..span.1 as usize]);
            *span = (from, bytes.len() as u32);
        }
        self.bytes = bytes;
        self.garbage = 0;
    }
}

impl EncodePage for KeyPage {
    fn to_array(&self) -> Result<ArrayRef> {
        let mut builder = BinaryBuilder::with_capacity(self.live.len(), self.bytes.len());
        for (i, live) in self.live.iter().enumerate() {
            builder.append_option(live.then(|| self.key(i)));
        }
        Ok(Arc::new(builder.finish()))
    }
}

/// Whether two keys are equal; without a call for the lengths of a few encoded integers.
#[inline]
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        8..=16 => same_ends::<8>(a, b),
        17..=32 => same_ends::<16>(a, b),
        _ => a == b,
    }
}

/// Whether the first and the last `N` bytes are equal.
#[inline]
fn same_ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
    a.first_chunk::<N>() == b.first_chunk::<N>() && a.last_chunk::<N>() == b.last_chunk::<N>()
}
