//! The open files of a directory, kept below what the process may have: a log of ten thousand partitions has more
//! files than that. One that has not been used for a while is closed, and opened again when it is needed.
#![expect(clippy::disallowed_methods, reason = "this is the seam")]

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::fs::FallocateFlags;
use rustix::process::{Resource, getrlimit};

use super::around::{self, Buffers};
use super::{DiskFile, OpenMode};

/// Files that are kept open if the process may have many.
const OPEN_MAX: u64 = 4096;
/// Files that are kept open however few the process may have.
const OPEN_MIN: u64 = 64;

/// The open files, the longest open first.
#[derive(Debug)]
pub(super) struct Handles {
    max: usize,
    open: Mutex<VecDeque<Weak<RealFile>>>,
    buffers: Buffers,
}

impl Default for Handles {
    fn default() -> Self {
        let may = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        Self {
            max: (may / 2).clamp(OPEN_MIN, OPEN_MAX) as usize,
            open: Mutex::default(),
            buffers: Buffers::default(),
        }
    }
}

impl Handles {
    /// Counts a file that was opened.
    pub(super) fn manage(
        self: &Arc<Self>,
        path: PathBuf,
        mode: OpenMode,
        file: File,
    ) -> Arc<dyn DiskFile> {
        let real = Arc::new_cyclic(|this| RealFile {
            path,
            mode,
            this: Weak::clone(this),
            handles: Arc::clone(self),
            was_used: AtomicBool::new(true),
            file: Mutex::new(Some(Arc::new(file))),
        });
        self.opened(&real.this);
        real
    }

    /// Notes an open file, and closes others if there are too many.
    fn opened(&self, file: &Weak<RealFile>) {
        let mut idle = Vec::new();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push_back(Weak::clone(file));
        // Each is passed over once if it was used, so this ends.
        while open.len() > self.max {
            match open.pop_front().and_then(|file| file.upgrade()) {
                Some(file) if file.was_used.swap(false, Ordering::Relaxed) => {
                    open.push_back(Weak::clone(&file.this));
                }
                Some(file) => idle.push(file),
                None => {}
            }
        }
        drop(open);
        for file in idle {
            file.close();
        }
    }
}

/// A file that may be closed at the moment.
#[derive(Debug)]
struct RealFile {
    path: PathBuf,
    mode: OpenMode,
    this: Weak<RealFile>,
    handles: Arc<Handles>,
    was_used: AtomicBool,
    file: Mutex<Option<Arc<File>>>,
}

impl RealFile {
    fn close(&self) {
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn file(&self) -> io::Result<Arc<File>> {
        self.was_used.store(true, Ordering::Relaxed);
        let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*slot {
            return Ok(Arc::clone(file));
        }
        let mut options = OpenOptions::new();
        options.read(true).write(self.mode != OpenMode::Read);
        let file = Arc::new(options.open(&self.path)?);
        *slot = Some(Arc::clone(&file));
        drop(slot);
        self.handles.opened(&self.this);
        Ok(file)
    }
}

impl DiskFile for RealFile {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        self.file()?.read_exact_at(into, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.file()?.write_all_at(bytes, at)
    }

    fn write_parts(&self, parts: &[&[u8]], at: u64) -> io::Result<()> {
        let around = self.handles.buffers.write(&self.path, parts, at)?;
        let file = self.file()?;
        let all = parts.iter().map(|part| part.len()).sum();
        for range in [0..around.start, around.end..all] {
            let at = at + range.start as u64;
            file.write_all_at(&around::cut(parts, range).concat(), at)?;
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.file()?.sync_data()
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.file()?.metadata()?.len())
    }

    fn reserve(&self, end: u64) -> io::Result<()> {
        match rustix::fs::fallocate(self.file()?, FallocateFlags::KEEP_SIZE, 0, end) {
            Err(rustix::io::Errno::OPNOTSUPP) => Ok(()),
            reserved => Ok(reserved?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_beyond_the_limit_are_closed_and_opened_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let handles = Arc::new(Handles {
            max: 3,
            ..Handles::default()
        });
        let make = |i: u8| {
            let path = dir.path().join(format!("{i}"));
            let file = File::create_new(&path).expect("a new file");
            drop(file);
            let file = OpenOptions::new().read(true).write(true).open(&path);
            handles.manage(path, OpenMode::Write, file.expect("it is there"))
        };
        let files: Vec<_> = (0..20).map(make).collect();
        for (file, i) in files.iter().zip(0..) {
            file.write_at(&[i], 0).expect("there is room");
        }
        for (file, i) in files.iter().zip(0..) {
            let mut byte = [0];
            file.read_at(&mut byte, 0).expect("it was written");
            assert_eq!(byte, [i]);
            assert!(handles.open.lock().expect("no panic").len() <= 3);
        }
    }

    #[test]
    fn parts_are_in_the_file_whichever_way_they_went() {
        let dir = tempfile::tempdir().expect("a directory");
        let handles = Arc::new(Handles::default());
        let path = dir.path().join("parts");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path);
        let file = handles.manage(path, OpenMode::Create, file.expect("a new file"));
        let mut expected = Vec::new();
        // Each begins in the block in which the one before it ends, which the cache still holds.
        for (len, byte) in [
            (5000, 1),
            (300_000, 2),
            (100, 3),
            (9 << 20, 4),
            (700_000, 5),
        ] {
            let part = vec![byte; len / 3 + 1];
            let parts = [&part[..], &part, &part];
            let written = file.write_parts(&parts, expected.len() as u64);
            written.expect("there is room");
            expected.extend(parts.concat());
            let mut found = vec![0; expected.len()];
            file.read_at(&mut found, 0).expect("it was written");
            assert!(found == expected, "after {len} bytes");
            assert_eq!(file.size().expect("a size"), expected.len() as u64);
        }
    }
}
