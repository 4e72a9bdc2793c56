//! The disk itself, without a log: what the log's figures are compared with.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::cli::exit::{Failure, Outcome};

/// Bytes of the file that is written over and over.
const FILE_BYTES: u64 = 64 << 20;

/// A file that has its blocks already, so that a sync is of data alone.
pub(super) struct RawFile {
    file: File,
    at: u64,
}

impl RawFile {
    /// Makes the file and fills it with zeros.
    pub(super) fn make(dir: &Path) -> Outcome<Self> {
        Self::fill(dir).map_err(|e| Failure::io("cannot write a file to measure the disk", &e))
    }

    fn fill(dir: &Path) -> io::Result<Self> {
        let file = File::create(dir.join("raw"))?;
        let zeros = vec![0; 1 << 20];
        for at in (0..FILE_BYTES).step_by(zeros.len()) {
            file.write_all_at(&zeros, at)?;
        }
        file.sync_all()?;
        Ok(Self { file, at: 0 })
    }

    /// Writes and syncs for a while; gives the number of syncs.
    pub(super) fn sync_for(&mut self, bytes: usize, time: Duration) -> Outcome<u64> {
        let block = vec![0x5a; bytes];
        let started = Instant::now();
        let mut syncs = 0;
        while started.elapsed() < time {
            self.write(&block)
                .map_err(|e| Failure::io("cannot write to measure the disk", &e))?;
            syncs += 1;
        }
        Ok(syncs)
    }

    /// How long each of so many writes with a sync takes.
    pub(super) fn sync_times(&mut self, bytes: usize, count: usize) -> Outcome<Vec<Duration>> {
        let block = vec![0x5a; bytes];
        let time = |_| {
            let started = Instant::now();
            self.write(&block)
                .map_err(|e| Failure::io("cannot write to measure the disk", &e))?;
            Ok(started.elapsed())
        };
        (0..count).map(time).collect()
    }

    fn write(&mut self, block: &[u8]) -> io::Result<()> {
        if self.at + block.len() as u64 > FILE_BYTES {
            self.at = 0;
        }
        self.file.write_all_at(block, self.at)?;
        self.at += block.len() as u64;
        self.file.sync_data()
    }
}
