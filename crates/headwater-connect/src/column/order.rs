//! The order in which keys came last: the next object of the same place most likely has the same keys, so that one
//! comparison of bytes finds the next value.

/// How many keys of an object are predicted.
const KEYS_MAX: usize = 64;
/// How long a key, with its separators, may be to be predicted.
const TEXT_MAX: usize = 64;
/// How many predicted keys an object may leave out before its key is looked up.
const LOOK_AHEAD: usize = 4;

/// What stood between two values, and which field it led to.
#[derive(Debug)]
struct SeenKey {
    text: Vec<u8>,
    field: Option<usize>,
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
        let end = at + seen.text.len();
        (bytes.get(at..end)? == seen.text.as_slice()).then_some((seen.field, end))
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
        let seen = SeenKey {
            text: text.to_vec(),
            field,
        };
        if next < self.0.len() {
            self.0[next] = seen;
        } else if next == self.0.len() {
            self.0.push(seen);
        }
    }
}
