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

use std::time::Duration;

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

/// What is known of a partition's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    /// There may be some.
    Unknown,
    /// There is none until a signal, or this time in milliseconds.
    Pending(Option<i64>),
    /// It cannot be read, and is tried again at this time whatever is signalled.
    Failing(i64),
    /// Its natural end was reached.
    Ended,
    /// It was cut.
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
    partitions: Vec<Vec<Input>>,
    discoveries: Vec<Discovery>,
    /// No partition is to be polled again before this time.
    next_retry: i64,
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
        let partitions = inputs.iter().map(|(n, _)| vec![Input::Unknown; *n]);
        let discoveries = inputs.iter().map(|(_, every)| {
            let every = every.map(|e| (e.as_millis() as i64).max(1));
            Discovery {
                every,
                due: every.map(|ms| now + ms),
            }
        });
        Self {
            limits,
            partitions: partitions.collect(),
            discoveries: discoveries.collect(),
            next_retry: i64::MAX,
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
        self.partitions[input][partition] = Input::Unknown;
        self.step_bytes += bytes.max(1);
        self.epoch_bytes += bytes.max(1);
        self.epoch_started.get_or_insert(now);
    }

    /// A partition was polled and had nothing.
    pub(super) fn pending(&mut self, input: usize, partition: usize, retry_at: Option<i64>) {
        self.partitions[input][partition] = Input::Pending(retry_at);
        self.next_retry = self.next_retry.min(retry_at.unwrap_or(i64::MAX));
    }

    /// A partition was polled and cannot be read until `retry_at`.
    pub(super) fn failing(&mut self, input: usize, partition: usize, retry_at: i64) {
        self.partitions[input][partition] = Input::Failing(retry_at);
        self.next_retry = self.next_retry.min(retry_at);
    }

    /// A partition was polled and has come to its natural end.
    pub(super) fn ended(&mut self, input: usize, partition: usize) {
        self.news |= self.partitions[input][partition] != Input::Ended;
        self.partitions[input][partition] = Input::Ended;
    }

    /// A partition was polled and was cut.
    pub(super) fn cut(&mut self, input: usize, partition: usize) {
        self.partitions[input][partition] = Input::Stopped;
    }

    /// An input has `count` partitions now.
    pub(super) fn grown(&mut self, input: usize, count: usize) {
        let partitions = &mut self.partitions[input];
        partitions.resize(count.max(partitions.len()), Input::Unknown);
    }

    /// A signal came: whatever was pending may have input.
    pub(super) fn signalled(&mut self) {
        for input in self.partitions.iter_mut().flatten() {
            if matches!(input, Input::Pending(_)) {
                *input = Input::Unknown;
            }
        }
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
        self.retry(now);
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
        let all = || self.partitions.iter().flatten();
        let grows = self.discoveries.iter().any(|d| d.every.is_some());
        if self.stop {
            return Action::End(Ending::Stopped);
        }
        if !grows && all().all(|p| *p == Input::Ended) {
            return Action::End(Ending::Finished);
        }
        if !grows && all().all(|p| matches!(p, Input::Ended | Input::Stopped)) {
            return Action::End(Ending::Stopped);
        }
        let retries = all().filter_map(|p| match p {
            Input::Pending(at) => *at,
            Input::Failing(at) => Some(*at),
            _ => None,
        });
        let discoveries = self.discoveries.iter().filter_map(|d| d.due);
        let earliest = retries.chain(discoveries).chain(self.timer).min();
        Action::Wait(earliest.map(|at| Duration::from_millis((at - now).max(1) as u64)))
    }

    fn retry(&mut self, now: i64) {
        if now < self.next_retry {
            return;
        }
        self.next_retry = i64::MAX;
        for input in self.partitions.iter_mut().flatten() {
            match input {
                Input::Pending(Some(at)) | Input::Failing(at) if *at <= now => {
                    *input = Input::Unknown;
                }
                Input::Pending(Some(at)) | Input::Failing(at) => {
                    self.next_retry = self.next_retry.min(*at);
                }
                _ => {}
            }
        }
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
        let (input, partition) = self.cursor;
        let inputs = self.partitions.len();
        // From behind the cursor to the end, then from the beginning up to the cursor.
        let turns = (input..inputs).chain(0..=input).enumerate();
        let found = turns.filter(|(_, i)| *i < inputs).find_map(|(turn, i)| {
            let from = if turn == 0 { partition + 1 } else { 0 };
            let rest = self.partitions[i].get(from..)?;
            let at = rest.iter().position(|p| *p == Input::Unknown)?;
            Some((i, from + at))
        })?;
        self.cursor = found;
        Some(found)
    }
}

#[cfg(test)]
mod tests;
