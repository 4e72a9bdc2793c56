//! [`Fuse`]: what becomes of a log in which somebody panics. Whoever works for others holds one.

use std::sync::PoisonError;

use super::state::Shared;
use crate::error::{Error, ErrorKind};

/// Ends the log if its holder panics: what had been done is unknown, and nobody is to wait for what comes no more.
#[derive(Debug)]
pub(crate) struct Fuse<'a> {
    shared: &'a Shared,
    /// Whether the thread was panicking before: a log is also closed on the way out of a panic elsewhere.
    was_panicking: bool,
}

impl Drop for Fuse<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.was_panicking {
            self.shared.give_up();
        }
    }
}

impl Shared {
    /// To be held, by whoever holds none of its locks, while something is done for others.
    pub(crate) fn fuse(&self) -> Fuse<'_> {
        Fuse {
            shared: self,
            was_panicking: std::thread::panicking(),
        }
    }

    /// Refuses all that waits and all that will come.
    fn give_up(&self) {
        let error = self.poison(Error::new(ErrorKind::Bug, "a thread panicked"));
        tracing::error!(%error, "log is given up");
        self.queue.abandon();
        let writer = self.writer.lock();
        let mut writer = writer.unwrap_or_else(PoisonError::into_inner);
        writer.run(self);
        drop(writer);
        self.finisher.refuse(self);
    }
}
