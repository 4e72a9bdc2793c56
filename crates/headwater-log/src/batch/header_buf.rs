//! [`HeaderBuf`]: the headers of a record, encoded as they are given.

use super::records::HeadersRef;
use super::varint::put_varint;

/// Bytes of a record's headers as a rule.
const BYTES: usize = 128;

/// The headers of one record after the other: encoded at once, in memory that is used again.
#[derive(Debug, Clone, Default)]
pub struct HeaderBuf {
    count: u32,
    raw: Vec<u8>,
}

impl HeaderBuf {
    /// Forgets all.
    pub fn clear(&mut self) {
        self.count = 0;
        self.raw.clear();
    }

    /// Adds a header, whose value may come in pieces.
    pub fn put(&mut self, key: &str, value: &[&[u8]]) {
        if self.raw.capacity() == 0 {
            self.raw.reserve(BYTES);
        }
        put_varint(&mut self.raw, key.len() as i64);
        self.raw.extend_from_slice(key.as_bytes());
        let length: usize = value.iter().map(|part| part.len()).sum();
        put_varint(&mut self.raw, length as i64);
        value
            .iter()
            .for_each(|part| self.raw.extend_from_slice(part));
        self.count += 1;
    }

    /// What was added.
    pub fn as_ref(&self) -> HeadersRef<'_> {
        HeadersRef {
            count: self.count,
            raw: &self.raw,
        }
    }
}
