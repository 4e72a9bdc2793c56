//! How the rest of the process speaks to a running pipeline, and what it can know of it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::schedule::Ending;
use super::signal::Signal;

/// Commit latencies kept for percentiles.
const LATENCIES_KEPT: usize = 4096;

/// What a pipeline is doing.
#[derive(Debug, Clone, Default)]
pub enum Phase {
    /// Loading its snapshot and replaying epochs.
    #[default]
    Recovering,
    /// Working or waiting for input.
    Running,
    /// It has ended.
    Ended(Ending),
    /// It has failed, with this message.
    Failed(String),
}

/// Figures of a pipeline.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// What it is doing.
    pub phase: Phase,
    /// The newest committed epoch.
    pub epoch: u64,
    /// Epochs that this process committed.
    pub epochs: u64,
    /// Epochs that were replayed when it started.
    pub replayed: u64,
    /// Rows read.
    pub rows_in: u64,
    /// Rows written.
    pub rows_out: u64,
    /// Rows judged late.
    pub late: u64,
    /// Records that did not decode.
    pub rejected: u64,
    /// Everything that the inputs held when this was the log's newest commit has been read, and what came of it is
    /// committed.
    pub caught_up: u64,
    /// What cannot be reached now and is tried again.
    pub trouble: Option<String>,
    /// The lowest watermark of the inputs, microseconds.
    pub watermark: Option<i64>,
    /// The longest time for which a snapshot held the pipeline, microseconds.
    pub snapshot_pause_us_max: u64,
    latencies: VecDeque<u32>,
}

impl Status {
    /// What it is doing, in a few words.
    pub fn describe(&self) -> String {
        let phase = match &self.phase {
            Phase::Recovering => "recovering",
            Phase::Running => "running",
            Phase::Ended(Ending::Finished) => "finished",
            Phase::Ended(Ending::Stopped) => "stopped",
            Phase::Failed(why) => return format!("failed: {why}"),
        };
        match &self.trouble {
            Some(trouble) => format!("{phase}, tries again: {trouble}"),
            None => phase.to_owned(),
        }
    }

    pub(super) fn note_commit(&mut self, latency: Duration) {
        if self.latencies.len() == LATENCIES_KEPT {
            self.latencies.pop_front();
        }
        self.latencies
            .push_back(latency.as_micros().min(u128::from(u32::MAX)) as u32);
    }

    /// The `q`-quantile of the newest commit latencies; `None` before the first.
    pub fn commit_latency(&self, q: f64) -> Option<Duration> {
        let mut sorted: Vec<u32> = self.latencies.iter().copied().collect();
        sorted.sort_unstable();
        let at = ((sorted.len() as f64 * q) as usize).min(sorted.len().checked_sub(1)?);
        Some(Duration::from_micros(u64::from(sorted[at])))
    }
}

/// A handle on a pipeline that runs on another thread. Cheap to clone.
#[derive(Clone, Default)]
pub struct Control(Arc<Shared>);

#[derive(Default)]
struct Shared {
    signal: Signal,
    stop: AtomicBool,
    status: Mutex<Status>,
}

impl Control {
    /// Asks the pipeline to stop after a last commit.
    pub fn stop(&self) {
        self.0.stop.store(true, Ordering::SeqCst);
        self.0.signal.raise();
    }

    /// Whether a stop was asked for.
    pub fn is_stopped(&self) -> bool {
        self.0.stop.load(Ordering::SeqCst)
    }

    /// The present figures.
    pub fn status(&self) -> Status {
        self.lock().clone()
    }

    /// Whether it has taken in what was durable at a commit, or takes nothing in any more.
    pub fn has_caught_up(&self, commit: u64) -> bool {
        let status = self.lock();
        let is_over = matches!(status.phase, Phase::Ended(_) | Phase::Failed(_));
        is_over || status.caught_up >= commit
    }

    pub(super) fn signal(&self) -> &Signal {
        &self.0.signal
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        self.0.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
