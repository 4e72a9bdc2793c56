//! How time passes in the demo: the week's clock as a function of the wall's.

use std::time::{Duration, Instant};

use crate::cli::args::Speed;

/// The week's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    speed: Speed,
    started: Instant,
    from: i64,
}

impl Pace {
    /// A clock that shows `from` at `started`.
    pub(super) fn new(speed: Speed, started: Instant, from: i64) -> Self {
        Self {
            speed,
            started,
            from,
        }
    }

    /// What it shows at `now`, milliseconds since 1970.
    pub(super) fn at(&self, now: Instant) -> i64 {
        match self.speed {
            Speed::Max => i64::MAX,
            Speed::Times(times) => {
                let passed = now.saturating_duration_since(self.started).as_secs_f64() * 1000.0;
                self.from.saturating_add((passed * times) as i64)
            }
        }
    }

    /// How long after `now` it shows `time`.
    pub(super) fn until(&self, time: i64, now: Instant) -> Duration {
        match self.speed {
            Speed::Max => Duration::ZERO,
            Speed::Times(times) => {
                let ahead = time.saturating_sub(self.at(now)).max(0);
                Duration::from_secs_f64(ahead as f64 / times / 1000.0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_as_many_times_faster() {
        let start = Instant::now();
        let pace = Pace::new(Speed::Times(5000.0), start, 1_000);
        assert_eq!(pace.at(start), 1_000);
        assert_eq!(pace.at(start + Duration::from_secs(2)), 1_000 + 10_000_000);
        assert_eq!(pace.until(1_000 + 5_000_000, start), Duration::from_secs(1));
        assert_eq!(
            Pace::new(Speed::Max, start, 0).until(i64::MAX, start),
            Duration::ZERO
        );
    }
}
