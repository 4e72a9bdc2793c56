//! Event time by its definition: watermarks of partitions, idleness, which windows a row belongs to, and which rows
//! are late. Slow and written from the design (docs/design/0005-windows.md), not from the engine.
//!
//! All times are microseconds since 1970.

mod sessions;

use std::collections::BTreeMap;

use sessions::Sessions;

use super::table::Table;

/// Window bounds are whole milliseconds; a window's last instant is its end less one.
const TICK: i64 = 1_000;

/// The windows of a query; lengths in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Windows {
    Tumble { size: i64, offset: i64 },
    Hop { slide: i64, size: i64, offset: i64 },
    Cumulate { step: i64, size: i64, offset: i64 },
    Session { gap: i64 },
}

impl Windows {
    /// The windows that a time belongs to, as (start, end), by their definition.
    pub(crate) fn of(self, time: i64) -> Vec<(i64, i64)> {
        let us = |ms: i64| ms * TICK;
        let mut all = match self {
            Self::Tumble { size, offset } => {
                around(time, us(size), us(offset), |s| vec![(s, s + us(size))])
            }
            Self::Hop {
                slide,
                size,
                offset,
            } => {
                let back = size / slide + 1;
                let mut all = Vec::new();
                for n in 0..=back {
                    let near = time - n * us(slide);
                    all.extend(around(near, us(slide), us(offset), |s| {
                        vec![(s, s + us(size))]
                    }));
                }
                all
            }
            Self::Cumulate { step, size, offset } => around(time, us(size), us(offset), |s| {
                (1..=size / step).map(|n| (s, s + n * us(step))).collect()
            }),
            Self::Session { .. } => Vec::new(),
        };
        all.retain(|(start, end)| *start <= time && time < *end);
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// The windows that start at the multiples of `period`, moved by `offset`, next to `time`.
fn around(
    time: i64,
    period: i64,
    offset: i64,
    windows: impl Fn(i64) -> Vec<(i64, i64)>,
) -> Vec<(i64, i64)> {
    let nearest = (time - offset).div_euclid(period) * period + offset;
    let starts = [nearest - period, nearest, nearest + period];
    starts.into_iter().flat_map(windows).collect()
}

/// Whether a watermark has closed a window that ends at `end`.
pub(crate) fn has_closed(watermark: Option<i64>, end: i64, lateness: i64) -> bool {
    watermark.is_some_and(|w| w >= end - TICK + lateness)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Active,
    /// Read to its end since this time of the clock.
    Drained(i64),
    Idle,
}

#[derive(Debug, Clone)]
struct Partition {
    /// `None`: before any row.
    watermark: Option<i64>,
    status: Status,
    /// Since when the source has found nothing in it.
    empty_since: Option<i64>,
}

/// The watermarks of one input.
#[derive(Debug, Clone)]
pub(crate) struct Time {
    bound: i64,
    idle_timeout: Option<i64>,
    partitions: Vec<Partition>,
    watermark: Option<i64>,
}

impl Time {
    pub(crate) fn new(table: &Table) -> Self {
        let partition = Partition {
            watermark: None,
            status: Status::Active,
            empty_since: None,
        };
        Self {
            bound: table.bound_ms * TICK,
            idle_timeout: table.idle_timeout_ms().map(|ms| ms * TICK),
            partitions: vec![partition; table.partitions as usize],
            watermark: None,
        }
    }

    pub(crate) fn watermark(&self) -> Option<i64> {
        self.watermark
    }

    /// Whether nobody waits for the input any more.
    pub(crate) fn is_idle(&self) -> bool {
        self.partitions.iter().all(|p| p.status == Status::Idle)
    }

    /// The driver looked at the clock's time `now` and found nothing in the partitions that are not in `filled`.
    pub(crate) fn looked(&mut self, now: i64, filled: &[usize]) {
        for (i, p) in self.partitions.iter_mut().enumerate() {
            if filled.contains(&i) {
                p.empty_since = None;
            }
            // What has rows is read until nothing is left.
            p.empty_since.get_or_insert(now);
        }
    }

    /// When an epoch without rows would make a partition idle.
    pub(crate) fn is_due(&self, now: i64) -> bool {
        let due = |p: &&Partition| {
            let since = match p.status {
                Status::Drained(since) => Some(since),
                _ => None,
            };
            since
                .zip(self.idle_timeout)
                .is_some_and(|(s, timeout)| s + timeout < now)
        };
        let waits = self.partitions.iter().filter(|p| p.status != Status::Idle);
        let still = waits.clone().filter(|p| !due(p)).map(|p| p.watermark).min();
        let some_due = waits.clone().any(|p| due(&p));
        let reached = match still {
            Some(lowest) => lowest,
            None => self.partitions.iter().map(|p| p.watermark).max().flatten(),
        };
        some_due && reached > self.watermark
    }

    /// An epoch takes rows, by partition in the order of their offsets: their event times. Gives each row the watermark
    /// that it is judged by.
    pub(crate) fn epoch(&mut self, rows: &[(usize, Option<i64>)], now: i64) -> Vec<Option<i64>> {
        let before = self.clone();
        let bounds = rows.iter().map(|(p, time)| {
            let others = before.partitions.iter().enumerate();
            let others = others.filter(|(i, other)| i != p && other.status != Status::Idle);
            let others = others.map(|(_, other)| other.watermark).min();
            let own = self.partitions[*p].watermark;
            let bound = others.map_or(own, |others| others.min(own));
            let partition = &mut self.partitions[*p];
            partition.watermark = partition.watermark.max(time.map(|t| t - self.bound));
            partition.status = Status::Active;
            bound.max(before.watermark)
        });
        let bounds: Vec<Option<i64>> = bounds.collect();
        self.finish(now);
        // What a row was judged by is closed, whoever has woken up meanwhile.
        self.watermark = bounds.iter().copied().fold(self.watermark, Option::max);
        bounds
    }

    fn finish(&mut self, now: i64) {
        for p in &mut self.partitions {
            if let (Status::Active, Some(since)) = (p.status, p.empty_since) {
                p.status = Status::Drained(since);
            }
            if let (Status::Drained(since), Some(timeout)) = (p.status, self.idle_timeout)
                && since + timeout <= now
            {
                p.status = Status::Idle;
            }
        }
        let waited_for = self.partitions.iter().filter(|p| p.status != Status::Idle);
        let lowest = waited_for.map(|p| p.watermark).min();
        let highest = self.partitions.iter().map(|p| p.watermark).max();
        let reached = lowest.or(highest).flatten();
        self.watermark = self.watermark.max(reached);
    }

    /// The process was started anew: partitions that were read to their ends may have more.
    pub(crate) fn restart(&mut self) {
        for p in &mut self.partitions {
            p.status = Status::Active;
            p.empty_since = None;
        }
    }
}

/// A row on its way into the windows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arrival {
    pub(crate) id: i64,
    pub(crate) key: String,
    pub(crate) time: Option<i64>,
    /// +1, or −1 for the deletion of the row with this id.
    pub(crate) weight: i64,
    pub(crate) bound: Option<i64>,
}

/// A row that came too late, and the windows that it missed; none if it has no event time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Late {
    pub(crate) id: i64,
    pub(crate) weight: i64,
    pub(crate) time: Option<i64>,
    pub(crate) windows: Vec<(i64, i64)>,
}

/// Judges rows for windows of a kind.
#[derive(Debug, Clone)]
pub(crate) struct Judge {
    windows: Windows,
    lateness: i64,
    sessions: BTreeMap<String, Sessions>,
    /// By row the windows that it does not count in: its end, or `i64::MAX` for all.
    pub(crate) missing: BTreeMap<i64, Vec<i64>>,
}

impl Judge {
    pub(crate) fn new(windows: Windows, lateness_ms: i64) -> Self {
        Self {
            windows,
            lateness: lateness_ms * TICK,
            sessions: BTreeMap::new(),
            missing: BTreeMap::new(),
        }
    }

    /// Judges a row; `None`: it is in time for all of its windows.
    pub(crate) fn judge(&mut self, row: &Arrival) -> Option<Late> {
        let late = |windows| Late {
            id: row.id,
            weight: row.weight,
            time: row.time,
            windows,
        };
        let Some(time) = row.time else {
            return Some(late(Vec::new()));
        };
        let windows = match self.windows {
            Windows::Session { gap } => {
                let of_key = self.sessions.entry(row.key.clone()).or_default();
                of_key.judge(row, time, gap * TICK, self.lateness)
            }
            windows => {
                let mut all = windows.of(time);
                all.retain(|(_, end)| has_closed(row.bound, *end, self.lateness));
                all
            }
        };
        self.note(row, time, &windows);
        (!windows.is_empty()).then(|| late(windows))
    }

    /// A row does not count where it came too late, nor where its deletion came in time.
    fn note(&mut self, row: &Arrival, time: i64, late: &[(i64, i64)]) {
        let missing = self.missing.entry(row.id).or_default();
        let is_session = matches!(self.windows, Windows::Session { .. });
        match (is_session, row.weight > 0) {
            (true, counts) => {
                if counts != late.is_empty() {
                    missing.push(i64::MAX);
                }
            }
            (false, true) => missing.extend(late.iter().map(|w| w.1)),
            (false, false) => {
                let in_time = self
                    .windows
                    .of(time)
                    .into_iter()
                    .filter(|w| !late.contains(w))
                    .map(|w| w.1);
                let in_time: Vec<i64> = in_time.collect();
                let counts_nowhere = |end: &i64| missing.contains(end);
                assert!(
                    !in_time.iter().any(counts_nowhere),
                    "a deletion is in time where its row was late"
                );
                missing.extend(in_time);
            }
        }
    }

    /// Closes sessions.
    pub(crate) fn close(&mut self, watermark: Option<i64>) {
        let Windows::Session { gap } = self.windows else {
            return;
        };
        for of_key in self.sessions.values_mut() {
            of_key.close(watermark.map(|w| w - self.lateness), gap * TICK);
        }
    }

    /// The windows that `watermark` has closed end at or before this.
    pub(crate) fn closed_through(&self, watermark: Option<i64>) -> Option<i64> {
        let watermark = watermark? - self.lateness;
        Some(match self.windows {
            Windows::Session { .. } => watermark,
            _ => watermark + TICK,
        })
    }
}
