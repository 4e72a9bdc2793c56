//! What can be looked up: a key, a type, a tag, or a type together with a tag, each as bytes with a leading kind.
//!
//! The pair of type and tag is indexed besides the two, so that "type T with tag g" costs what the tag's list
//! costs and never a walk over all records of a common type.

use crate::batch::put_uvarint;

/// Header that names a record's type.
const TYPE_HEADER: &str = "type";
/// Header that names one of a record's tags.
const TAG_HEADER: &str = "tag";

const KEY: u8 = b'k';
const TYPE: u8 = b't';
const TAG: u8 = b'g';
const TYPE_AND_TAG: u8 = b'p';

/// A term's bytes and their hash, in a buffer that can be used again.
#[derive(Debug, Default)]
pub(super) struct Term {
    bytes: Vec<u8>,
    hash: u64,
}

impl Term {
    pub(super) fn key(key: &[u8]) -> Self {
        let mut term = Self::default();
        term.set(KEY, &[key]);
        term
    }

    pub(super) fn of_type(name: &[u8]) -> Self {
        let mut term = Self::default();
        term.set(TYPE, &[name]);
        term
    }

    pub(super) fn tag(tag: &[u8]) -> Self {
        let mut term = Self::default();
        term.set(TAG, &[tag]);
        term
    }

    pub(super) fn type_and_tag(name: &[u8], tag: &[u8]) -> Self {
        let mut term = Self::default();
        term.set_pair(name, tag);
        term
    }

    pub(super) fn set_key(&mut self, key: &[u8]) {
        self.set(KEY, &[key]);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    fn set(&mut self, kind: u8, parts: &[&[u8]]) {
        self.bytes.clear();
        self.bytes.push(kind);
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        self.hash = hash(&self.bytes);
    }

    fn set_pair(&mut self, name: &[u8], tag: &[u8]) {
        let mut length = Vec::new();
        put_uvarint(&mut length, name.len() as u64);
        self.set(TYPE_AND_TAG, &[&length, name, tag]);
    }

    /// Calls `f` with each term of a record's headers, once each.
    pub(super) fn each_of_headers<'a>(
        &mut self,
        headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>,
        mut f: impl FnMut(&Self),
    ) {
        let (mut types, mut tags) = (Vec::new(), Vec::new());
        for (key, value) in headers {
            match (key, value) {
                (TYPE_HEADER, Some(value)) => types.push(value),
                (TAG_HEADER, Some(value)) => tags.push(value),
                _ => {}
            }
        }
        for list in [&mut types, &mut tags] {
            list.sort_unstable();
            list.dedup();
        }
        for name in &types {
            self.set(TYPE, &[name]);
            f(self);
        }
        for tag in &tags {
            self.set(TAG, &[tag]);
            f(self);
            for name in &types {
                self.set_pair(name, tag);
                f(self);
            }
        }
    }
}

/// Whether a term's postings carry versions.
pub(super) fn has_versions(term: &[u8]) -> bool {
    term.first() == Some(&KEY)
}

/// A hash that never changes, for it is on disk: the order of a run.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    const K: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93];
    let fold = |a: u64, b: u64| {
        let wide = u128::from(a) * u128::from(b);
        (wide as u64) ^ ((wide >> 64) as u64)
    };
    let mut state = K[0] ^ (bytes.len() as u64);
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let word = u64::from_le_bytes(chunk.try_into().expect("chunks of 8 bytes"));
        state = fold(state ^ word, K[1]).wrapping_add(K[0]);
    }
    let mut tail = [0; 8];
    tail[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    state = fold(state ^ u64::from_le_bytes(tail), K[1]);
    fold(state ^ K[1], K[0])
}
