//! Wakes a pipeline's driver: sources, timers and control requests raise it, the driver waits on it.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A flag that one thread waits for and any thread raises.
#[derive(Debug, Default)]
pub(super) struct Signal {
    raised: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    /// Wakes the waiter, or lets its next wait return at once.
    pub(super) fn raise(&self) {
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Waits until the signal is raised, or for `timeout`; lowers it. True if it was raised.
    pub(super) fn wait(&self, timeout: Option<Duration>) -> bool {
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        if !*raised {
            raised = match timeout {
                Some(timeout) => {
                    let waited = self
                        .changed
                        .wait_timeout_while(raised, timeout, |raised| !*raised);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self
                    .changed
                    .wait_while(raised, |raised| !*raised)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
        std::mem::take(&mut *raised)
    }
}
