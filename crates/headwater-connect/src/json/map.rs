//! JSON objects as MAPs. Keys are unique in a map: of those that are the same the last one counts.

use ahash::AHashMap;

use super::fault::{Fault, Parsed};
use super::reader::{Reader, separator};
use super::scan;
use crate::column::{Column, Values};

/// Up to here keys are compared one with the other.
const FEW_KEYS: usize = 8;

impl Reader<'_> {
    /// Appends the entries of the object at `at`.
    pub(super) fn map(&mut self, entries: &mut (Column, Column), at: usize) -> Parsed {
        let first = entries.0.len();
        let end = self.entries(entries, at, |_, _| true)?;
        if !repeats(&entries.0, first) {
            return Ok(end);
        }
        entries.0.truncate(first);
        entries.1.truncate(first);
        let last = self.last_places(at)?;
        self.entries(entries, at, |key, place| last.get(key) == Some(&place))
    }

    /// Appends the entries that `wanted` says yes to, given the key and its place in the object.
    fn entries(
        &mut self,
        (keys, values): &mut (Column, Column),
        at: usize,
        wanted: impl Fn(&[u8], usize) -> bool,
    ) -> Parsed {
        let mut at = scan::space(self.bytes, at + 1);
        if self.bytes.get(at) == Some(&b'}') {
            return Ok(at + 1);
        }
        let mut place = 0;
        loop {
            let (key, end) = self.quoted(at)?;
            let is_wanted = wanted(key, place);
            if is_wanted {
                keys.push_text(key).map_err(Fault::conversion)?;
            }
            let value = after_colon(self.bytes, end)?;
            let end = if is_wanted {
                self.field(values, keys.len() - 1, value)?
            } else {
                scan::skip(self.bytes, value)?
            };
            place += 1;
            let (after, is_end) = separator(self.bytes, end, b'}')?;
            if is_end {
                return Ok(after);
            }
            at = after;
        }
    }

    /// For each key of the object at `at` the last place that it has.
    fn last_places(&mut self, at: usize) -> Parsed<AHashMap<Vec<u8>, usize>> {
        let mut last = AHashMap::new();
        let mut at = scan::space(self.bytes, at + 1);
        for place in 0.. {
            let (key, end) = self.quoted(at)?;
            last.insert(key.to_vec(), place);
            let end = scan::skip(self.bytes, after_colon(self.bytes, end)?)?;
            let (after, is_end) = separator(self.bytes, end, b'}')?;
            if is_end {
                break;
            }
            at = after;
        }
        Ok(last)
    }
}

fn after_colon(bytes: &[u8], at: usize) -> Parsed {
    let colon = scan::space(bytes, at);
    if bytes.get(colon) != Some(&b':') {
        return Err(Fault::syntax("expected ':' after a key"));
    }
    Ok(scan::space(bytes, colon + 1))
}

/// Whether a text key from `first` on is there twice.
fn repeats(keys: &Column, first: usize) -> bool {
    let Values::Bytes(v) = &keys.values else {
        return false;
    };
    let slices = v.ends[first..]
        .windows(2)
        .map(|w| &v.data[w[0] as usize..w[1] as usize]);
    let slices: Vec<&[u8]> = slices.collect();
    if slices.len() <= FEW_KEYS {
        return slices
            .iter()
            .enumerate()
            .any(|(i, k)| slices[..i].contains(k));
    }
    let mut seen = ahash::AHashSet::with_capacity(slices.len());
    !slices.into_iter().all(|k| seen.insert(k))
}
