//! Sagas on threads: one that decides, one that listens for news, and some that call participants.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use headwater_log::Timestamp;

use super::participant::Call;
use super::sagas::Sagas;
use super::topic::Replies;
use super::turn::SagaTurn;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Position;
use crate::task::{Race, block_on};

/// How long it waits after a failure, and at most for a timer, since clocks are set.
const PAUSE: Duration = Duration::from_secs(1);

/// How long answers are waited for before it is looked whether the runner was stopped.
const REPLIES_PAUSE: Duration = Duration::from_millis(100);

/// Runs the sagas of a store until it is stopped or dropped.
#[derive(Debug)]
pub struct SagaRunner {
    signal: Arc<Signal>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads tell each other.
#[derive(Debug, Default)]
struct Signal {
    stop: AtomicBool,
    /// Whether something happened since it was last looked.
    news: Mutex<bool>,
    changed: Condvar,
    listener: Mutex<Option<std::task::Waker>>,
}

impl Signal {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn tell(&self) {
        *self.news.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        self.tell();
        let waker = self
            .listener
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn wait(&self, time: Duration) {
        let news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(news, time, |news| !*news);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }

    /// Waits for a while, without taking the news from others.
    fn pause(&self) {
        let news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        let stopped = |_: &mut bool| !self.is_stopped();
        drop(self.changed.wait_timeout_while(news, PAUSE, stopped));
    }

    async fn stopped(&self) {
        std::future::poll_fn(|context| {
            let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
            *listener = Some(context.waker().clone());
            match self.is_stopped() {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        })
        .await;
    }
}

impl SagaRunner {
    /// Runs the sagas, with so many threads that call participants.
    ///
    /// # Errors
    /// `Unavailable` if there are no threads.
    pub fn spawn(sagas: Arc<Sagas>, callers: usize) -> Result<Self> {
        let signal = Arc::new(Signal::default());
        let mut runner = Self {
            signal: Arc::clone(&signal),
            threads: Vec::new(),
        };
        let (to, calls) = sync_channel(callers.max(1));
        let calls = Arc::new(Mutex::new(calls));
        for _ in 0..callers.max(1) {
            let (sagas, calls, signal) = (sagas.clone(), calls.clone(), signal.clone());
            runner.thread("saga-caller", move || make_calls(&sagas, &calls, &signal))?;
        }
        let (its, also) = (sagas.clone(), signal.clone());
        runner.thread("saga-listener", move || listen(&its, &also))?;
        runner.thread("saga-runner", move || run(&sagas, &to, &signal))?;
        Ok(runner)
    }

    /// Takes the answers of services, too, on a thread for each topic partition that they come from.
    ///
    /// # Errors
    /// `Unavailable` if there are no threads.
    pub fn with_replies(mut self, replies: Vec<Replies>) -> Result<Self> {
        for from in replies {
            let signal = Arc::clone(&self.signal);
            self.thread("saga-replies", move || take_replies(from, &signal))?;
        }
        Ok(self)
    }

    fn thread(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<()> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        let thread = thread.map_err(|e| {
            Error::new(ErrorKind::Unavailable, "no thread for sagas").with_source(e)
        })?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for SagaRunner {
    fn drop(&mut self) {
        self.signal.stop();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the sagas panicked");
            }
        }
    }
}

/// Decides what is to be done, hands out calls, and waits for news or for the next timer. The calls end with it.
fn run(sagas: &Sagas, to: &SyncSender<Call>, signal: &Signal) {
    while !signal.is_stopped() {
        match block_on(sagas.turn()) {
            Ok(SagaTurn::Call(call)) => {
                if to.send(call).is_err() {
                    return;
                }
            }
            Ok(SagaTurn::Recorded) => {}
            Ok(SagaTurn::Idle(due)) => signal.wait(until(due, sagas.now())),
            Err(error) if error.kind() == ErrorKind::Closed => {
                tracing::error!(%error, "sagas stopped");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "sagas wait");
                signal.wait(PAUSE);
            }
        }
    }
}

fn until(due: Option<Timestamp>, now: Timestamp) -> Duration {
    let ms = due.map_or(i64::MAX, |due| due.0.saturating_sub(now.0).max(0));
    Duration::from_millis(ms.unsigned_abs()).min(PAUSE)
}

fn make_calls(sagas: &Sagas, calls: &Mutex<Receiver<Call>>, signal: &Signal) {
    loop {
        let call = {
            let calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
            calls.recv()
        };
        let Ok(call) = call else {
            return;
        };
        if let Err(error) = block_on(sagas.make(&call)) {
            // It is made again when its time is over.
            tracing::warn!(%error, key = call.key, "answer of a participant was not recorded");
        }
        signal.tell();
    }
}

/// Tells the runner when the store has something new.
fn listen(sagas: &Sagas, signal: &Signal) {
    let mut seen = Position(0);
    while !signal.is_stopped() {
        seen = seen.max(sagas.read_to());
        let mut failed = false;
        let news = async {
            match sagas.store().events().wait(seen).await {
                Ok(end) => seen = end,
                Err(error) => {
                    tracing::warn!(%error, "sagas cannot wait for events");
                    failed = true;
                }
            }
        };
        block_on(Race::new(news, signal.stopped()));
        signal.tell();
        if failed {
            signal.wait(PAUSE);
        }
    }
}

/// Takes answers as they come. The runner sees them in the journal.
fn take_replies(mut from: Replies, signal: &Signal) {
    while !signal.is_stopped() {
        let seen = from.log().last_commit();
        if let Err(error) = block_on(from.turn()) {
            tracing::warn!(%error, "answers of a service wait");
            signal.pause();
        }
        from.log().wait_for_commit(seen, REPLIES_PAUSE);
    }
}
