//! A projection on a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::progress::Progress;
use super::projector::{Projector, Turn};
use super::view::View;
use crate::error::{Error, ErrorKind, Result};
use crate::task::{Race, block_on};

/// How long a projection that was refused something waits at first, and at most.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// A projection that runs on a thread until it is stopped or dropped.
#[derive(Debug)]
pub struct Running<V> {
    progress: Progress,
    stop: Arc<Stop>,
    thread: Option<JoinHandle<Projector<V>>>,
}

/// The wish that it ends.
#[derive(Debug, Default)]
struct Stop {
    wished: AtomicBool,
    lock: Mutex<Option<std::task::Waker>>,
    changed: Condvar,
}

impl Stop {
    fn is_wished(&self) -> bool {
        self.wished.load(Ordering::SeqCst)
    }

    fn wish(&self) {
        self.wished.store(true, Ordering::SeqCst);
        let waker = self
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        self.changed.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    async fn wished(&self) {
        std::future::poll_fn(|context| {
            let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            *lock = Some(context.waker().clone());
            match self.is_wished() {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        })
        .await;
    }

    fn pause(&self, time: Duration) {
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(lock, time, |_| !self.is_wished());
        drop(waited);
    }
}

impl<V: View + 'static> Projector<V> {
    /// Runs it on a thread of its own.
    ///
    /// # Errors
    /// `Unavailable` if there is no thread.
    pub fn spawn(self) -> Result<Running<V>> {
        let (progress, stop) = (self.progress(), Arc::new(Stop::default()));
        progress.update(|status| status.stopped = false);
        let its = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("projection".to_owned())
            .spawn(move || run(self, &its))
            .map_err(|e| {
                Error::new(ErrorKind::Unavailable, "no thread for a projection").with_source(e)
            })?;
        Ok(Running {
            progress,
            stop,
            thread: Some(thread),
        })
    }
}

impl<V> Running<V> {
    /// How far it is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Stops it after its present turn, and gives it back.
    ///
    /// # Errors
    /// `Bug` if its view panicked.
    pub fn stop(mut self) -> Result<Projector<V>> {
        self.stop.wish();
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(projector)) => Ok(projector),
            _ => Err(Error::new(ErrorKind::Bug, "projection panicked")),
        }
    }
}

impl<V> Drop for Running<V> {
    fn drop(&mut self) {
        self.stop.wish();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("projection panicked");
        }
    }
}

/// Says that nobody moves it any more, even if its view panics.
struct Stopping(Progress);

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.update(|status| status.stopped = true);
    }
}

fn run<V: View>(mut projector: Projector<V>, stop: &Stop) -> Projector<V> {
    let _stopping = Stopping(projector.progress());
    let mut pause = PAUSE;
    while !stop.is_wished() {
        match block_on(projector.turn()) {
            Ok(turn) => {
                pause = PAUSE;
                match turn {
                    Turn::More => {}
                    Turn::CaughtUp => wait(&projector, stop),
                    Turn::Retired => break,
                }
            }
            Err(error) if error.kind().is_retriable() => {
                tracing::warn!(%error, "projection waits");
                stop.pause(pause);
                pause = (pause * 2).min(PAUSE_MAX);
            }
            Err(error) => {
                tracing::error!(%error, "projection stopped");
                break;
            }
        }
    }
    projector
}

fn wait<V: View>(projector: &Projector<V>, stop: &Stop) {
    let next = projector.progress().status().position;
    let news = async {
        if let Err(error) = projector.store().events().wait(next).await {
            tracing::warn!(%error, "projection cannot wait for events");
            stop.pause(PAUSE);
        }
    };
    block_on(Race::new(news, stop.wished()));
}
