//! The arithmetic of fixed windows: to which a time belongs, and which of them a watermark has closed. Pure.

use crate::error::{Error, ErrorKind, Result};
use crate::plan::WindowSpec;
use crate::time::Watermark;

/// Windows of fixed lengths, in microseconds.
///
/// Every time belongs to windows whose ends lie `step` apart, from a first to a last: a *run* of windows. Times with
/// the same run are one *pane*; what is computed per pane is shared by the windows of the run.
///
/// Invariants: all lengths are positive multiples of a millisecond; a cumulation's size is a multiple of its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FixedWindows {
    shape: Shape,
    size: i64,
    step: i64,
    offset: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Tumble,
    Hop,
    Cumulate,
    /// The time is the end of the row's only window.
    Attached,
}

/// Windows by their ends: `first`, `first + step`, …, `last`. Empty if `first > last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Run {
    /// The end of the last window; leads, so that runs sort by when they are no longer needed.
    pub(crate) last: i64,
    /// The end of the first window.
    pub(crate) first: i64,
}

impl Run {
    /// Whether it has no window.
    pub(crate) fn is_empty(self) -> bool {
        self.first > self.last
    }
}

impl FixedWindows {
    /// Times further out than this have no windows: bounds could not be represented.
    const TIME_MAX: i64 = i64::MAX / 4;

    /// The windows of `spec`; `None` for sessions.
    ///
    /// # Errors
    /// `Invalid` for lengths that are no positive multiples of a millisecond, or do not fit each other.
    pub(crate) fn new(spec: &WindowSpec) -> Result<Option<Self>> {
        let (shape, size, step, offset) = match *spec {
            WindowSpec::Tumble { size, offset } => (Shape::Tumble, size, size, offset),
            WindowSpec::Hop {
                slide,
                size,
                offset,
            } => (Shape::Hop, size, slide, offset),
            WindowSpec::Cumulate { step, size, offset } => (Shape::Cumulate, size, step, offset),
            WindowSpec::Session { .. } => return Ok(None),
        };
        let invalid = |what: &str| Error::new(ErrorKind::Invalid, what);
        let whole = |length: i64| length % Watermark::TICK == 0 && length.abs() < Self::TIME_MAX;
        if size <= 0 || step <= 0 {
            return Err(invalid("the size and step of a window must be positive"));
        }
        if ![size, step, offset].into_iter().all(whole) {
            return Err(invalid("lengths of windows must be whole milliseconds"));
        }
        if shape == Shape::Cumulate && size % step != 0 {
            return Err(invalid(
                "the size of a cumulating window must be a multiple of its step",
            ));
        }
        let period = if shape == Shape::Hop { step } else { size };
        Ok(Some(Self {
            shape,
            size,
            step,
            offset: offset.rem_euclid(period),
        }))
    }

    /// The windows that rows already carry: their time is the end of theirs, of which nothing else is known.
    pub(crate) fn attached() -> Self {
        Self {
            shape: Shape::Attached,
            size: 1,
            step: 1,
            offset: 0,
        }
    }

    /// The distance of the ends in a [`Run`].
    pub(crate) fn step(&self) -> i64 {
        self.step
    }

    /// How far apart the ends in a [`Run`] can be at most.
    pub(crate) fn span(&self) -> i64 {
        match self.shape {
            Shape::Tumble | Shape::Attached => 0,
            Shape::Hop | Shape::Cumulate => self.size,
        }
    }

    /// Whether windows share panes.
    pub(crate) fn overlap(&self) -> bool {
        matches!(self.shape, Shape::Hop | Shape::Cumulate)
    }

    /// Whether every window of a run contains the one before.
    pub(crate) fn cumulates(&self) -> bool {
        self.shape == Shape::Cumulate
    }

    /// The pane of `time`; `None` for times that no bound could be computed of.
    pub(super) fn pane(&self, time: i64) -> Option<Pane> {
        if !(-Self::TIME_MAX..=Self::TIME_MAX).contains(&time) {
            return None;
        }
        let floor = |time: i64, unit: i64| time - (time - self.offset).rem_euclid(unit);
        let (run, from, to) = match self.shape {
            Shape::Attached => {
                let run = Run {
                    last: time,
                    first: time,
                };
                (run, time, time + 1)
            }
            Shape::Tumble => {
                let from = floor(time, self.size);
                let end = from + self.size;
                let run = Run {
                    last: end,
                    first: end,
                };
                (run, from, end)
            }
            Shape::Hop => {
                let start = floor(time, self.step);
                let last = start + self.size;
                let first = floor(time - self.size, self.step) + self.step + self.size;
                let run = Run { last, first };
                let from = start.max(first - self.step);
                (run, from, first.min(start + self.step))
            }
            Shape::Cumulate => {
                let start = floor(time, self.size);
                let from = start + (time - start) / self.step * self.step;
                let run = Run {
                    last: start + self.size,
                    first: from + self.step,
                };
                (run, from, from + self.step)
            }
        };
        Some(Pane { run, from, to })
    }

    /// The start of the window that ends at `end`; of an attached window, whose start nobody knows, its end.
    pub(crate) fn start(&self, end: i64) -> i64 {
        match self.shape {
            Shape::Tumble | Shape::Hop => end - self.size,
            Shape::Attached => end,
            Shape::Cumulate => end - 1 - (end - 1 - self.offset).rem_euclid(self.size),
        }
    }

    /// The windows of `run` that are not closed when all that end at or before `closed_through` are.
    pub(crate) fn open(&self, run: Run, closed_through: i64) -> Run {
        if run.first > closed_through {
            return run;
        }
        if run.last <= closed_through {
            return Run {
                last: run.last,
                first: i64::MAX,
            };
        }
        let steps = (closed_through - run.first) / self.step + 1;
        Run {
            last: run.last,
            first: run.first + steps * self.step,
        }
    }

    /// The ends of the windows of `run` in `(after, through]`.
    pub(crate) fn ends(
        &self,
        run: Run,
        after: i64,
        through: i64,
    ) -> impl Iterator<Item = i64> + use<> {
        let open = self.open(run, after);
        let (step, last) = (self.step, run.last.min(through));
        let mut next = (open.first <= last).then_some(open.first);
        std::iter::from_fn(move || {
            let end = next?;
            next = end.checked_add(step).filter(|e| *e <= last);
            Some(end)
        })
    }
}

/// The times `[from, to)` that have the same windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pane {
    pub(super) run: Run,
    from: i64,
    to: i64,
}

/// Finds panes, fast for times near each other.
#[derive(Debug)]
pub(super) struct PaneFinder<'a> {
    windows: &'a FixedWindows,
    last: Option<Pane>,
}

impl<'a> PaneFinder<'a> {
    pub(super) fn new(windows: &'a FixedWindows) -> Self {
        Self {
            windows,
            last: None,
        }
    }

    #[inline]
    pub(super) fn run(&mut self, time: i64) -> Option<Run> {
        match self.last {
            Some(pane) if pane.from <= time && time < pane.to => Some(pane.run),
            _ => {
                self.last = self.windows.pane(time);
                Some(self.last?.run)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    const MS: i64 = 1_000;

    fn random(rng: &mut StdRng) -> (WindowSpec, FixedWindows) {
        let step = rng.random_range(1..9) * MS;
        let offset = rng.random_range(-20..20) * MS;
        let spec = match rng.random_range(0..3) {
            0 => WindowSpec::Tumble { size: step, offset },
            1 => WindowSpec::Hop {
                slide: step,
                size: rng.random_range(1..30) * MS,
                offset,
            },
            _ => WindowSpec::Cumulate {
                step,
                size: step * rng.random_range(1..6),
                offset,
            },
        };
        let windows = FixedWindows::new(&spec);
        (spec, windows.expect("valid").expect("fixed"))
    }

    /// All windows around zero by their definition: (start, end).
    fn by_definition(spec: &WindowSpec) -> Vec<(i64, i64)> {
        let starts = |period: i64, offset: i64| (-200..200).map(move |i| i * period + offset);
        match *spec {
            WindowSpec::Tumble { size, offset } => {
                starts(size, offset).map(|s| (s, s + size)).collect()
            }
            WindowSpec::Hop {
                slide,
                size,
                offset,
            } => starts(slide, offset).map(|s| (s, s + size)).collect(),
            WindowSpec::Cumulate { step, size, offset } => starts(size, offset)
                .flat_map(|s| (1..=size / step).map(move |k| (s, s + k * step)))
                .collect(),
            WindowSpec::Session { .. } => Vec::new(),
        }
    }

    #[test]
    fn windows_of_a_time_are_those_that_contain_it() {
        for seed in 0..300 {
            let mut rng = StdRng::seed_from_u64(seed);
            let (spec, windows) = random(&mut rng);
            let all = by_definition(&spec);
            let mut finder = PaneFinder::new(&windows);
            for _ in 0..50 {
                let time = rng.random_range(-50 * MS..50 * MS);
                let mut expected: Vec<_> = (all.iter().copied())
                    .filter(|(s, e)| *s <= time && time < *e)
                    .collect();
                expected.sort_unstable_by_key(|w| w.1);
                let run = windows.pane(time).expect("in range").run;
                assert_eq!(finder.run(time), Some(run), "seed {seed}");
                let found: Vec<_> = windows
                    .ends(run, i64::MIN, i64::MAX)
                    .map(|e| (windows.start(e), e))
                    .collect();
                assert_eq!(found, expected, "seed {seed}, {spec:?}, {time}");
                assert_eq!(run.is_empty(), expected.is_empty());
                let closed = rng.random_range(-60 * MS..60 * MS);
                let open = windows.open(run, closed);
                let found: Vec<_> = windows.ends(open, i64::MIN, i64::MAX).collect();
                let expected: Vec<_> = (expected.iter().map(|w| w.1))
                    .filter(|e| *e > closed)
                    .collect();
                assert_eq!(found, expected, "seed {seed}, {spec:?}, {time}, {closed}");
            }
        }
    }

    #[test]
    fn negative_times_floor() {
        let spec = WindowSpec::Tumble {
            size: 10 * MS,
            offset: 0,
        };
        let windows = FixedWindows::new(&spec).expect("valid").expect("fixed");
        let run = windows.pane(-1).expect("in range").run;
        assert_eq!((windows.start(run.first), run.last), (-10 * MS, 0));
        assert_eq!(windows.pane(i64::MAX), None);
        assert_eq!(windows.pane(i64::MIN), None);
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        for spec in [
            WindowSpec::Tumble { size: 0, offset: 0 },
            WindowSpec::Tumble {
                size: 1_500,
                offset: 0,
            },
            WindowSpec::Cumulate {
                step: 3 * MS,
                size: 10 * MS,
                offset: 0,
            },
        ] {
            let error = FixedWindows::new(&spec).expect_err("is refused");
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
    }
}
