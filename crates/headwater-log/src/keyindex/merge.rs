//! Which neighbouring runs become one, and how: *decide* is pure, *do* streams.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::disk::Disk;
use crate::error::Result;

use super::postings::{Posting, PostingList};
use super::run::{Run, RunEntries, RunId, RunWriter};
use super::term::has_versions;

/// Neighbours are merged once this many of them are of similar size.
const FAN_IN: usize = 4;

/// The neighbouring runs to merge next, given the sizes of all, oldest first: the newest `FAN_IN` or more of which
/// none is more than twice as large as all the newer ones together. Keeps the number of runs logarithmic.
pub(super) fn decide(sizes: &[u64]) -> Option<std::ops::Range<usize>> {
    let mut from = sizes.len().checked_sub(1)?;
    let mut newer = sizes[from];
    while from > 0 && sizes[from - 1] <= newer.saturating_mul(2) {
        from -= 1;
        newer = newer.saturating_add(sizes[from]);
    }
    (sizes.len() - from >= FAN_IN).then_some(from..sizes.len())
}

struct Head {
    order: (u64, Box<[u8]>, usize),
    list: PostingList,
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}
impl Eq for Head {}
impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order.cmp(&other.order)
    }
}

/// Writes neighbouring `runs`, oldest first, as one, with the postings of terms that pass `keep`.
pub(super) fn merge(
    disk: &Arc<dyn Disk>,
    dir: &str,
    runs: &[Arc<Run>],
    id: RunId,
    keep: impl Fn(&[u8], Posting) -> bool,
) -> Result<Run> {
    let entries = runs.iter().map(|r| r.entries()).sum::<Result<u64>>()?;
    let mut writer = RunWriter::create(disk, dir, id, entries)?;
    let mut inputs: Vec<RunEntries> = runs.iter().map(Run::iter).collect();
    let mut heads = BinaryHeap::new();
    for age in 0..inputs.len() {
        advance(&mut inputs, &mut heads, age)?;
    }
    while let Some(Reverse(Head { order, mut list })) = heads.pop() {
        let (hash, term, age) = order;
        advance(&mut inputs, &mut heads, age)?;
        while heads
            .peek()
            .is_some_and(|Reverse(h)| h.order.0 == hash && h.order.1 == term)
        {
            let Some(Reverse(same)) = heads.pop() else {
                break;
            };
            list.extend(&same.list, !has_versions(&term));
            advance(&mut inputs, &mut heads, same.order.2)?;
        }
        if let Some(list) = list.filtered(|posting| keep(&term, posting)) {
            writer.add(hash, &term, &list)?;
        }
    }
    writer.finish()
}

fn advance(
    inputs: &mut [RunEntries],
    heads: &mut BinaryHeap<Reverse<Head>>,
    age: usize,
) -> Result<()> {
    if let Some(entry) = inputs[age].next_entry()? {
        let order = (entry.hash, entry.term, age);
        let list = entry.list;
        heads.push(Reverse(Head { order, list }));
    }
    Ok(())
}
