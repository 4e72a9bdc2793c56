//! Plays events into topics. Which come next is decided purely; the commit holds them and the position after them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use headwater_log::{Commit, Condition, Log, Record, Timestamp, TopicPartition, partition_of};

use super::pace::Pace;
use super::week::{Event, TOPICS};
use crate::cli::exit::{Failure, Outcome};

/// Whose position it is that the commits store.
const OWNER: &str = "demo.player";
/// The most events of a commit.
const COMMIT_EVENTS_MAX: usize = 50;
/// The least time between commits when the speed is bounded.
const TICK: Duration = Duration::from_millis(20);

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Commit the events before this index.
    Play(usize),
    /// Nothing is due for so long.
    Wait(Duration),
    /// The week is over.
    Over,
}

/// The player.
pub(super) struct Player {
    events: Vec<Event>,
    partitions: [u32; TOPICS.len()],
    next: usize,
    log: Log,
    /// How long each commit took.
    pub(super) commit_times: Vec<Duration>,
}

impl Player {
    /// A player that goes on where an earlier one stopped.
    pub(super) fn new(log: Log, events: Vec<Event>) -> Outcome<Self> {
        let mut partitions = [1; TOPICS.len()];
        for (count, (topic, _)) in partitions.iter_mut().zip(TOPICS) {
            let known = log
                .topic(topic)
                .ok_or_else(|| Failure::failed(format!("topic '{topic}' is missing")))?;
            *count = known.config.partitions;
        }
        let next = match log.position(OWNER) {
            Some(bytes) => decode(&bytes)
                .filter(|n| *n <= events.len())
                .ok_or_else(|| {
                    Failure::failed("the position of the player is damaged")
                        .with_hint("start afresh with --reset")
                })?,
            None => 0,
        };
        Ok(Self {
            events,
            partitions,
            next,
            log,
            commit_times: Vec::new(),
        })
    }

    /// How many events were played, by earlier players too.
    pub(super) fn played(&self) -> usize {
        self.next
    }

    /// How many events the week has.
    pub(super) fn total(&self) -> usize {
        self.events.len()
    }

    /// When the next event was published; after the last one, when that was.
    pub(super) fn time(&self) -> i64 {
        let event = self.events.get(self.next).or(self.events.last());
        event.map_or(0, |e| e.published)
    }

    /// What to do at `now`.
    pub(super) fn decide(&self, pace: &Pace, now: Instant) -> Step {
        let Some(first) = self.events.get(self.next) else {
            return Step::Over;
        };
        let shown = pace.at(now);
        if first.published > shown {
            return Step::Wait(pace.until(first.published, now).max(TICK));
        }
        let due = self.events[self.next..].partition_point(|e| e.published <= shown);
        Step::Play(self.next + due.min(COMMIT_EVENTS_MAX))
    }

    /// Commits the events before `end`.
    pub(super) fn play(&mut self, end: usize) -> Outcome {
        let mut commit = Commit::new();
        for (topic, (name, _)) in TOPICS.iter().enumerate() {
            for partition in 0..self.partitions[topic] {
                let here = |e: &&Event| {
                    e.topic == topic && partition_of(&e.key, self.partitions[topic]) == partition
                };
                let records: Vec<Record> = self.events[self.next..end]
                    .iter()
                    .filter(here)
                    .map(record)
                    .collect();
                if !records.is_empty() {
                    commit = commit.append(TopicPartition::new(*name, partition), records);
                }
            }
        }
        let commit = commit
            .when(Condition::Position {
                owner: OWNER.to_owned(),
                expected: (self.next > 0).then(|| encode(self.next)),
            })
            .position(OWNER, encode(end));
        let started = Instant::now();
        self.log.commit(commit)?;
        self.commit_times.push(started.elapsed());
        self.next = end;
        Ok(())
    }
}

fn record(event: &Event) -> Record {
    Record {
        key: Some(event.key.clone()),
        value: Some(event.value.clone()),
        headers: Vec::new(),
        timestamp: Some(Timestamp(event.published)),
    }
}

fn encode(next: usize) -> Bytes {
    Bytes::from(next.to_string())
}

fn decode(bytes: &[u8]) -> Option<usize> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use headwater_log::{ManualClock, TopicConfig};

    use super::*;
    use crate::cli::args::Speed;

    fn log() -> Log {
        let log = Log::memory(Arc::new(ManualClock::new(Timestamp(0))));
        for (topic, _) in TOPICS {
            log.create_topic(topic, TopicConfig::partitions(2))
                .expect("makes it");
        }
        log
    }

    fn events() -> Vec<Event> {
        let event = |n: usize| Event {
            published: n as i64 * 1000,
            topic: n % TOPICS.len(),
            key: Bytes::from(n.to_string()),
            value: Bytes::from(format!("{n}")),
        };
        (0..200).map(event).collect()
    }

    fn count(log: &Log) -> u64 {
        let partitions = TOPICS
            .iter()
            .flat_map(|(t, _)| (0..2).map(|p| TopicPartition::new(*t, p)));
        partitions
            .map(|tp| log.bounds(&tp).expect("is there").end.0)
            .sum()
    }

    #[test]
    fn a_player_goes_on_where_another_stopped() {
        let log = log();
        let pace = Pace::new(Speed::Max, Instant::now(), 0);
        let mut first = Player::new(log.clone(), events()).expect("starts");
        let Step::Play(end) = first.decide(&pace, Instant::now()) else {
            panic!("something is due");
        };
        first.play(end).expect("commits");
        let mut second = Player::new(log.clone(), events()).expect("starts");
        assert_eq!(second.played(), COMMIT_EVENTS_MAX);
        while let Step::Play(end) = second.decide(&pace, Instant::now()) {
            second.play(end).expect("commits");
        }
        assert_eq!(count(&log), 200);
        assert!(
            first.play(100).is_err(),
            "two players cannot play the same event"
        );
        assert_eq!(count(&log), 200);
    }

    #[test]
    fn what_is_not_due_waits() {
        let start = Instant::now();
        let player = Player::new(log(), events()).expect("starts");
        let pace = Pace::new(Speed::Times(10.0), start, 0);
        assert_eq!(player.decide(&pace, start), Step::Play(1));
        assert_eq!(
            player.decide(&pace, start + Duration::from_millis(250)),
            Step::Play(3)
        );
        let early = Pace::new(Speed::Times(10.0), start, -1000);
        assert_eq!(
            player.decide(&early, start),
            Step::Wait(Duration::from_millis(100))
        );
    }
}
