//! The open sessions as they are stored, and what is derived from them when they come back.

use super::sessions::{NONE, Sessions};
use crate::error::{Error, ErrorKind, Result};
use crate::state::{StateVisitor, other_layout};

impl Sessions {
    pub(super) fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("keys", &mut self.keys)?;
        visitor.column("heads", &mut self.heads)?;
        visitor.column("sessions", &mut self.sessions)
    }

    /// Rebuilds what is derived from restored state.
    pub(super) fn restored(&mut self) -> Result<()> {
        if self.heads.len() < self.keys.slots() {
            return Err(other_layout("keys of sessions without their sessions"));
        }
        self.free.clear();
        self.earlier.clear();
        self.due.clear();
        self.due_keys.clear();
        self.merged.clear();
        self.touched.clear();
        for slot in (0..self.sessions.len() as u32).rev() {
            let session = self.get(slot);
            if session.key == NONE {
                self.free.push(slot);
                continue;
            }
            self.due.add(self.end(slot), slot);
            if session.key as usize >= self.heads.len() {
                return Err(Error::new(ErrorKind::Corrupt, "a session has no key"));
            }
            if self.heads.get(session.key).0 != slot {
                self.earlier.insert((session.key, session.start), slot);
            }
        }
        for key in 0..self.keys.slots() as u32 {
            if self.keys.is_live(key) {
                let closed = self.heads.get(key).1;
                self.due_keys.add(self.forgettable(closed), key);
            }
        }
        self.check_invariants()
    }

    /// Checks the invariants.
    pub(super) fn check_invariants(&self) -> Result<()> {
        let damaged = |what| Error::new(ErrorKind::Corrupt, what);
        let mut seen = 0;
        for key in self.keys.live_slots() {
            let (head, closed) = *self.heads.get(key);
            let earlier = self.earlier.range((key, i64::MIN)..=(key, i64::MAX));
            let slots = earlier.map(|(_, slot)| *slot);
            let slots = slots.chain((head != NONE).then_some(head));
            let mut reached = None;
            for slot in slots {
                if slot as usize >= self.sessions.len() {
                    return Err(damaged("the latest session of a key does not exist"));
                }
                let session = self.get(slot);
                if session.key != key || session.start > session.last {
                    return Err(damaged("a session is another key's"));
                }
                if reached.is_some_and(|end| session.start <= end) || session.start <= closed {
                    return Err(damaged("sessions of a key overlap"));
                }
                reached = Some(self.end(slot));
                seen += 1;
            }
        }
        if seen + self.free.len() != self.sessions.len() {
            return Err(damaged("a session has no key"));
        }
        Ok(())
    }
}
