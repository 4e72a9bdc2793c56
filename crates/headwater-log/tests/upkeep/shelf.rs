//! A partition as a plain list, and what may go from it.

use bytes::Bytes;
use headwater_log::{Log, Offset, Record, TopicConfig, TopicPartition};

/// More than a record's bytes in the log beyond its key and value.
const OVERHEAD_BYTES: usize = 120;

/// A record that was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) offset: u64,
    pub(super) commit: u64,
    /// The commit's number in the order of asking.
    pub(super) id: u64,
    pub(super) key: Option<Bytes>,
    pub(super) value: Option<Bytes>,
    pub(super) time: i64,
    /// As far as it is known.
    pub(super) version: Option<u64>,
}

impl Row {
    /// The row that a record of the log is.
    pub(super) fn of(offset: u64, commit: u64, record: &Record) -> Self {
        let id = record.headers.iter().find(|h| h.key == "id").unwrap();
        let id = std::str::from_utf8(id.value.as_ref().unwrap()).unwrap();
        Self {
            offset,
            commit,
            id: id.parse().unwrap(),
            key: record.key.clone(),
            value: record.value.clone(),
            time: record.timestamp.unwrap().0,
            version: None,
        }
    }

    fn is_tombstone(&self) -> bool {
        self.key.is_some() && self.value.is_none()
    }

    fn bytes(&self) -> usize {
        self.value.as_ref().map_or(0, Bytes::len) + OVERHEAD_BYTES
    }
}

/// A partition.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) of: TopicPartition,
    pub(super) config: TopicConfig,
    /// What was there when it was last looked at, and what came since.
    pub(super) rows: Vec<Row>,
    pub(super) start: u64,
    pub(super) end: u64,
    /// The highest offset that a trim was asked for.
    pub(super) trim: u64,
    /// The offset that is pinned.
    pub(super) pin: Option<u64>,
}

impl Shelf {
    pub(super) fn new(of: TopicPartition, config: &TopicConfig) -> Self {
        Self {
            of,
            config: config.clone(),
            rows: Vec::new(),
            start: 0,
            end: 0,
            trim: 0,
            pin: None,
        }
    }

    /// The newest row of a key.
    pub(super) fn newest(&self, key: &Bytes) -> Option<&Row> {
        self.rows.iter().rfind(|row| row.key.as_ref() == Some(key))
    }

    /// Adds a row that was committed, at the end.
    pub(super) fn add(&mut self, mut row: Row, now: i64) {
        assert_eq!(row.offset, self.end, "{}", self.of);
        if let Some(key) = row.key.as_ref().filter(|_| self.config.key_index) {
            row.version = match self.newest(key) {
                None => Some(0),
                // It may have gone already, and then versions begin anew.
                Some(before) if self.may_expire(before, now) => None,
                Some(before) => before.version.map(|version| version + 1),
            };
        }
        self.end += 1;
        self.rows.push(row);
    }

    fn may_expire(&self, row: &Row, now: i64) -> bool {
        let cleanup = &self.config.cleanup;
        cleanup.compact && row.is_tombstone() && now - row.time >= cleanup.delete_retention_ms
    }

    fn is_superseded(&self, row: &Row) -> bool {
        let newer = |r: &Row| r.offset > row.offset && r.key == row.key;
        row.key.is_some() && self.rows.iter().any(newer)
    }

    /// What the log has of it: all of it.
    pub(super) fn scan(&self, log: &Log) -> Vec<Row> {
        let bounds = log.bounds(&self.of).unwrap();
        let (mut at, mut rows) = (bounds.start, Vec::new());
        while at < bounds.end {
            let fetched = log.fetch(&self.of, at, 5_000).unwrap();
            for (batch, commit) in fetched.batches.iter().zip(&fetched.commits) {
                for record in batch.records() {
                    let (offset, record) = record.unwrap();
                    if offset >= at {
                        rows.push(Row::of(offset.0, commit.0, &record));
                    }
                }
            }
            match fetched.batches.last() {
                Some(last) => at = last.next_offset(),
                None => break, // compaction left nothing more
            }
        }
        rows
    }

    /// Looks at what is there: it must be what was committed, and what is missing must have had reason to go.
    pub(super) fn look(&mut self, log: &Log, now: i64) {
        let bounds = log.bounds(&self.of).unwrap();
        assert_eq!(bounds.end, Offset(self.end), "{}", self.of);
        self.check_start(bounds.start.0, now);
        let found = self.scan(log);
        let mut there = found.iter().peekable();
        let mut left = Vec::new();
        for row in &self.rows {
            let same = there.next_if(|t| t.offset == row.offset);
            if let Some(same) = same {
                let version = row.version;
                let same = Row {
                    version,
                    ..same.clone()
                };
                assert_eq!(same, *row, "{}", self.of);
                left.push(same);
            } else {
                assert!(
                    self.may_go(row, bounds.start.0, now),
                    "{row:?} of {} is missing: {self:?}",
                    self.of
                );
            }
        }
        assert_eq!(there.next(), None, "nobody committed this to {}", self.of);
        self.check_nothing_came_back(&left);
        self.rows = left;
        self.start = bounds.start.0;
    }

    fn may_go(&self, row: &Row, start: u64, now: i64) -> bool {
        let is_pinned = self.pin.is_some_and(|pin| row.offset >= pin);
        let compact = self.config.cleanup.compact;
        row.offset < start
            || compact && !is_pinned && (self.is_superseded(row) || self.may_expire(row, now))
    }

    /// The start moves for a reason, and not past a pin.
    fn check_start(&self, start: u64, now: i64) {
        assert!(start >= self.start, "{} begins earlier again", self.of);
        if start == self.start {
            return;
        }
        assert!(
            self.pin.is_none_or(|pin| start <= pin.max(self.start)),
            "{} begins at {start}, past the pin {:?}",
            self.of,
            self.pin
        );
        if start <= self.trim {
            return;
        }
        let cleanup = &self.config.cleanup;
        let gone = self.rows.iter().filter(|row| row.offset < start);
        if let Some(ms) = cleanup.retention_ms {
            let mut young = gone.filter(|row| row.offset >= self.trim && row.time >= now - ms);
            assert_eq!(young.next(), None, "is too young to go from {}", self.of);
        } else if let Some(most) = cleanup.retention_bytes {
            let left = self.rows.iter().filter(|row| row.offset >= start);
            let bytes: usize = left.map(Row::bytes).sum();
            let least = most - self.config.segment_bytes - 4_000;
            assert!(bytes as u64 > least, "only {bytes} are left in {}", self.of);
        } else {
            panic!("{} begins at {start} instead of {}", self.of, self.start);
        }
    }

    /// If the newest row of a key has gone, none of those before it is there.
    fn check_nothing_came_back(&self, left: &[Row]) {
        for row in left {
            let Some(newest) = row.key.as_ref().and_then(|key| self.newest(key)) else {
                continue;
            };
            assert!(
                left.iter().any(|r| r.offset == newest.offset),
                "{row:?} of {} came back: {newest:?} has gone",
                self.of
            );
        }
    }
}
