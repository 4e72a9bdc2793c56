//! A directory of the machine. With [`handles`](super::handles) the only one of the log that knows `std::fs`.
#![expect(clippy::disallowed_methods, reason = "this is the seam")]

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::FlockOperation;

use super::handles::Handles;
use super::{Disk, DiskFile, OpenMode, parent};
use crate::error::{Error, ErrorKind, Result};
use crate::wal::file::WAL_DIR;

/// Name of the file whose lock keeps a second process out.
const LOCK: &str = "LOCK";
/// What file systems put into a folder; with names that begin with a dot it may be in one that becomes a data directory.
const LOST_AND_FOUND: &str = "lost+found";

/// A directory of the machine.
#[derive(Debug)]
pub struct RealDisk {
    root: PathBuf,
    /// Directories whose place in their parent is durable; none of them is ever made a second time.
    settled: Mutex<HashSet<String>>,
    handles: Arc<Handles>,
    /// Held for its lock.
    _lock: Option<File>,
}

impl RealDisk {
    /// The directory, made if it is not there, and locked against other processes.
    ///
    /// # Errors
    /// `Conflict` if another process has it locked; `Invalid` if there is something else than a log in it;
    /// `Unavailable` if it cannot be made or read.
    pub fn locked(root: &Path) -> Result<Self> {
        check_is_ours(root)?;
        let lock = std::fs::create_dir_all(root)
            .and_then(|()| {
                OpenOptions::new()
                    .create(true)
                    .truncate(false)
                    .read(true)
                    .write(true)
                    .open(root.join(LOCK))
            })
            .map_err(|e| cannot_open(root, e))?;
        take_lock(root, &lock)?;
        name_owner(&lock).map_err(|e| cannot_open(root, e))?;
        Ok(Self {
            root: root.to_owned(),
            settled: Mutex::default(),
            handles: Arc::default(),
            _lock: Some(lock),
        })
    }

    /// The directory as it is, to be read: locked against processes that would change it, if it has a lock file.
    ///
    /// # Errors
    /// `Conflict` if another process has it locked, `Unavailable` if it cannot be read.
    pub fn locked_if_there(root: &Path) -> Result<Self> {
        std::fs::read_dir(root).map_err(|e| cannot_open(root, e))?;
        let lock = match File::open(root.join(LOCK)) {
            Ok(lock) => Some(lock),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(cannot_open(root, e)),
        };
        if let Some(lock) = &lock {
            take_lock(root, lock)?;
        }
        Ok(Self {
            root: root.to_owned(),
            settled: Mutex::default(),
            handles: Arc::default(),
            _lock: lock,
        })
    }

    fn path(&self, path: &str) -> PathBuf {
        if path.is_empty() {
            self.root.clone()
        } else {
            self.root.join(path)
        }
    }
}

/// A folder that holds something else is somebody's, and a mistake.
fn check_is_ours(root: &Path) -> Result<()> {
    let entries = match std::fs::read_dir(root) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(cannot_open(root, e)),
    };
    let mut foreign = None;
    for entry in entries {
        let name = entry.map_err(|e| cannot_open(root, e))?.file_name();
        let name = name.to_string_lossy();
        if name == LOCK || name == WAL_DIR {
            return Ok(());
        }
        if !name.starts_with('.') && name != LOST_AND_FOUND {
            foreign = Some(name.into_owned());
        }
    }
    match foreign {
        None => Ok(()),
        Some(name) => {
            let text = format!(
                "'{}' is no data directory: it holds '{name}'",
                root.display()
            );
            Err(Error::new(ErrorKind::Invalid, text).with_hint("name an empty or a new directory"))
        }
    }
}

fn take_lock(root: &Path, lock: &File) -> Result<()> {
    match rustix::fs::flock(lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let owner =
                owner(lock).map_or("another process".to_owned(), |id| format!("process {id}"));
            let text = format!("data directory '{}' is in use by {owner}", root.display());
            Err(Error::new(ErrorKind::Conflict, text)
                .with_hint("stop that process, or use another data directory"))
        }
        Err(e) => Err(cannot_open(root, e.into())),
    }
}

/// Writes the number of this process into the lock file, so that whoever is kept out can say by whom.
fn name_owner(mut lock: &File) -> io::Result<()> {
    lock.set_len(0)?;
    writeln!(lock, "{}", std::process::id())
}

/// The process that has the lock, if it has said so.
fn owner(mut lock: &File) -> Option<u32> {
    let mut text = String::new();
    lock.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn cannot_open(root: &Path, source: io::Error) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!("data directory '{}' cannot be opened", root.display()),
    )
    .with_source(source)
}

impl Disk for RealDisk {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let full = self.path(path);
        let mut options = OpenOptions::new();
        options.read(true).write(mode != OpenMode::Read);
        if mode == OpenMode::Create {
            std::fs::create_dir_all(self.path(parent(path)))?;
            options.create(true);
        }
        let file = options.open(&full)?;
        Ok(Handles::manage(&self.handles, full, mode, file))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(self.path(dir)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let full = self.path(path);
        let removed = match std::fs::symlink_metadata(&full) {
            Ok(meta) if meta.is_dir() => std::fs::remove_dir(&full),
            Ok(_) => std::fs::remove_file(&full),
            Err(e) => Err(e),
        };
        match removed {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        File::open(self.path(dir))?.sync_all()?;
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        let mut child = dir;
        while !child.is_empty() && !settled.contains(child) {
            File::open(self.path(parent(child)))?.sync_all()?;
            settled.insert(child.to_owned());
            child = parent(child);
        }
        Ok(())
    }
}
