//! A disk in memory: for logs without a directory, and for tests.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Disk, DiskFile, OpenMode};

/// A disk in memory. All of it is gone with its last owner.
#[derive(Debug, Default)]
pub struct MemDisk {
    files: RwLock<BTreeMap<String, Arc<MemFile>>>,
}

impl MemDisk {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

pub(crate) fn not_found(path: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no file {path:?}"))
}

/// The names directly below `dir` of the paths given.
pub(crate) fn names_in<'a>(dir: &str, paths: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut names: Vec<String> = paths
        .filter_map(|path| {
            let rest = if dir.is_empty() {
                path
            } else {
                path.strip_prefix(dir)?.strip_prefix('/')?
            };
            rest.split('/').next().map(str::to_owned)
        })
        .collect();
    names.dedup();
    names
}

impl Disk for MemDisk {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        match files.get(path) {
            Some(file) => Ok(Arc::clone(file) as Arc<dyn DiskFile>),
            None if mode == OpenMode::Create => {
                let file = Arc::new(MemFile::default());
                files.insert(path.to_owned(), Arc::clone(&file));
                Ok(file)
            }
            None => Err(not_found(path)),
        }
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        Ok(names_in(dir, files.keys()))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        let file = files.remove(from).ok_or_else(|| not_found(from))?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        files.remove(path);
        Ok(())
    }

    fn sync_dir(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, Default)]
struct MemFile(RwLock<Vec<u8>>);

/// Copies out of the bytes of a file.
pub(crate) fn copy_out(bytes: &[u8], into: &mut [u8], at: u64) -> io::Result<()> {
    let from = usize::try_from(at).map_err(io::Error::other)?;
    let part = from
        .checked_add(into.len())
        .and_then(|to| bytes.get(from..to))
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    into.copy_from_slice(part);
    Ok(())
}

/// Copies into the bytes of a file.
pub(crate) fn copy_in(file: &mut Vec<u8>, bytes: &[u8], at: u64) -> io::Result<()> {
    let from = usize::try_from(at).map_err(io::Error::other)?;
    let to = from + bytes.len();
    if file.len() < to {
        file.resize(to, 0);
    }
    file[from..to].copy_from_slice(bytes);
    Ok(())
}

impl DiskFile for MemFile {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        let bytes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        copy_out(&bytes, into, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let mut file = self.0.write().unwrap_or_else(PoisonError::into_inner);
        copy_in(&mut file, bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        let bytes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Ok(bytes.len() as u64)
    }

    fn reserve(&self, _: u64) -> io::Result<()> {
        Ok(())
    }
}
