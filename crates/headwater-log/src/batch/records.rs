//! Reading the records of a batch: as borrowed slices ([`RecordRef`]) for decoders, or as owned [`Record`]s that
//! share the batch's memory.

use bytes::Bytes;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::record::{Header, Offset, Record};

use super::decode::{RawRecord, decode_header, decode_record};
use super::header::corrupt;

/// A record that borrows from its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// Its offset.
    pub offset: Offset,
    /// Its timestamp.
    pub timestamp: Timestamp,
    /// The key; `None`: no key.
    pub key: Option<&'a [u8]>,
    /// The value; `None`: a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers.
    pub headers: HeadersRef<'a>,
}

impl RecordRef<'_> {
    /// A copy that owns its bytes.
    pub fn to_record(&self) -> Record {
        Record {
            key: self.key.map(Bytes::copy_from_slice),
            value: self.value.map(Bytes::copy_from_slice),
            headers: owned_headers(self.headers, Bytes::copy_from_slice),
            timestamp: Some(self.timestamp),
        }
    }
}

/// The headers of a [`RecordRef`], in order; keys may repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadersRef<'a> {
    pub(super) count: u32,
    pub(super) raw: &'a [u8],
}

impl<'a> HeadersRef<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Key and value of each.
    pub fn iter(&self) -> HeaderIter<'a> {
        HeaderIter {
            raw: self.raw,
            at: 0,
        }
    }
}

impl<'a> IntoIterator for HeadersRef<'a> {
    type Item = (&'a str, Option<&'a [u8]>);
    type IntoIter = HeaderIter<'a>;

    fn into_iter(self) -> HeaderIter<'a> {
        self.iter()
    }
}

/// Iterates over [`HeadersRef`].
#[derive(Debug, Clone)]
pub struct HeaderIter<'a> {
    raw: &'a [u8],
    at: usize,
}

impl<'a> Iterator for HeaderIter<'a> {
    type Item = (&'a str, Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.raw.len() {
            return None;
        }
        decode_header(self.raw, &mut self.at)
    }
}

/// What turns deltas into offsets and timestamps, and notices when they cannot be true.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) base_offset: u64,
    pub(super) last_delta: i64,
    pub(super) base_timestamp: i64,
    /// Set if the log's clock stamped the whole batch.
    pub(super) append_time: Option<i64>,
    pub(super) count: u32,
}

impl Frame {
    /// A record with its offset and time.
    #[inline]
    pub(super) fn place<'a>(&self, raw: RawRecord<'a>) -> Result<RecordRef<'a>> {
        let timestamp = match self.append_time {
            Some(time) => time,
            None => self
                .base_timestamp
                .checked_add(raw.timestamp_delta)
                .ok_or_else(|| corrupt("record of a batch has an impossible timestamp"))?,
        };
        Ok(RecordRef {
            offset: Offset(self.base_offset + raw.offset_delta as u64),
            timestamp: Timestamp(timestamp),
            key: raw.key,
            value: raw.value,
            headers: HeadersRef {
                count: raw.header_count,
                raw: raw.headers,
            },
        })
    }
}

/// Walks over an uncompressed records section.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    frame: Frame,
    at: usize,
    seen: u32,
    last_delta: i64,
}

impl Cursor {
    pub(super) fn new(frame: Frame) -> Self {
        Self {
            frame,
            at: 0,
            seen: 0,
            last_delta: -1,
        }
    }

    /// The next record of `section`, which must be the same at every call.
    #[inline]
    pub(super) fn next<'a>(&mut self, section: &'a [u8]) -> Result<Option<RecordRef<'a>>> {
        if self.seen == self.frame.count {
            if self.at != section.len() {
                return Err(corrupt("batch has bytes after its last record"));
            }
            return Ok(None);
        }
        let raw = decode_record(section, &mut self.at)?;
        self.seen += 1;
        self.place(raw).map(Some)
    }

    /// Makes every further call return `None`.
    fn stop(&mut self, section: &[u8]) {
        self.seen = self.frame.count;
        self.at = section.len();
    }

    #[inline]
    fn place<'a>(&mut self, raw: RawRecord<'a>) -> Result<RecordRef<'a>> {
        if raw.offset_delta <= self.last_delta || raw.offset_delta > self.frame.last_delta {
            return Err(corrupt("record of a batch has an offset out of order"));
        }
        self.last_delta = raw.offset_delta;
        self.frame.place(raw)
    }
}

/// Iterates over the records of a batch; keys and values share its (uncompressed) memory.
#[derive(Debug, Clone)]
pub struct Records {
    cursor: Cursor,
    section: Result<Bytes, Option<String>>,
}

impl Records {
    pub(super) fn new(frame: Frame, section: Result<Bytes>) -> Self {
        Self {
            cursor: Cursor::new(frame),
            section: section.map_err(|e| Some(e.to_string())),
        }
    }
}

impl Iterator for Records {
    type Item = Result<(Offset, Record)>;

    fn next(&mut self) -> Option<Self::Item> {
        let section = match &mut self.section {
            Ok(section) => section,
            Err(message) => return message.take().map(|m| Err(corrupt(m))),
        };
        match self.cursor.next(section) {
            Ok(next) => next.map(|record| Ok((record.offset, share(section, &record)))),
            Err(error) => {
                self.cursor.stop(section);
                Some(Err(error))
            }
        }
    }
}

pub(super) fn share(section: &Bytes, record: &RecordRef<'_>) -> Record {
    Record {
        key: record.key.map(|key| section.slice_ref(key)),
        value: record.value.map(|value| section.slice_ref(value)),
        headers: owned_headers(record.headers, |value| section.slice_ref(value)),
        timestamp: Some(record.timestamp),
    }
}

fn owned_headers(headers: HeadersRef<'_>, own: impl Fn(&[u8]) -> Bytes) -> Vec<Header> {
    headers
        .iter()
        .map(|(key, value)| Header {
            key: key.to_owned(),
            value: value.map(&own),
        })
        .collect()
}
