//! What can be looked up: a key, a type, a tag, or a type together with a tag, each as bytes with a leading kind.
//!
//! The pair of type and tag is indexed besides the two, so that "type T with tag g" costs what the tag's list
//! costs and never a walk over all records of a common type.

use crate::batch::put_uvarint;

/// Header that names a record's type.
pub(super) const TYPE_HEADER: &str = "type";
/// Header that names one of a record's tags.
pub(super) const TAG_HEADER: &str = "tag";

const KEY: u8 = b'k';
const TYPE: u8 = b't';
const TAG: u8 = b'g';
const TYPE_AND_TAG: u8 = b'p';

/// A term: its bytes and their hash.
#[derive(Debug, Clone, Copy)]
pub(super) struct TermRef<'a> {
    bytes: &'a [u8],
    hash: u64,
}

impl<'a> TermRef<'a> {
    /// The term of these bytes, whose [`hash`] is known.
    pub(super) fn new(bytes: &'a [u8], hash: u64) -> Self {
        Self { bytes, hash }
    }

    pub(super) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    pub(super) fn hash(self) -> u64 {
        self.hash
    }
}

/// A term that owns its bytes.
#[derive(Debug)]
pub(crate) struct Term {
    bytes: Box<[u8]>,
    hash: u64,
}

impl Term {
    /// The term of a key.
    pub(crate) fn key(key: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(1 + key.len());
        put_key(&mut bytes, key);
        Self {
            hash: hash(&bytes),
            bytes: bytes.into(),
        }
    }

    /// What the term is of: the key.
    pub(crate) fn name(&self) -> &[u8] {
        &self.bytes[1..]
    }

    pub(super) fn as_ref(&self) -> TermRef<'_> {
        TermRef::new(&self.bytes, self.hash)
    }
}

/// Appends the term of a key.
pub(super) fn put_key(out: &mut Vec<u8>, key: &[u8]) {
    out.push(KEY);
    out.extend_from_slice(key);
}

/// Appends the term of a type.
pub(super) fn put_type(out: &mut Vec<u8>, name: &[u8]) {
    out.push(TYPE);
    out.extend_from_slice(name);
}

/// Appends the term of a tag, which may come in pieces.
pub(super) fn put_tag(out: &mut Vec<u8>, tag: &[&[u8]]) {
    out.push(TAG);
    tag.iter().for_each(|part| out.extend_from_slice(part));
}

/// Appends the term of a type together with a tag.
pub(super) fn put_type_and_tag(out: &mut Vec<u8>, name: &[u8], tag: &[u8]) {
    out.push(TYPE_AND_TAG);
    put_uvarint(out, name.len() as u64);
    out.extend_from_slice(name);
    out.extend_from_slice(tag);
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
