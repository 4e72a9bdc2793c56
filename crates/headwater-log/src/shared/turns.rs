//! Whose turn it is: the queue, the writer's lock, and helping out.

use std::sync::{Arc, MutexGuard, TryLockError, mpsc};

use super::state::Shared;
use crate::checkpoint::Cut;
use crate::commit::Receipt;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::{Slot, Waiter};
use crate::writer::Writer;
use crate::writer::queue::Bounds;
use crate::writer::request::{MetadataRequest, Request, Work};

use std::time::Duration;

/// How long the keeper waits for a change before it looks whether the writer needs a checkpoint first.
const CHANGE_POLL: Duration = Duration::from_millis(5);

impl Shared {
    /// Queues a request; if the log is closed, its slot gets that as the outcome.
    pub(crate) fn push(&self, work: Work, slot: &Arc<Slot>) {
        let request = Request {
            work,
            slot: Arc::clone(slot),
        };
        let max = Bounds {
            commits: self.options.queue_commits_max,
            bytes: self.options.queue_bytes_max,
        };
        while !self.has_threads() && self.queue.is_full(&request, max) {
            self.writer().run(self);
            self.finisher.run(self);
        }
        if let Err(request) = self.queue.push(request, max) {
            let closed = Error::new(ErrorKind::Closed, "log is closed");
            if let Some(waiter) = request.slot.complete(Err(closed)) {
                waiter.wake();
            }
        }
    }

    /// Runs a group for the one who waits for `slot`, if nobody else is at it: that saves two changes of threads.
    pub(crate) fn help(&self, slot: &Slot) {
        if slot.is_done() {
            return;
        }
        if self.has_threads() && !(self.queue.is_ripe() && self.queue.is_small()) {
            return self.queue.wake();
        }
        let writer = if self.has_threads() {
            self.writer.try_lock()
        } else {
            self.writer.lock().map_err(TryLockError::Poisoned)
        };
        match writer {
            Ok(mut writer) => writer.run(self),
            Err(TryLockError::Poisoned(writer)) => self.refuse(&mut writer.into_inner()),
            Err(TryLockError::WouldBlock) => return,
        }
        self.finisher.run(self);
        if !self.has_threads() {
            self.keeper.run_due(self);
        } else if self.queue.has_work() {
            self.queue.wake();
        }
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(|broken| {
            let mut writer = broken.into_inner();
            self.refuse(&mut writer);
            writer
        })
    }

    /// Something panicked while it held the writer: nobody knows what it had done.
    fn refuse(&self, writer: &mut Writer) {
        let cause = Error::new(ErrorKind::Bug, "the writer panicked");
        tracing::error!(error = %self.poison(cause), "commits are refused");
        writer.run(self);
    }

    /// The error for a commit that was with the writer when that panicked.
    pub(crate) fn lost(&self, slot: &Slot) -> Option<Error> {
        let panicked = self.writer.is_poisoned() || self.finisher.is_poisoned();
        (panicked && !slot.is_done()).then(|| {
            Error::new(
                ErrorKind::Closed,
                "the writer panicked; the commit may be lost",
            )
        })
    }

    /// A thread of the writer. While one syncs, another may form the next group.
    pub(crate) fn run_writer(&self) {
        while self.queue.wait() {
            self.writer().run(self);
            self.finisher.run(self);
        }
    }

    /// Asks the writer for the state between two groups.
    ///
    /// # Errors
    /// `Closed`.
    pub(crate) fn take_cut(&self) -> Result<Cut> {
        let (to, from) = mpsc::channel();
        let slot = Arc::new(Slot::default());
        self.push(Work::Cut(to), &slot);
        self.queue.wake();
        self.drive(&slot);
        from.recv().map_err(|_| {
            let why = self.poisoned();
            Error::new(
                ErrorKind::Closed,
                why.unwrap_or_else(|| "log is closed".to_owned()),
            )
        })
    }

    /// Asks the writer for a change of the metadata.
    pub(crate) fn begin_change(&self, wish: MetadataRequest) -> Arc<Slot> {
        let slot = Arc::new(Slot::default());
        self.push(Work::Metadata(Box::new(wish)), &slot);
        self.queue.wake();
        slot
    }

    /// Waits a moment for the outcome of a change.
    pub(crate) fn await_change(&self, slot: &Slot) -> Option<Result<Receipt>> {
        self.drive(slot);
        let waiter = || Waiter::Thread(std::thread::current());
        let outcome = slot.take_or_wait(waiter);
        if outcome.is_none() {
            std::thread::park_timeout(CHANGE_POLL);
        }
        outcome
    }

    /// Without a writer's thread, does its work until `slot` is done.
    pub(crate) fn drive(&self, slot: &Slot) {
        while !self.has_threads() && !slot.is_done() {
            self.writer().run(self);
            self.finisher.run(self);
        }
    }
}
