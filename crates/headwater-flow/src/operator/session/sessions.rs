//! The open sessions of every key, for input that is only appended to. Knows times and slots, no columns.
//!
//! Times of a key that are at most `gap` apart belong together (as in Flink, where windows that touch are merged);
//! a session's end is its last time + `gap`. A session is closed when the watermark has reached its end: a row at
//! the very end would still belong to it.
//!
//! What is emitted must stay what a batch would make of all rows that were not late, so no row may come to lie within
//! the gap of a closed session: a key remembers the highest end that was closed, and what touches it is late. To be
//! able to forget that, a row more than two gaps behind the watermark may fill an open session but not begin it anew
//! further back.

use std::collections::BTreeMap;

use super::due::Due;
use super::frame::Place;
use crate::state::{KeyTable, Paged};

/// No session.
pub(super) const NONE: u32 = u32::MAX;

/// One session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) start: i64,
    pub(super) last: i64,
    pub(super) key: u32,
}

pub(super) type Stored = (i64, i64, u32);

impl Session {
    /// The key of a slot that holds no session.
    pub(super) const NO_KEY: u32 = NONE;

    fn load(stored: Stored) -> Self {
        let (start, last, key) = stored;
        Self { start, last, key }
    }

    fn store(self) -> Stored {
        (self.start, self.last, self.key)
    }
}

/// Invariants: the sessions of a key are more than `gap` apart, the latest is its head and the others are in `earlier`; none
/// of them touches what was closed before; a free slot has no key, and is on the free list once.
#[derive(Debug)]
pub(super) struct Sessions {
    pub(super) gap: i64,
    pub(super) keys: KeyTable,
    /// By key: the latest session, and the highest end closed so far.
    pub(super) heads: Paged<(u32, i64)>,
    pub(super) sessions: Paged<Stored>,
    /// By key and start, the other sessions of keys that have several. Derived.
    pub(super) earlier: BTreeMap<(u32, i64), u32>,
    pub(super) free: Vec<u32>,
    pub(super) due: Due,
    pub(super) due_keys: Due,
    /// Sessions merged since [`Sessions::release_merged`]: from, into.
    pub(super) merged: Vec<(u32, u32)>,
    /// Sessions that [`Sessions::place`] was about to change, as they were.
    pub(super) touched: Vec<(u32, Session)>,
    /// Whether `touched` is wanted.
    pub(super) notes_touched: bool,
}

impl Sessions {
    pub(super) fn new(gap: i64, key_width: Option<usize>, notes_touched: bool) -> Self {
        Self {
            gap,
            keys: KeyTable::new(key_width),
            heads: Paged::new(),
            sessions: Paged::new(),
            earlier: BTreeMap::new(),
            free: Vec::new(),
            due: Due::new(gap / 8),
            due_keys: Due::new(gap),
            merged: Vec::new(),
            touched: Vec::new(),
            notes_touched,
        }
    }

    /// The number of session slots: what columns must grow to.
    pub(super) fn slots(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn get(&self, slot: u32) -> Session {
        Session::load(*self.sessions.get(slot))
    }

    pub(super) fn end(&self, slot: u32) -> i64 {
        self.sessions.get(slot).1.saturating_add(self.gap)
    }

    /// The numbers of the keys of `count` rows.
    pub(super) fn intern<'a>(
        &mut self,
        count: usize,
        key: impl Fn(usize) -> &'a [u8],
        numbers: &mut Vec<u32>,
    ) {
        let (heads, due_keys) = (&mut self.heads, &mut self.due_keys);
        self.keys.intern_many(count, key, numbers, |number, _| {
            heads.grow(number as usize + 1);
            *heads.get_mut(number) = (NONE, i64::MIN);
            due_keys.add(i64::MIN, number);
        });
    }

    /// Puts a row of `key` into its session, if it is not closed for a row that is judged by `through`: all sessions
    /// that end at or before it are. A row first merges what it touches, then is judged.
    #[inline]
    pub(super) fn place(&mut self, key: u32, time: i64, through: i64) -> Place {
        let (head, closed) = *self.heads.get(key);
        let (low, high) = (time.saturating_sub(self.gap), time.saturating_add(self.gap));
        let at = match head == NONE || self.sessions.get(head).0 <= high {
            true => head,
            false => self.earlier(key, high),
        };
        if at == NONE || self.sessions.get(at).1 < low {
            if time <= closed || high <= through {
                return Place::Late;
            }
            return Place::In(self.open(key, time));
        }
        let session = self.get(at);
        if time >= session.start && time <= session.last {
            if session.last.saturating_add(self.gap) <= through {
                return Place::Late;
            }
            self.touch(at);
            return Place::In(at);
        }
        self.join(at, time, (low, closed, through))
    }

    /// From when on nobody remembers that `end` was closed.
    pub(super) fn forgettable(&self, end: i64) -> i64 {
        end.saturating_add(self.gap).saturating_add(self.gap)
    }

    /// The latest session of `key` but the head that starts at or before `time`, or `NONE`.
    fn earlier(&self, key: u32, time: i64) -> u32 {
        let mut earlier = self.earlier.range((key, i64::MIN)..=(key, time));
        earlier.next_back().map_or(NONE, |(_, slot)| *slot)
    }

    /// Starts a session of `key`, which has none that touches `time`.
    fn open(&mut self, key: u32, time: i64) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            let slot = self.sessions.len();
            self.sessions.grow(slot + 1);
            slot as u32
        });
        let session = Session {
            start: time,
            last: time,
            key,
        };
        *self.sessions.get_mut(slot) = session.store();
        self.link(slot, session);
        self.due.add(time.saturating_add(self.gap), slot);
        if self.notes_touched {
            let none = Session {
                key: NONE,
                ..session
            };
            self.touched.push((slot, none));
        }
        slot
    }

    /// Makes a session one of its key's.
    fn link(&mut self, slot: u32, session: Session) {
        let key = session.key;
        let head = self.heads.get(key).0;
        if head != NONE && self.sessions.get(head).0 > session.start {
            self.earlier.insert((key, session.start), slot);
            return;
        }
        if head != NONE {
            self.earlier.insert((key, self.sessions.get(head).0), head);
        }
        self.heads.get_mut(key).0 = slot;
    }

    /// The inverse of [`Sessions::link`].
    fn unlink(&mut self, slot: u32, session: Session) {
        let key = session.key;
        if self.heads.get(key).0 != slot {
            self.earlier.remove(&(key, session.start));
            return;
        }
        let next = self.earlier(key, i64::MAX);
        if next != NONE {
            self.earlier.remove(&(key, self.sessions.get(next).0));
        }
        self.heads.get_mut(key).0 = next;
    }

    fn touch(&mut self, slot: u32) {
        if self.notes_touched {
            self.touched.push((slot, self.get(slot)));
        }
    }

    /// Extends session `at`, the latest that `time` touches, by `time` and by all earlier ones that it touches.
    fn join(&mut self, at: u32, time: i64, (low, closed, through): (i64, i64, i64)) -> Place {
        let old = self.get(at);
        let last = old.last.max(time);
        if time <= closed || self.end(at) <= through {
            return Place::Late;
        }
        let (mut start, mut touched) = (old.start, Vec::new());
        while time < start {
            let earlier = self.earlier(old.key, start - 1);
            if earlier == NONE || self.sessions.get(earlier).1 < low {
                break;
            }
            if self.end(earlier) <= through {
                return Place::Late;
            }
            start = self.sessions.get(earlier).0;
            touched.push(earlier);
        }
        if time < start && self.forgettable(time) <= through {
            return Place::Late;
        }
        self.touch(at);
        for from in touched {
            self.touch(from);
            self.unlink(from, self.get(from));
            self.sessions.get_mut(from).2 = NONE;
            self.merged.push((from, at));
        }
        let session = Session {
            start: start.min(time),
            last,
            ..old
        };
        if session.start != old.start {
            self.unlink(at, old);
        }
        *self.sessions.get_mut(at) = session.store();
        if session.start != old.start {
            self.link(at, session);
        }
        Place::In(at)
    }

    /// Frees the slots of merged sessions, when their columns have been merged and cleared.
    pub(super) fn release_merged(&mut self) {
        let merged = self.merged.drain(..);
        self.free.extend(merged.map(|(from, _)| from));
    }

    /// The sessions that end at or before `through`; they stay until they are [released](Self::release).
    pub(super) fn closing(&mut self, through: i64) -> Vec<u32> {
        let mut closing = self.due.take(through);
        closing.sort_unstable();
        closing.dedup();
        let (sessions, gap, due) = (&self.sessions, self.gap, &mut self.due);
        closing.retain(|slot| {
            let (_, last, key) = *sessions.get(*slot);
            let end = last.saturating_add(gap);
            if key != NONE && end > through {
                due.add(end, *slot);
            }
            key != NONE && end <= through
        });
        closing
    }

    /// Forgets closed sessions, when their columns have been cleared.
    pub(super) fn release(&mut self, closed: &[u32]) {
        for slot in closed {
            let (session, end) = (self.get(*slot), self.end(*slot));
            self.unlink(*slot, session);
            let (_, highest) = self.heads.get_mut(session.key);
            *highest = end.max(*highest);
            self.due_keys.add(self.forgettable(end), session.key);
            self.sessions.get_mut(*slot).2 = NONE;
            self.free.push(*slot);
        }
    }

    /// Forgets keys that have no session, and had none that a row not late by itself could touch.
    pub(super) fn forget_keys(&mut self, through: i64) {
        for key in self.due_keys.take(through) {
            if !self.keys.is_live(key) {
                continue;
            }
            let (head, closed) = *self.heads.get(key);
            if head == NONE && self.forgettable(closed) <= through {
                self.keys.remove(key);
            } else if head == NONE {
                self.due_keys.add(self.forgettable(closed), key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_sessions_leave_nothing_behind() {
        let mut sessions = Sessions::new(10, None, false);
        for round in 0..50_i64 {
            let now = round * 100;
            for (i, time) in [5, 40, 20, 30, 12].into_iter().enumerate() {
                let text = format!("{round} {}", i % 2);
                let mut key = Vec::new();
                sessions.intern(1, |_| text.as_bytes(), &mut key);
                let key = key[0];
                let place = sessions.place(key, now + time, now - 20);
                assert!(matches!(place, Place::In(_)));
            }
            sessions.release_merged();
            let closing = sessions.closing(now - 20);
            sessions.release(&closing);
            sessions.forget_keys(now - 20);
            sessions.check_invariants().expect("they hold");
            assert!(sessions.slots() < 20 && sessions.keys.len() < 8);
        }
        let closing = sessions.closing(i64::MAX);
        sessions.release(&closing);
        sessions.forget_keys(i64::MAX);
        assert!(sessions.keys.is_empty());
        assert_eq!(sessions.free.len(), sessions.slots());
    }
}
