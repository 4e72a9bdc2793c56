//! The order in which keys came last: the next object of the same place most likely has the same keys, so that one
//! comparison of bytes finds the next value.

/// How many keys of an object are predicted.
const KEYS_MAX: usize = 64;
/// How long a key, with its separators, may be to be predicted.
const TEXT_MAX: usize = 64;
/// How many predicted keys an object may leave out before its key is looked up.
const LOOK_AHEAD: usize = 4;

/// How many bytes of a key are compared at once.
const HEAD: usize = 16;

/// What stood between two values, and which field it led to.
#[derive(Debug)]
struct SeenKey {
    /// The first bytes of `text` and the bits of them that count: most keys are compared by one instruction.
    head: u128,
    mask: u128,
    field: Option<usize>,
    text: Vec<u8>,
}

impl SeenKey {
    fn new(text: &[u8], field: Option<usize>) -> Self {
        let count = text.len().min(HEAD);
        let mut head = [0; HEAD];
        head[..count].copy_from_slice(&text[..count]);
        let mut mask = [0; HEAD];
        mask[..count].fill(u8::MAX);
        Self {
            head: u128::from_le_bytes(head),
            mask: u128::from_le_bytes(mask),
            field,
            text: text.to_vec(),
        }
    }

    #[inline]
    fn is_at(&self, rest: &[u8]) -> bool {
        let Some(bytes) = rest.first_chunk::<HEAD>() else {
            return rest.starts_with(&self.text);
        };
        (u128::from_le_bytes(*bytes) ^ self.head) & self.mask == 0
            && (self.text.len() <= HEAD || self.goes_on(rest))
    }

    #[inline(never)]
    fn goes_on(&self, rest: &[u8]) -> bool {
        rest[HEAD..].starts_with(&self.text[HEAD..])
    }
}

/// The keys of the objects before.
#[derive(Debug, Default)]
pub(crate) struct KeyOrder(Vec<SeenKey>);

/// A key: which field it names, if any is wanted, and where its value begins.
pub(crate) type FoundKey = (Option<usize>, usize);

impl KeyOrder {
    /// The key at `at`, if it is the `next`-th of the objects before.
    #[inline]
    pub(crate) fn expect(&self, bytes: &[u8], at: usize, next: usize) -> Option<FoundKey> {
        let seen = self.0.get(next)?;
        let is_here = seen.is_at(bytes.get(at..)?);
        is_here.then_some((seen.field, at + seen.text.len()))
    }

    /// The key at `at`, if it is one that came soon after the `next`-th, which is then moved there.
    pub(crate) fn search(&self, bytes: &[u8], at: usize, next: &mut usize) -> Option<FoundKey> {
        (*next + 1..=*next + LOOK_AHEAD).find_map(|place| {
            let found = self.expect(bytes, at, place)?;
            *next = place;
            Some(found)
        })
    }

    /// Remembers that `text` led to `field` at place `next`.
    pub(crate) fn learn(&mut self, next: usize, text: &[u8], field: Option<usize>) {
        if text.len() > TEXT_MAX || next >= KEYS_MAX {
            return;
        }
        let seen = SeenKey::new(text, field);
        if next < self.0.len() {
            self.0[next] = seen;
        } else if next == self.0.len() {
            self.0.push(seen);
        }
    }
}
