//! The deciding half of the driver: pure. It is told what polls found and what time it is, and says what to do next.
//!
//! | situation | action |
//! |---|---|
//! | a partition may have input and the step has room | `Poll` it |
//! | the step is full, or nothing more is there and it has input | `Step` |
//! | the epoch is full or old, or its backlog is worked off | `Finish` |
//! | input ended, or a timer is due, since the last epoch | `Finish` without input |
//! | every partition has ended, or a stop was asked for | `End` |
//! | between epochs, and new partitions may have come | `Discover` them |
//! | else | `Wait` |

mod partitions;

use std::time::Duration;

use partitions::{Input, Partitions};

/// The bounds of steps and epochs.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Undecoded bytes asked for in one poll.
    pub chunk_bytes: usize,
    /// Undecoded bytes of one step.
    pub step_bytes: usize,
    /// Undecoded bytes of one epoch.
    pub epoch_bytes: usize,
    /// Age at which an epoch under backlog is committed, milliseconds.
    pub epoch_age_ms_max: i64,
    /// How long an input that is unavailable is tried again before the pipeline fails, milliseconds.
    pub patience_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            chunk_bytes: 1 << 20,
            step_bytes: 8 << 20,
            epoch_bytes: 64 << 20,
            epoch_age_ms_max: 200,
            patience_ms: 60_000,
        }
    }
}

/// What the driver does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Poll a partition of an input.
    Poll {
        /// Index of the input.
        input: usize,
        /// Index of its partition.
        partition: usize,
    },
    /// Ask an input for new partitions.
    Discover {
        /// Index of the input.
        input: usize,
    },
    /// Run the polled chunks through the circuit.
    Step,
    /// End the epoch and commit it.
    Finish,
    /// Wait for a signal, at most so long.
    Wait(Option<Duration>),
    /// No more epochs.
    End(Ending),
}

/// Why a pipeline has no more epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Ending {
    /// All inputs were finite and were read to their ends; every window is closed.
    Finished,
    /// It was asked to stop, or an input was cut by `scan.bounded.mode`: windows stay open for the next run.
    Stopped,
}

/// When an input is asked for new partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Discovery {
    /// It is asked so often, milliseconds, and never ends; `None`: after every epoch and signal.
    every: Option<i64>,
    /// The next time.
    due: Option<i64>,
}

/// The state of the decisions.
#[derive(Debug)]
pub(super) struct Schedule {
    limits: Limits,
    partitions: Partitions,
    discoveries: Vec<Discovery>,
    cursor: (usize, usize),
    step_bytes: usize,
    epoch_bytes: usize,
    epoch_started: Option<i64>,
    news: bool,
    timer: Option<i64>,
    stop: bool,
}

impl Schedule {
    /// Nothing polled yet; `inputs` holds each input's number of partitions and how often to ask it for more.
    pub(super) fn new(limits: Limits, inputs: &[(usize, Option<Duration>)], now: i64) -> Self {
        let discoveries = inputs.iter().map(|(_, every)| {
            let every = every.map(|e| (e.as_millis() as i64).max(1));
            Discovery {
                every,
                due: every.map(|ms| now + ms),
            }
        });
        Self {
            limits,
            partitions: Partitions::new(inputs.iter().map(|(n, _)| *n)),
            discoveries: discoveries.collect(),
            cursor: (0, 0),
            step_bytes: 0,
            epoch_bytes: 0,
            epoch_started: None,
            news: false,
            timer: None,
            stop: false,
        }
    }

    /// A partition was polled and gave a chunk of `bytes`.
    pub(super) fn ready(&mut self, input: usize, partition: usize, bytes: usize, now: i64) {
        self.partitions.set((input, partition), Input::Unknown);
        self.step_bytes += bytes.max(1);
        self.epoch_bytes += bytes.max(1);
        self.epoch_started.get_or_insert(now);
    }

    /// A partition was polled and had nothing.
    pub(super) fn pending(&mut self, input: usize, partition: usize, retry_at: Option<i64>) {
        let pending = Input::Pending(retry_at);
        self.partitions.set((input, partition), pending);
    }

    /// A partition was polled and cannot be read until `retry_at`.
    pub(super) fn failing(&mut self, input: usize, partition: usize, retry_at: i64) {
        let failing = Input::Failing(retry_at);
        self.partitions.set((input, partition), failing);
    }

    /// A partition was polled and has come to its natural end.
    pub(super) fn ended(&mut self, input: usize, partition: usize) {
        let before = self.partitions.set((input, partition), Input::Ended);
        self.news |= before != Input::Ended;
    }

    /// A partition was polled and was cut.
    pub(super) fn cut(&mut self, input: usize, partition: usize) {
        self.partitions.set((input, partition), Input::Stopped);
    }

    /// An input has `count` partitions now.
    pub(super) fn grown(&mut self, input: usize, count: usize) {
        self.partitions.grow(input, count);
    }

    /// A signal came: whatever was pending may have input.
    pub(super) fn signalled(&mut self) {
        self.partitions.signalled();
        self.look_for_more();
    }

    /// Inputs that announce their new partitions are asked for them.
    fn look_for_more(&mut self) {
        for discovery in &mut self.discoveries {
            if discovery.every.is_none() {
                discovery.due = Some(i64::MIN);
            }
        }
    }

    /// The earliest time in milliseconds at which an epoch is due even without input.
    pub(super) fn set_timer(&mut self, at: Option<i64>) {
        self.timer = at;
    }

    /// An epoch is wanted even without input.
    pub(super) fn demand(&mut self) {
        self.news = true;
    }

    /// No more input is wanted.
    pub(super) fn stop(&mut self) {
        self.stop = true;
    }

    /// The step has run.
    pub(super) fn stepped(&mut self) {
        self.step_bytes = 0;
    }

    /// The epoch was finished.
    pub(super) fn finished(&mut self) {
        self.epoch_bytes = 0;
        self.epoch_started = None;
        self.news = false;
        self.look_for_more();
    }

    /// What to do at time `now` (milliseconds).
    pub(super) fn next(&mut self, now: i64) -> Action {
        self.partitions.retry(now);
        if self.epoch_started.is_none()
            && !self.stop
            && let Some(input) = self.next_discovery(now)
        {
            return Action::Discover { input };
        }
        if self.step_bytes < self.limits.step_bytes
            && !self.stop
            && let Some((input, partition)) = self.next_unknown()
        {
            if self.step_bytes == 0 && self.epoch_is_full(now) {
                return Action::Finish;
            }
            return Action::Poll { input, partition };
        }
        if self.step_bytes > 0 {
            return Action::Step;
        }
        if self.epoch_started.is_some() || self.news || self.timer.is_some_and(|at| at <= now) {
            return Action::Finish;
        }
        self.rest(now)
    }

    fn epoch_is_full(&self, now: i64) -> bool {
        self.epoch_bytes >= self.limits.epoch_bytes
            || self
                .epoch_started
                .is_some_and(|at| now - at >= self.limits.epoch_age_ms_max)
    }

    fn rest(&self, now: i64) -> Action {
        let grows = self.discoveries.iter().any(|d| d.every.is_some());
        if self.stop {
            return Action::End(Ending::Stopped);
        }
        if !grows && self.partitions.all_ended() {
            return Action::End(Ending::Finished);
        }
        if !grows && self.partitions.all_over() {
            return Action::End(Ending::Stopped);
        }
        let retry = self.partitions.next_retry();
        let discoveries = self.discoveries.iter().filter_map(|d| d.due);
        let earliest = retry.into_iter().chain(discoveries).chain(self.timer).min();
        Action::Wait(earliest.map(|at| Duration::from_millis((at - now).max(1) as u64)))
    }

    fn next_discovery(&mut self, now: i64) -> Option<usize> {
        let due = |d: &Discovery| d.due.is_some_and(|at| at <= now);
        let input = self.discoveries.iter().position(due)?;
        let discovery = &mut self.discoveries[input];
        discovery.due = discovery.every.map(|ms| now + ms);
        Some(input)
    }

    /// The next partition in turn that may have input: round robin, so that none starves.
    fn next_unknown(&mut self) -> Option<(usize, usize)> {
        let found = self.partitions.next_unknown(self.cursor)?;
        self.cursor = found;
        Some(found)
    }
}

#[cfg(test)]
mod tests;
