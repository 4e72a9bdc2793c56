//! The machine's clock: the one place where real time enters.

use std::time::{SystemTime, UNIX_EPOCH};

use headwater_log::{Clock, Timestamp};

/// Shows the machine's time.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Timestamp(since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
    }
}
