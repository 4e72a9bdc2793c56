//! The files of the write-ahead log besides the one in use: the full ones before it, and the spare ones that the keeper
//! has ready, so that no file grows while somebody waits.
//!
//! Files begin small and get larger as they are filled, so that a command of one commit does not wait for zeroes; what is left
//! of an earlier run is used again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::file::{WAL_DIR, WalFile, path};
use super::frame;
use crate::disk::{Disk, DiskFile, OpenMode};
use crate::error::{Result, storage};

/// Size of the very first file.
const FIRST_FILE_BYTES: u64 = 1 << 20;
/// Spare files that are kept at most.
const SPARES_MAX: usize = 2;
/// Zeroes that are written at a time.
const ZEROES_BYTES: usize = 1 << 20;

/// The files besides the one in use; shared by writer and keeper.
#[derive(Debug)]
pub(crate) struct Pool {
    disk: Arc<dyn Disk>,
    file_bytes: u64,
    files: Mutex<Files>,
    /// Bytes of the files that hold frames.
    used_bytes: AtomicU64,
    /// Bytes of all files.
    disk_bytes: AtomicU64,
}

#[derive(Debug)]
struct Files {
    next_generation: u32,
    /// Size of the next file.
    wanted: u64,
    spares: VecDeque<WalFile>,
    /// Generation and size of those that an earlier run left; what is in them does not count.
    left: VecDeque<(u32, u64)>,
    /// Generation and size of those that hold frames.
    used: VecDeque<(u32, u64)>,
}

impl Pool {
    /// The pool of a log whose files so far are `files`, oldest first, none of them with `next_generation` or more; those after
    /// generation `end` hold nothing.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        file_bytes: u64,
        next_generation: u32,
        files: impl IntoIterator<Item = (u32, u64)>,
        end: u32,
    ) -> Self {
        let mut used: VecDeque<(u32, u64)> = files.into_iter().collect();
        let all = used.iter().map(|(_, bytes)| bytes).sum();
        let holding = used.partition_point(|(generation, _)| *generation <= end);
        // More than the pool keeps go when those before them go.
        let left = used.split_off(holding.max(used.len().saturating_sub(SPARES_MAX)));
        let bytes = used.iter().map(|(_, bytes)| bytes).sum();
        Self {
            disk,
            file_bytes,
            used_bytes: AtomicU64::new(bytes),
            disk_bytes: AtomicU64::new(all),
            files: Mutex::new(Files {
                next_generation,
                wanted: FIRST_FILE_BYTES.min(file_bytes),
                spares: VecDeque::new(),
                left,
                used,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of the files that hold frames.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// Bytes of all files.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.disk_bytes.load(Ordering::Relaxed)
    }

    /// Files that hold frames.
    pub(crate) fn used_files(&self) -> usize {
        self.lock().used.len()
    }

    /// Has a spare file ready.
    ///
    /// # Errors
    /// `Unavailable` if the disk is full.
    pub(crate) fn prepare(&self) -> Result<()> {
        let mut files = self.lock();
        if files.spares.is_empty() {
            let spare = self.spare(&mut files)?;
            files.spares.push_back(spare);
        }
        Ok(())
    }

    /// A file to go on in.
    ///
    /// # Errors
    /// `Unavailable` if the disk is full.
    pub(crate) fn take(&self) -> Result<WalFile> {
        let mut files = self.lock();
        let file = match files.spares.pop_front() {
            Some(spare) => spare,
            None => self.spare(&mut files)?,
        };
        files.wanted = (files.wanted * 2).min(self.file_bytes);
        files.used.push_back((file.generation, file.bytes));
        self.used_bytes.fetch_add(file.bytes, Ordering::Relaxed);
        Ok(file)
    }

    /// Another file: one that an earlier run left, else a new one.
    fn spare(&self, files: &mut Files) -> Result<WalFile> {
        match self.reclaim(files)? {
            Some(file) => Ok(file),
            None => self.make(files),
        }
    }

    /// A file that an earlier run left. One that is too small, for the power went while it was made, goes.
    fn reclaim(&self, files: &mut Files) -> Result<Option<WalFile>> {
        while let Some((old, bytes)) = files.left.front().copied() {
            if bytes < files.wanted {
                self.remove(old)?;
                files.left.pop_front();
                continue;
            }
            let generation = files.next_generation;
            files.next_generation += 1;
            let file = self.recycle(old, generation, bytes)?;
            files.left.pop_front();
            if file.is_some() {
                return Ok(file);
            }
        }
        Ok(None)
    }

    /// A new file, filled with zeroes: what has blocks and a length already is synced ten times faster.
    fn make(&self, files: &mut Files) -> Result<WalFile> {
        let generation = files.next_generation;
        let bytes = files.wanted;
        let path = path(generation);
        let made = self
            .zeroed(&path, generation, bytes)
            .and_then(|file| WalFile::new(&*self.disk, generation, bytes, file));
        let file = made.map_err(|e| {
            let removed = self.disk.remove(&path);
            if let Err(e) = removed {
                tracing::warn!(%path, error = %e, "half-made write-ahead file stays");
            }
            storage("write-ahead file", &path, e)
        })?;
        files.next_generation += 1;
        self.disk_bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(file)
    }

    fn zeroed(
        &self,
        path: &str,
        generation: u32,
        bytes: u64,
    ) -> std::io::Result<Arc<dyn DiskFile>> {
        let file = self.disk.open(path, OpenMode::Create)?;
        let zeroes = vec![0; ZEROES_BYTES.min(bytes as usize)];
        let mut at = 0;
        while at < bytes {
            let part = zeroes.len().min((bytes - at) as usize);
            file.write_at(&zeroes[..part], at)?;
            at += part as u64;
        }
        file.write_at(&frame::file_header(generation, bytes), 0)?;
        file.sync()?;
        self.disk.sync_dir(WAL_DIR)?;
        Ok(file)
    }

    /// Frees the files before `generation`: some become spare files, the others go.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) fn free_before(&self, generation: u32) -> Result<()> {
        let mut files = self.lock();
        while let Some((old, bytes)) = files.used.front().copied() {
            if old >= generation {
                break;
            }
            if bytes >= files.wanted && files.spares.len() + files.left.len() < SPARES_MAX {
                let recycled = self.recycle(old, files.next_generation, bytes);
                files.next_generation += 1;
                files.spares.extend(recycled?);
            } else {
                self.remove(old)?;
                self.disk_bytes.fetch_sub(bytes, Ordering::Relaxed);
            }
            files.used.pop_front();
            self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The file under another generation; `None` if that fails, and then it is gone.
    fn recycle(&self, old: u32, generation: u32, bytes: u64) -> Result<Option<WalFile>> {
        let new = path(generation);
        let renamed = || {
            self.disk.rename(&path(old), &new)?;
            let file = self.disk.open(&new, OpenMode::Write)?;
            file.write_at(&frame::file_header(generation, bytes), 0)?;
            file.sync()?;
            self.disk.sync_dir(WAL_DIR)?;
            WalFile::new(&*self.disk, generation, bytes, file)
        };
        match renamed() {
            Ok(file) => Ok(Some(file)),
            Err(error) => {
                tracing::warn!(%error, file = %new, "write-ahead file cannot be used again");
                self.remove(old)?;
                self.remove(generation)?;
                self.disk_bytes.fetch_sub(bytes, Ordering::Relaxed);
                Ok(None)
            }
        }
    }

    fn remove(&self, generation: u32) -> Result<()> {
        let path = path(generation);
        self.disk
            .remove(&path)
            .map_err(|e| storage("write-ahead file", &path, e))
    }
}
