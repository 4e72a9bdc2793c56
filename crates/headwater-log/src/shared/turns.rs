//! Whose turn it is: the queue, the writer's lock, and helping out.

use std::sync::{Arc, MutexGuard, TryLockError, mpsc};

use super::state::Shared;
use crate::checkpoint::Cut;
use crate::commit::Receipt;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::{Promise, Slot, Waiter};
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
            promise: Promise::of(slot),
        };
        let max = Bounds {
            commits: self.options.queue_commits_max,
            bytes: self.options.queue_bytes_max,
        };
        let must_wait = |request: &Request| self.queue.is_full(request, max);
        while !self.has_threads() && must_wait(&request) && !self.queue.is_closed() {
            self.turn();
        }
        if let Err(request) = self.queue.push(request, max) {
            let closed = || Error::new(ErrorKind::Closed, "log is closed");
            let error = self.refusal().unwrap_or_else(closed);
            if let Some(waiter) = request.promise.keep(Err(error)) {
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
        let _fuse = self.fuse();
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

    /// Does what is next, and all of it.
    fn turn(&self) {
        let _fuse = self.fuse();
        self.writer().run(self);
        self.finisher.run(self);
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

    /// A thread of the writer. While one syncs, another may form the next group.
    pub(crate) fn run_writer(&self) {
        while self.queue.wait() {
            self.turn();
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
        // The other end goes with the request, if it is not served.
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
            self.turn();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, Timestamp};
    use crate::commit::Commit;
    use crate::log::Log;
    use crate::options::Options;
    use crate::record::{Record, TopicPartition};
    use crate::simulation::{Faults, FaultyDisk};
    use crate::topic::TopicConfig;

    #[test]
    fn what_comes_behind_a_sync_that_fails_is_refused() {
        let disk = FaultyDisk::new(0);
        let options = Options {
            threads: false,
            ..Options::default()
        };
        let clock = Arc::new(ManualClock::new(Timestamp(0)));
        let log = Log::open(Arc::new(disk.clone()), clock, options).expect("an empty disk");
        let made = log.create_topic("t", TopicConfig::default());
        made.expect("a new name");
        disk.set_faults(Faults {
            sync_fails_at: Some(1),
            ..Faults::default()
        });
        let to = TopicPartition::new("t", 0);
        let pending = log.submit(Commit::new().append(to, [Record::default()]));
        let shared = log.shared();
        let (to, from) = mpsc::channel();
        shared.push(Work::Cut(to), &Arc::default());
        let mut writer = shared.writer();
        writer.run(shared); // forms the group
        writer.run(shared); // has it synced, since the cut comes behind it
        drop(writer);
        assert!(from.recv().is_err());
        let error = pending.wait().expect_err("it could not be synced");
        assert_eq!(error.kind(), ErrorKind::Closed);
    }
}
