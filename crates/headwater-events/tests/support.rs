//! What the tests share.

use std::sync::Arc;

use headwater_events::Store;
use headwater_log::{Log, ManualClock, MemDisk, Options, Timestamp};

pub(crate) const NOON: i64 = 1_700_000_000_000;

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp(NOON)))
}

pub(crate) fn log() -> Log {
    Log::memory(clock())
}

pub(crate) fn store() -> Store {
    Store::on_log(log(), "events").unwrap()
}

/// A log whose key index goes to its runs all the time.
pub(crate) fn restless() -> Log {
    let options = Options {
        wal_file_bytes: 64 << 10,
        flush_bytes: 8 << 10,
        checkpoint_bytes: 32 << 10,
        index_bytes: 16 << 10,
        ..Options::default()
    };
    Log::open(Arc::new(MemDisk::new()), clock(), options).unwrap()
}

/// The machine's clock, for tests of threads.
#[derive(Debug)]
pub(crate) struct Now;

impl headwater_log::Clock for Now {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        Timestamp(since.as_millis() as i64)
    }
}

/// Names the seed of a test that fails.
pub(crate) struct Seed(pub(crate) u64);

impl Drop for Seed {
    #[expect(clippy::print_stderr, reason = "to repeat a failed test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}", self.0);
        }
    }
}
