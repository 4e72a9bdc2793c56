//! How much is taken into one transaction.

use std::collections::VecDeque;

use super::funnel::Wish;
use super::names;
use crate::store::{Append, Write};

/// What is taken into one transaction, unless one append is more by itself.
const EVENTS_MAX: usize = 4096;
const BYTES_MAX: usize = 8 << 20;
/// Each name is a lock of the server, of which there are 64 a connection by default.
const NAMES_MAX: usize = 1024;
/// What a name costs in locks and look-ups grows faster than their number.
const APPENDS_MAX: usize = 512;

/// What an append costs.
#[derive(Debug, Default)]
struct Cost {
    appends: usize,
    events: usize,
    bytes: usize,
    names: usize,
}

impl Cost {
    fn add(&mut self, append: &Append) {
        let events = append.writes.iter().flat_map(|w| &w.events);
        self.appends += 1;
        self.events += append.writes.iter().map(Write::count).sum::<usize>();
        self.bytes += events.map(|e| e.data.len()).sum::<usize>();
        self.names += names::of(append).len();
    }

    fn is_too_much(&self) -> bool {
        self.appends > APPENDS_MAX
            || self.events > EVENTS_MAX
            || self.bytes > BYTES_MAX
            || self.names > NAMES_MAX
    }
}

/// Takes from the front what fits into one transaction, at least one.
pub(super) fn take(waiting: &mut VecDeque<Wish>) -> Vec<Wish> {
    let mut cost = Cost::default();
    let mut taken = Vec::new();
    while let Some(next) = waiting.front() {
        if let Some(append) = next.append() {
            cost.add(append);
        }
        if cost.is_too_much() && !taken.is_empty() {
            break;
        }
        taken.extend(waiting.pop_front());
    }
    taken
}
