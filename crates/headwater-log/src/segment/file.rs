//! One segment of a partition. The keeper appends to it, the writer puts large batches into it directly, readers
//! read what has been flushed. A closed segment never changes; compaction puts another revision in its place.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::index::{ENTRY_BYTES, IndexEntry};
use crate::batch::LogBatch;
use crate::disk::{Disk, DiskFile, OpenMode};
use crate::error::{Error, ErrorKind, Result, storage};

/// How far a segment goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Extent {
    /// Bytes of batches.
    pub(crate) bytes: u64,
    /// Number of batches.
    pub(crate) entries: u32,
    /// The highest timestamp.
    pub(crate) max_timestamp: i64,
}

impl Extent {
    /// That of a segment without batches.
    pub(crate) const EMPTY: Self = Self {
        bytes: 0,
        entries: 0,
        max_timestamp: i64::MIN,
    };
}

/// A segment: its batches in one file, their index in another.
///
/// Invariants: `flushed` is never beyond what the files hold; `sealed`, once set, is what `flushed` ends at.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Tells it from all others of this process.
    serial: u64,
    dir: Arc<str>,
    base: u64,
    revision: u32,
    files: Mutex<Option<Files>>,
    flushed: Mutex<Extent>,
    sealed: Mutex<Option<Extent>>,
    /// Whether its files are durably in their directory.
    named: AtomicBool,
}

#[derive(Debug, Clone)]
pub(crate) struct Files {
    pub(crate) data: Arc<dyn DiskFile>,
    pub(crate) index: Arc<dyn DiskFile>,
}

/// Whether what is written is likely to be read again from files soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caching {
    /// The page cache keeps it: records are read by key, here and there.
    Keep,
    /// Many bytes may go around the page cache: who keeps up reads them from memory, and who lags reads them in one go.
    Around,
}

/// A batch on its way into a segment.
#[derive(Debug)]
pub(crate) struct Placed<'a> {
    pub(crate) batch: &'a LogBatch,
    pub(crate) at: u32,
    pub(crate) commit: u64,
    /// Whether its bytes are in the file already.
    pub(crate) direct: bool,
}

impl Segment {
    /// A segment of the partition in `dir` of which `flushed` is in its files.
    pub(crate) fn new(dir: Arc<str>, base: u64, revision: u32, flushed: Extent) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            serial: NEXT.fetch_add(1, Ordering::Relaxed),
            dir,
            base,
            revision,
            files: Mutex::default(),
            flushed: Mutex::new(flushed),
            sealed: Mutex::default(),
            named: AtomicBool::new(flushed.entries > 0),
        }
    }

    /// What tells it from all other segments of this process, also from one that takes its place.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// The first offset that it can hold.
    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    /// How often compaction has rewritten it.
    pub(crate) fn revision(&self) -> u32 {
        self.revision
    }

    /// The directory of its partition.
    pub(crate) fn dir(&self) -> &str {
        &self.dir
    }

    /// Path of the file of batches.
    pub(crate) fn data_path(&self) -> String {
        format!("{}/{:020}-{}.log", self.dir, self.base, self.revision)
    }

    /// Path of the index.
    pub(crate) fn index_path(&self) -> String {
        format!("{}/{:020}-{}.index", self.dir, self.base, self.revision)
    }

    /// Closes it where it ends; `None` opens it again, when the writer takes back what it has decided.
    pub(crate) fn seal(&self, extent: Option<Extent>) {
        *self.sealed_lock() = extent;
    }

    fn sealed_lock(&self) -> MutexGuard<'_, Option<Extent>> {
        self.sealed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it ends, if it is closed.
    pub(crate) fn sealed(&self) -> Option<Extent> {
        *self.sealed_lock()
    }

    /// What can be read from its files.
    pub(crate) fn flushed(&self) -> Extent {
        *self.flushed_lock()
    }

    fn flushed_lock(&self) -> MutexGuard<'_, Extent> {
        self.flushed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its files; made if they are not there and `mode` says so.
    pub(crate) fn files(&self, disk: &dyn Disk, mode: OpenMode) -> Result<Files> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = &*files {
            return Ok(files.clone());
        }
        let open = |path: String| {
            disk.open(&path, mode)
                .map_err(|e| storage("segment", &path, e))
        };
        let opened = Files {
            data: open(self.data_path())?,
            index: open(self.index_path())?,
        };
        *files = Some(opened.clone());
        Ok(opened)
    }

    /// Writes batches and their entries to the files and lets readers see them.
    ///
    /// # Errors
    /// `Unavailable`; then nothing new is visible, and the same can be tried again.
    pub(crate) fn flush(
        &self,
        disk: &dyn Disk,
        placed: &[Placed<'_>],
        caching: Caching,
    ) -> Result<()> {
        let files = self.files(disk, OpenMode::Create)?;
        let mut extent = self.flushed();
        let mut entries = Vec::with_capacity(placed.len() * ENTRY_BYTES);
        let first = extent.entries as u64 * ENTRY_BYTES as u64;
        let mut run = Run::new(caching);
        for batch in placed {
            extent.entries += 1;
            extent.bytes = u64::from(batch.at) + batch.batch.bytes().len() as u64;
            extent.max_timestamp = extent.max_timestamp.max(batch.batch.max_timestamp().0);
            let offset = batch.batch.base_offset().0 - self.base;
            IndexEntry {
                offset: offset as u32,
                at: batch.at,
                len: batch.batch.bytes().len() as u32,
                commit: batch.commit,
                max_timestamp: extent.max_timestamp,
            }
            .put(&mut entries);
            if !batch.direct {
                run.add(&*files.data, batch)
                    .map_err(|e| storage("segment", &self.data_path(), e))?;
            }
        }
        run.write(&*files.data)
            .map_err(|e| storage("segment", &self.data_path(), e))?;
        files
            .index
            .write_at(&entries, first)
            .map_err(|e| storage("index", &self.index_path(), e))?;
        *self.flushed_lock() = extent;
        Ok(())
    }

    /// Makes the names of its files durable, if they may not be.
    ///
    /// # Errors
    /// As of the file system.
    pub(crate) fn sync_names(&self, disk: &dyn Disk) -> std::io::Result<()> {
        if !self.named.load(Ordering::Acquire) {
            disk.sync_dir(&self.dir)?;
            self.named.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Makes what was flushed durable.
    ///
    /// # Errors
    /// `Closed`: after a failed sync it is unknown what is on the disk.
    pub(crate) fn sync(&self, disk: &dyn Disk) -> Result<()> {
        let files = self.files(disk, OpenMode::Write)?;
        for (file, path) in [
            (&files.data, self.data_path()),
            (&files.index, self.index_path()),
        ] {
            file.sync().map_err(|e| {
                Error::new(ErrorKind::Closed, format!("sync of \"{path}\" failed")).with_source(e)
            })?;
        }
        self.sync_names(disk)
            .map_err(|e| storage("directory", &self.dir, e))
    }

    /// The entry at `at`, with the ones after it, at most `count` and only flushed ones.
    pub(crate) fn entries(&self, disk: &dyn Disk, at: u32, count: u32) -> Result<Vec<IndexEntry>> {
        let count = self.flushed().entries.saturating_sub(at).min(count) as usize;
        if count == 0 {
            return Ok(Vec::new()); // nothing flushed: there may be no file yet
        }
        let files = self.files(disk, OpenMode::Write)?;
        let mut bytes = vec![0; count * ENTRY_BYTES];
        files
            .index
            .read_at(&mut bytes, u64::from(at) * ENTRY_BYTES as u64)
            .map_err(|e| storage("index", &self.index_path(), e))?;
        let (entries, _) = bytes.as_chunks::<ENTRY_BYTES>();
        entries
            .iter()
            .enumerate()
            .map(|(i, entry)| {
                IndexEntry::read(entry).map_err(|e| self.damaged(at as usize + i, e.message()))
            })
            .collect()
    }

    fn damaged(&self, entry: usize, what: &str) -> Error {
        let at = entry * ENTRY_BYTES;
        Error::new(
            ErrorKind::Corrupt,
            format!("{what} at byte {at} of \"{}\"", self.index_path()),
        )
    }

    /// Number of the first entry for which `after` is true, given that it stays true from there on.
    pub(crate) fn search(
        &self,
        disk: &dyn Disk,
        mut after: impl FnMut(&IndexEntry) -> bool,
    ) -> Result<u32> {
        let (mut low, mut high) = (0, self.flushed().entries);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.entries(disk, middle, 1)?.first() {
                Some(entry) if !after(entry) => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// Reads the batches of consecutive entries, checked.
    ///
    /// # Errors
    /// `Corrupt`, naming file and place.
    pub(crate) fn read(&self, disk: &dyn Disk, entries: &[IndexEntry]) -> Result<Vec<LogBatch>> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(Vec::new());
        };
        let files = self.files(disk, OpenMode::Write)?;
        let end = u64::from(last.at) + u64::from(last.len);
        let mut bytes = vec![0; (end - u64::from(first.at)) as usize];
        files
            .data
            .read_at(&mut bytes, first.at.into())
            .map_err(|e| storage("segment", &self.data_path(), e))?;
        let bytes = Bytes::from(bytes);
        let batch = |entry: &IndexEntry| {
            let from = (entry.at - first.at) as usize;
            let wrong = |what: &str| {
                let path = self.data_path();
                Error::new(
                    ErrorKind::Corrupt,
                    format!("{what} at byte {} of \"{path}\"", entry.at),
                )
            };
            let batch = LogBatch::parse(bytes.slice(from..from + entry.len as usize))
                .map_err(|e| wrong(e.message()))?;
            if batch.base_offset().0 != self.base + u64::from(entry.offset) {
                return Err(wrong("batch has another offset than its index entry"));
            }
            Ok(batch)
        };
        entries.iter().map(batch).collect()
    }
}

/// Bytes that are collected before they are written.
const RUN_BYTES: usize = 1 << 20;

/// Adjacent batches, collected to be written at once.
struct Run<'a> {
    at: u64,
    len: usize,
    parts: Vec<&'a [u8]>,
    caching: Caching,
}

impl<'a> Run<'a> {
    fn new(caching: Caching) -> Self {
        Self {
            at: 0,
            len: 0,
            parts: Vec::new(),
            caching,
        }
    }

    fn add(&mut self, file: &dyn DiskFile, batch: &Placed<'a>) -> std::io::Result<()> {
        let adjacent = self.at + self.len as u64 == u64::from(batch.at);
        if !adjacent || self.len >= RUN_BYTES {
            self.write(file)?;
            self.at = batch.at.into();
        }
        let bytes = batch.batch.bytes();
        self.len += bytes.len();
        self.parts.push(bytes);
        Ok(())
    }

    fn write(&mut self, file: &dyn DiskFile) -> std::io::Result<()> {
        match self.caching {
            _ if self.parts.is_empty() => {}
            Caching::Keep => file.write_at(&self.parts.concat(), self.at)?,
            Caching::Around => file.write_parts(&self.parts, self.at)?,
        }
        self.parts.clear();
        self.len = 0;
        Ok(())
    }
}
