//! Where a term occurs: offsets with versions, ascending, as deltas that take a byte or two each.

use crate::batch::{get_uvarint, put_uvarint};

/// One occurrence of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Posting {
    /// The version of the key; only a count if the term is no key.
    pub(crate) version: u64,
    /// The record's offset.
    pub(crate) offset: u64,
}

/// The occurrences of one term in one run. Most terms are keys that occur once, and there are millions of them in memory: what only
/// the others need lies elsewhere.
///
/// Invariants: not empty; offsets ascend. A delta is a varint of the offset's step shifted left by one; if its lowest bit is
/// set the version did not step by one, and a varint of its (wrapping) step follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PostingList {
    pub(super) last: Posting,
    /// `None`: the last is the only one.
    before: Option<Box<Before>>,
}

/// What comes before the last of several occurrences.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Before {
    first: Posting,
    /// The steps from the first to the last.
    deltas: Vec<u8>,
}

impl PostingList {
    pub(super) fn of(only: Posting) -> Self {
        Self {
            last: only,
            before: None,
        }
    }

    pub(super) fn first(&self) -> Posting {
        self.before.as_ref().map_or(self.last, |b| b.first)
    }

    fn deltas(&self) -> &[u8] {
        self.before.as_ref().map_or(&[], |before| &before.deltas)
    }

    /// Where the steps to occurrences after the last are put.
    fn deltas_mut(&mut self) -> &mut Vec<u8> {
        let first = self.last;
        let new = || {
            Box::new(Before {
                first,
                deltas: Vec::new(),
            })
        };
        &mut self.before.get_or_insert_with(new).deltas
    }

    /// Adds an occurrence after the last.
    pub(super) fn push(&mut self, posting: Posting) {
        let last = self.last;
        put_step(self.deltas_mut(), last, posting);
        self.last = posting;
    }

    /// Adds `count` occurrences, each at the next offset and with the next version.
    pub(super) fn go_on(&mut self, count: u64) {
        if count == 0 {
            return;
        }
        let deltas = self.deltas_mut();
        deltas.resize(deltas.len() + count as usize, 1 << 1);
        self.last.offset += count;
        self.last.version += count;
    }

    /// Adds the occurrences of a later run; `renumber` continues the count instead of keeping versions.
    pub(super) fn extend(&mut self, later: &Self, renumber: bool) {
        let shift = if renumber {
            (self.last.version + 1).wrapping_sub(later.first().version)
        } else {
            0
        };
        let moved = |posting: Posting| Posting {
            version: posting.version.wrapping_add(shift),
            ..posting
        };
        let last = self.last;
        let deltas = self.deltas_mut();
        put_step(deltas, last, moved(later.first()));
        deltas.extend_from_slice(later.deltas());
        self.last = moved(later.last);
    }

    pub(super) fn iter(&self) -> PostingIter<'_> {
        PostingIter {
            deltas: self.deltas(),
            at: 0,
            next: Some(self.first()),
        }
    }

    /// The last occurrence before `end`.
    pub(super) fn last_before(&self, end: u64) -> Option<Posting> {
        if self.last.offset < end {
            return Some(self.last);
        }
        self.iter().take_while(|p| p.offset < end).last()
    }

    /// The occurrences that pass; `None` if none does.
    pub(super) fn filtered(&self, mut keep: impl FnMut(Posting) -> bool) -> Option<Self> {
        let mut kept = self.iter().filter(|p| keep(*p));
        let mut list = Self::of(kept.next()?);
        kept.for_each(|posting| list.push(posting));
        Some(list)
    }

    /// How many there are of a term without versions, or were before compaction took some.
    pub(super) fn count(&self) -> u64 {
        self.last
            .version
            .wrapping_sub(self.first().version)
            .saturating_add(1)
    }

    /// Bytes in memory besides the struct.
    pub(super) fn heap_bytes(&self) -> usize {
        let bytes = |before: &Before| size_of::<Before>() + before.deltas.capacity();
        self.before.as_ref().map_or(0, |before| bytes(before))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let (first, deltas) = (self.first(), self.deltas());
        put_uvarint(out, first.version);
        put_uvarint(out, first.offset);
        put_uvarint(out, self.last.version.wrapping_sub(first.version));
        put_uvarint(out, self.last.offset - first.offset);
        put_uvarint(out, deltas.len() as u64);
        out.extend_from_slice(deltas);
    }

    pub(super) fn decode(buf: &[u8], at: &mut usize) -> Option<Self> {
        let first = Posting {
            version: get_uvarint(buf, at)?,
            offset: get_uvarint(buf, at)?,
        };
        let last = Posting {
            version: first.version.wrapping_add(get_uvarint(buf, at)?),
            offset: first.offset.checked_add(get_uvarint(buf, at)?)?,
        };
        let length = usize::try_from(get_uvarint(buf, at)?).ok()?;
        let end = at.checked_add(length)?;
        let deltas = buf.get(*at..end)?;
        *at = end;
        let before = || {
            Box::new(Before {
                first,
                deltas: deltas.to_vec(),
            })
        };
        let before = (!deltas.is_empty()).then(before);
        Some(Self { last, before })
    }

    /// Moves `*at` behind an encoded list without reading it.
    pub(super) fn skip(buf: &[u8], at: &mut usize) -> Option<()> {
        for _ in 0..4 {
            get_uvarint(buf, at)?;
        }
        let length = usize::try_from(get_uvarint(buf, at)?).ok()?;
        *at = at.checked_add(length).filter(|end| *end <= buf.len())?;
        Some(())
    }
}

fn put_step(deltas: &mut Vec<u8>, last: Posting, next: Posting) {
    let step = (next.offset - last.offset) << 1;
    match next.version.wrapping_sub(last.version) {
        1 => put_uvarint(deltas, step),
        other => {
            put_uvarint(deltas, step | 1);
            put_uvarint(deltas, other);
        }
    }
}

/// Iterates over a [`PostingList`].
#[derive(Debug, Clone)]
pub(super) struct PostingIter<'a> {
    deltas: &'a [u8],
    at: usize,
    next: Option<Posting>,
}

impl PostingIter<'_> {
    fn step(&mut self, last: Posting) -> Option<Posting> {
        let step = get_uvarint(self.deltas, &mut self.at)?;
        let versions = match step & 1 {
            0 => 1,
            _ => get_uvarint(self.deltas, &mut self.at)?,
        };
        Some(Posting {
            version: last.version.wrapping_add(versions),
            offset: last.offset.wrapping_add(step >> 1),
        })
    }
}

impl Iterator for PostingIter<'_> {
    type Item = Posting;

    fn next(&mut self) -> Option<Posting> {
        let posting = self.next?;
        self.next = self.step(posting);
        Some(posting)
    }
}
