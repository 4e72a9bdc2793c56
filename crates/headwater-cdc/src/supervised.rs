//! A thread that does something for as long as somebody holds it: what cannot be reached is tried again, what nobody can help
//! ends it, and who lets go of it waits for its end.
//!
//! | it | the thread | is followed by |
//! |---|---|---|
//! | works | ends without an error | works again |
//! | works | says that there is nothing more to do | is over |
//! | works | meets what may pass (`Unavailable`, a full disk) | waits, longer each time, then works again |
//! | works | meets anything else | has failed, for good |
//! | works or waits | is told to stop | is over |

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use headwater_log::{Error, ErrorKind, Result};

/// How long is waited after the first failure; it doubles from one to the next.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// What is said of the work.
pub(crate) trait Told: Default + Send + 'static {
    /// It waits, and why.
    fn waits(&mut self, why: String);

    /// It has failed for good.
    fn failed(&mut self, why: &str);

    /// It is over.
    fn stopped(&mut self);
}

/// What the thread and those who look at it share.
#[derive(Debug, Default)]
pub(crate) struct Shared<T> {
    stop: AtomicBool,
    /// Whether there is nothing more to do.
    finished: AtomicBool,
    /// Whether the work has come to where the next failure is the first again.
    begun: AtomicBool,
    told: Mutex<T>,
    failure: Mutex<Option<(ErrorKind, String, Option<String>)>>,
    changed: Condvar,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, T> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the work is to end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// What is to be done is under way: a failure from now on is a first one.
    pub(crate) fn begun(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// There is nothing more to do, which is said so.
    pub(crate) fn finish(&self, change: impl FnOnce(&mut T)) {
        self.finished.store(true, Ordering::Relaxed);
        self.change(change);
    }

    /// Looks at what is said.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.lock())
    }

    /// Changes what is said, and wakes those who wait for that.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// Waits, but not for longer than until it is told to stop, or something is so.
    pub(crate) fn rest(&self, time: Duration, is_enough: impl Fn(&T) -> bool) {
        let until = Instant::now() + time;
        let mut told = self.lock();
        while !self.is_stopped() && !is_enough(&told) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(told, left);
            told = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl<T: Told> Shared<T> {
    fn fail(&self, error: &Error) {
        let hint = error.hint().map(str::to_owned);
        let failure = (error.kind(), error.to_string(), hint);
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        self.change(|told| told.failed(&error.to_string()));
    }

    fn run(&self, mut work: impl FnMut(&Self) -> Result<()>) {
        let mut wait = RETRY_MIN;
        while !self.is_stopped() {
            let ended = work(self);
            if self.begun.swap(false, Ordering::Relaxed) {
                wait = RETRY_MIN;
            }
            match ended {
                Ok(()) if self.finished.load(Ordering::Relaxed) => return,
                Ok(()) => {}
                Err(e) if e.kind().is_retriable() => {
                    let why = match e.hint() {
                        Some(hint) => format!("{e}: {hint}"),
                        None => e.to_string(),
                    };
                    self.change(|told| told.waits(why));
                    self.rest(wait, |_| false);
                    wait = (wait * 2).min(RETRY_MAX);
                }
                Err(e) => return self.fail(&e),
            }
        }
        self.change(T::stopped);
    }
}

/// A thread at work. Dropping it ends that.
#[derive(Debug)]
pub(crate) struct Supervised<T: Told> {
    shared: Arc<Shared<T>>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Told> Supervised<T> {
    /// Starts a thread of this name, which does `work` again and again.
    ///
    /// # Errors
    /// `Unavailable` if there is no thread to be had.
    pub(crate) fn start(
        name: String,
        work: impl FnMut(&Shared<T>) -> Result<()> + Send + 'static,
    ) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || theirs.run(work));
        let thread = thread.map_err(|e| {
            let text = "there is no thread for a capture or an outbox";
            Error::new(ErrorKind::Unavailable, text).with_source(e)
        })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// What it shares with the thread.
    pub(crate) fn shared(&self) -> &Shared<T> {
        &self.shared
    }

    /// Why it has ended, if it has failed.
    pub(crate) fn failure(&self) -> Option<Error> {
        let failure = self.shared.failure.lock();
        let failure = failure.unwrap_or_else(PoisonError::into_inner);
        let (kind, message, hint) = failure.as_ref()?;
        let error = Error::new(*kind, message.clone());
        Some(match hint {
            Some(hint) => error.with_hint(hint.clone()),
            None => error,
        })
    }

    /// Waits until something is so, or the time is over; whether it is.
    ///
    /// # Errors
    /// Those of `is_so`.
    pub(crate) fn wait_until(
        &self,
        time: Duration,
        mut is_so: impl FnMut() -> Result<bool>,
    ) -> Result<bool> {
        let until = Instant::now() + time;
        while !is_so()? {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            // What happens between the look and the wait is seen a little later.
            let told = self.shared.lock();
            drop(self.shared.changed.wait_timeout(told, left.min(RETRY_MIN)));
        }
        Ok(true)
    }
}

impl<T: Told> Drop for Supervised<T> {
    fn drop(&mut self) {
        {
            let _told = self.shared.lock();
            self.shared.stop.store(true, Ordering::Relaxed);
            self.shared.changed.notify_all();
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            let error = Error::new(ErrorKind::Bug, "a capture or an outbox has panicked");
            self.shared.fail(&error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[derive(Debug, Default)]
    struct Log(Vec<String>);

    impl Told for Log {
        fn waits(&mut self, why: String) {
            self.0.push(format!("waits: {why}"));
        }

        fn failed(&mut self, why: &str) {
            self.0.push(format!("failed: {why}"));
        }

        fn stopped(&mut self) {
            self.0.push("stopped".to_owned());
        }
    }

    #[test]
    fn what_may_pass_is_tried_again_and_the_rest_ends_it() {
        let mut errors = vec![
            Error::new(ErrorKind::Corrupt, "broken").with_hint("mend it"),
            Error::new(ErrorKind::Unavailable, "away").with_hint("come back"),
        ];
        let thread = Supervised::<Log>::start("test".to_owned(), move |_| match errors.pop() {
            Some(error) => Err(error),
            None => Ok(()),
        });
        let thread = thread.unwrap();
        assert!(
            thread
                .wait_until(LONG, || Ok(thread.failure().is_some()))
                .unwrap()
        );
        let failure = thread.failure().unwrap();
        assert_eq!(
            (failure.kind(), failure.hint()),
            (ErrorKind::Corrupt, Some("mend it"))
        );
        let told = thread.shared().look(|log| log.0.clone());
        assert_eq!(told, ["waits: away: come back", "failed: broken"]);
    }

    #[test]
    fn it_does_no_more_when_there_is_nothing_to_do() {
        let thread = Supervised::<Log>::start("test".to_owned(), |shared: &Shared<Log>| {
            shared.finish(|log| log.0.push("finished".to_owned()));
            Ok(())
        });
        let thread = thread.unwrap();
        let shared = Arc::clone(&thread.shared);
        assert!(
            thread
                .wait_until(LONG, || Ok(shared.look(|log| !log.0.is_empty())))
                .unwrap()
        );
        drop(thread);
        assert_eq!(shared.look(|log| log.0.clone()), ["finished"]);
    }

    #[test]
    fn it_ends_when_it_is_let_go_of_also_while_it_waits() {
        let thread = Supervised::<Log>::start("test".to_owned(), |_| {
            Err(Error::new(ErrorKind::Unavailable, "away"))
        });
        let thread = thread.unwrap();
        let shared = Arc::clone(&thread.shared);
        let has_waited = || Ok(shared.look(|log| !log.0.is_empty()));
        assert!(thread.wait_until(LONG, has_waited).unwrap());
        drop(thread);
        assert_eq!(
            shared.look(|log| log.0.last().cloned()).as_deref(),
            Some("stopped")
        );
    }

    #[test]
    fn who_rests_is_woken_by_what_it_waits_for() {
        let thread = Supervised::<Log>::start("test".to_owned(), |shared: &Shared<Log>| {
            shared.rest(LONG, |log| log.0.iter().any(|line| line == "wake"));
            Err(Error::new(ErrorKind::Bug, "woken"))
        });
        let thread = thread.unwrap();
        thread.shared().change(|log| log.0.push("wake".to_owned()));
        assert!(
            thread
                .wait_until(LONG, || Ok(thread.failure().is_some()))
                .unwrap()
        );
    }
}
