//! The sessions that read tables, each on a thread of its own.

use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use headwater_log::{Error, ErrorKind, Result};

use super::server::{Reading, Reads, Task};

/// How long a reader waits before it looks again whether it may read.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What all readers know.
struct Common<R: Reads> {
    reads: R,
    tasks: Mutex<Receiver<Task<R::Server>>>,
    stop: AtomicBool,
    /// The connections of all.
    lines: Mutex<Vec<TcpStream>>,
}

impl<R: Reads> Common<R> {
    fn open(&self) -> Result<R::Session> {
        let session = self.reads.open()?;
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extend(R::line(&session));
        Ok(session)
    }

    /// Has all come to an end, also those that wait for a server which says nothing any more.
    fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        for line in lines.drain(..) {
            // One that is gone is what is wanted.
            drop(line.shutdown(Shutdown::Both));
        }
    }
}

/// Threads that read. They end when this is dropped.
pub(super) struct Readers<R: Reads> {
    common: Arc<Common<R>>,
    tasks: Option<Sender<Task<R::Server>>>,
    readings: Receiver<Result<Reading<R::Server>>>,
    threads: Vec<JoinHandle<()>>,
}

impl<R: Reads> Readers<R> {
    /// Starts `count` of them.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) fn start(reads: R, count: usize) -> Result<Self> {
        let (tasks, taken) = channel();
        let (give, readings) = channel();
        let common = Arc::new(Common {
            reads,
            tasks: Mutex::new(taken),
            stop: AtomicBool::new(false),
            lines: Mutex::default(),
        });
        let start = |_| {
            let (common, give) = (Arc::clone(&common), give.clone());
            let named = std::thread::Builder::new().name("cdc-reader".to_owned());
            named.spawn(move || work(&common, &give)).map_err(|e| {
                Error::new(ErrorKind::Unavailable, "no thread for a reader").with_source(e)
            })
        };
        let threads = (0..count.max(1)).map(start).collect::<Result<_>>()?;
        Ok(Self {
            common,
            tasks: Some(tasks),
            readings,
            threads,
        })
    }

    /// Hands a reading out.
    pub(super) fn hand_out(&self, task: Task<R::Server>) {
        // If nobody is there to take it, the error that ended them is among the readings.
        drop(self.tasks.as_ref().map(|tasks| tasks.send(task)));
    }

    /// A reading that is done.
    ///
    /// # Errors
    /// What made a reader end.
    pub(super) fn next(&self) -> Result<Option<Reading<R::Server>>> {
        self.readings.try_recv().ok().transpose()
    }
}

impl<R: Reads> Drop for Readers<R> {
    fn drop(&mut self) {
        self.common.stop();
        self.tasks = None;
        for thread in self.threads.drain(..) {
            // A panic was said by the hook already.
            drop(thread.join());
        }
    }
}

fn work<R: Reads>(common: &Common<R>, give: &Sender<Result<Reading<R::Server>>>) {
    let run = || {
        let mut session = common.open()?;
        while let Some(task) = next_task(common) {
            let (found, snapshot, high) = loop {
                if common.stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
                match common.reads.read(&mut session, &task)? {
                    Some(read) => break read,
                    None => std::thread::sleep(LOOK_AGAIN),
                }
            };
            let reading = Reading {
                task,
                found,
                snapshot,
                high,
            };
            if give.send(Ok(reading)).is_err() {
                return Ok(());
            }
        }
        Ok(())
    };
    if let Err(error) = run() {
        drop(give.send(Err(error)));
    }
}

fn next_task<R: Reads>(common: &Common<R>) -> Option<Task<R::Server>> {
    let tasks = common.tasks.lock();
    tasks.unwrap_or_else(PoisonError::into_inner).recv().ok()
}
