//! The sessions that read tables, each on a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use headwater_log::{Error, ErrorKind, Result};

use super::reading::{Plan, Reading, Task, read};
use crate::postgres::{Address, Session};

/// How long a reader waits for older transactions before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What all readers know.
struct Common {
    address: Address,
    plans: Vec<Arc<Plan>>,
    horizon: u64,
    tasks: Mutex<Receiver<Task>>,
    stop: AtomicBool,
}

/// Threads that read. They end when this is dropped.
pub(super) struct Readers {
    common: Arc<Common>,
    tasks: Option<Sender<Task>>,
    readings: Receiver<Result<Reading>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Starts `count` of them.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) fn start(
        address: &Address,
        plans: Vec<Arc<Plan>>,
        horizon: u64,
        count: usize,
    ) -> Result<Self> {
        let (tasks, taken) = channel();
        let (give, readings) = channel();
        let common = Arc::new(Common {
            address: address.clone(),
            plans,
            horizon,
            tasks: Mutex::new(taken),
            stop: AtomicBool::new(false),
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
    pub(super) fn hand_out(&self, task: Task) {
        // If nobody is there to take it, the error that ended them is among the readings.
        drop(self.tasks.as_ref().map(|tasks| tasks.send(task)));
    }

    /// A reading that is done.
    ///
    /// # Errors
    /// What made a reader end.
    pub(super) fn next(&self) -> Result<Option<Reading>> {
        self.readings.try_recv().ok().transpose()
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.common.stop.store(true, Ordering::Relaxed);
        self.tasks = None;
        for thread in self.threads.drain(..) {
            // A panic was said by the hook already.
            drop(thread.join());
        }
    }
}

fn work(common: &Common, give: &Sender<Result<Reading>>) {
    let run = || {
        let mut session = Session::connect(&common.address)?;
        while let Some(task) = next_task(common) {
            let plan = &common.plans[task.table];
            let reading = loop {
                if common.stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
                match read(&mut session, plan, &task, common.horizon)? {
                    Some(reading) => break reading,
                    None => std::thread::sleep(LOOK_AGAIN),
                }
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

fn next_task(common: &Common) -> Option<Task> {
    let tasks = common.tasks.lock();
    tasks.unwrap_or_else(PoisonError::into_inner).recv().ok()
}
