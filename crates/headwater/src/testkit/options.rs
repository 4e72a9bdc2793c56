//! How a test's pipelines are run.

use std::time::Duration;

use headwater_connect::PrintTarget;
use headwater_flow::driver::Limits;
use headwater_log::Timestamp;

use crate::engine::Running;

/// Bounds of the log in memory: small, so that tests of some hundred records meet every mechanism of it.
const WAL_FILE_BYTES: u64 = 256 << 10;
const FLUSH_BYTES: usize = 64 << 10;

/// How a [`TestDriver`](super::TestDriver) runs its pipelines. All but the clock may be others after a restart.
#[derive(Debug, Clone)]
pub struct TestOptions {
    /// What the clock shows at first (default: 2024-01-01 00:00:00 UTC).
    pub now: Timestamp,
    /// Worker threads; 1: everything happens on the caller's thread.
    pub threads: usize,
    /// Shards of the state of new pipelines; `None`: as many as threads.
    pub shards: Option<usize>,
    /// Bounds of steps and epochs.
    pub limits: Limits,
    /// Time between snapshots, by the test's clock; zero: after every epoch.
    pub snapshot_interval: Duration,
    /// Decides which unsynced bytes a power cut leaves.
    pub seed: u64,
}

impl Default for TestOptions {
    fn default() -> Self {
        Self {
            now: Timestamp(1_704_067_200_000),
            threads: 1,
            shards: None,
            limits: Limits::default(),
            snapshot_interval: Duration::from_secs(10),
            seed: 0,
        }
    }
}

impl TestOptions {
    pub(super) fn engine(&self, print: PrintTarget) -> crate::Options {
        crate::Options {
            threads: self.threads.max(1),
            print,
            repeats: true,
            ..crate::Options::default()
        }
    }

    pub(super) fn running(&self) -> Running {
        let interval = self.snapshot_interval.as_millis();
        Running {
            durable: true,
            by_hand: true,
            shards: self.shards,
            limits: self.limits,
            snapshot_interval_ms: i64::try_from(interval).unwrap_or(i64::MAX),
        }
    }

    pub(super) fn log() -> headwater_log::Options {
        headwater_log::Options {
            wal_file_bytes: WAL_FILE_BYTES,
            flush_bytes: FLUSH_BYTES,
            threads: false,
            ..headwater_log::Options::default()
        }
    }
}
