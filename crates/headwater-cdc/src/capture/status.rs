//! What a capture says of itself.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::place::Place;

/// What a capture does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Phase {
    /// It connects.
    #[default]
    Starting,
    /// It follows the server.
    Streaming,
    /// Something failed and will be tried again.
    Waiting(String),
    /// It was stopped.
    Stopped,
    /// What was in the tables at first is in the topics, and that was all.
    Over,
    /// Something failed for good.
    Failed(String),
}

/// How far a table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableStatus {
    /// The table.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// How much of it was read, in blocks of PostgreSQL or rows of the others.
    pub read: u64,
    /// How much there is to be read, about; zero: it was not measured yet.
    pub size: u64,
    /// Rows that were read of it since the capture connected.
    pub rows: u64,
    /// When that was, and how much of it had been read then.
    pub since: (Instant, u64),
    /// Whether everything that was in it at first is in the topic.
    pub is_done: bool,
}

impl TableStatus {
    /// Rows that are read a second; `None`: it is not read.
    pub fn rows_per_second(&self) -> Option<f64> {
        let elapsed = self.since.0.elapsed().as_secs_f64();
        (!self.is_done && elapsed > 0.0).then(|| self.rows as f64 / elapsed)
    }

    /// How long it will take to read the rest, if it goes on as it did; `None`: nothing was read yet, or all.
    pub fn time_left(&self) -> Option<Duration> {
        let (began, before) = self.since;
        let read = self.read.checked_sub(before).filter(|read| *read > 0)?;
        let part = self.size.saturating_sub(self.read) as f64 / read as f64;
        (!self.is_done).then(|| began.elapsed().mul_f64(part))
    }
}

/// What a capture says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// What it does.
    pub phase: Phase,
    /// Everything that was committed before this is durable here.
    pub durable: Option<Place>,
    /// Where the server's log ended when it was last heard of.
    pub server_end: Option<Place>,
    /// Bytes of its log that the server keeps for the capture; `None`: it does not say, or was not asked yet.
    pub held: Option<u64>,
    /// When everything that the server had was durable here, last.
    pub caught_up: Option<Instant>,
    /// When the newest transaction that is durable was committed, in milliseconds since 1970.
    pub committed_ms: Option<i64>,
    /// Transactions that this process has taken over.
    pub transactions: u64,
    /// Changes of rows that it has taken over.
    pub changes: u64,
    /// Whether tables are not read for now.
    pub is_paused: bool,
    /// How far its tables are.
    pub tables: Vec<TableStatus>,
}

impl Status {
    /// How far behind the server it is at most, by the clock of this machine: since it had everything, or since the newest transaction that is
    /// durable here was committed.
    pub fn lag(&self) -> Option<Duration> {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_ms = since_1970.map_or(0, |since| since.as_millis() as i64);
        let behind = self.committed_ms.map(|at| (now_ms - at).max(0) as u64);
        let behind = behind.map(Duration::from_millis);
        let idle = self.caught_up.map(|at| at.elapsed());
        behind.into_iter().chain(idle).min()
    }

    /// Whether all that was in the tables at first is in the topics, and so is all that was committed before `end`.
    pub fn has_reached(&self, end: &Place) -> bool {
        self.durable
            .as_ref()
            .is_some_and(|durable| durable.reaches(end))
            && !self.tables.is_empty()
            && self.tables.iter().all(|t| t.is_done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_takes_as_long_as_what_was_read() {
        let ten_seconds_ago = Instant::now().checked_sub(Duration::from_secs(10)).unwrap();
        let mut table = TableStatus {
            name: String::new(),
            topic: String::new(),
            read: 300,
            size: 500,
            rows: 1000,
            since: (ten_seconds_ago, 200),
            is_done: false,
        };
        let rate = table.rows_per_second().unwrap();
        assert!((90.0..=100.0).contains(&rate), "{rate}");
        let left = table.time_left().unwrap().as_secs();
        assert!((20..=22).contains(&left), "{left}");
        table.read = 200;
        assert_eq!(table.time_left(), None);
        table.is_done = true;
        assert_eq!(table.rows_per_second(), None);
    }
}
