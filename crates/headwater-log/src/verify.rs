//! Looking for damage without touching anything: every byte that the log relies on is read and checked, and what is
//! wrong is reported with its place.

use std::path::Path;
use std::sync::Arc;

use crate::batch::LogBatch;
use crate::checkpoint::{self, CHECKPOINT, Cut, PartitionCut, SegmentCut};
use crate::disk::{Disk, DiskFile, OpenMode, RealDisk};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{CommitNumber, Offset, TopicPartition};
use crate::recover;
use crate::segment::Segment;
use crate::segment::index::{ENTRY_BYTES, IndexEntry};
use crate::topics::origin;

/// Findings after which no more are collected.
pub const FINDINGS_MAX: usize = 1_000;
/// Index entries that are read at a time.
const ENTRIES_AT_ONCE: u32 = 4_096;

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file, relative to the data directory.
    pub file: String,
    /// The byte in it at which the damage begins.
    pub at: u64,
    /// The partition whose records are concerned, if it is known.
    pub of: Option<TopicPartition>,
    /// The first offset that is concerned, if it is known.
    pub offset: Option<Offset>,
    /// What is wrong.
    pub what: String,
}

/// What was read, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Files read.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Batches read.
    pub batches: u64,
    /// Records read.
    pub records: u64,
    /// The newest commit that is durable.
    pub last_commit: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, file: &str, at: u64, what: impl Into<String>) {
        self.add(Finding {
            file: file.to_owned(),
            at,
            of: None,
            offset: None,
            what: what.into(),
        });
    }

    fn add(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}

/// Verifies the log in a directory, which no process may have open.
///
/// # Errors
/// `Conflict` if it is in use, `Unavailable` if it cannot be read, `NotFound` if there is no log.
pub fn verify_dir(path: &Path) -> Result<VerifyReport> {
    verify(Arc::new(RealDisk::locked_if_there(path)?))
}

/// Verifies the log on a disk.
///
/// # Errors
/// `NotFound` if there is no log, `Unavailable`.
pub fn verify(disk: Arc<dyn Disk>) -> Result<VerifyReport> {
    let mut report = VerifyReport::default();
    let cut = match checkpoint::read(&*disk) {
        Ok(Some(cut)) => cut,
        Ok(None) if recover::has_files(&*disk)? => {
            report.find(CHECKPOINT, 0, "checkpoint is missing");
            return Ok(report);
        }
        Ok(None) => return Err(Error::new(ErrorKind::NotFound, "there is no log")),
        Err(e) if e.kind() == ErrorKind::Corrupt => {
            report.find(CHECKPOINT, 0, e.message());
            return Ok(report);
        }
        Err(e) => return Err(e),
    };
    report.files += 1;
    report.last_commit = cut.last.0;
    for topic in &cut.topics {
        for (number, partition) in (0..).zip(&topic.partitions) {
            let origin = origin(&disk, &topic.name, topic.id, number, &topic.config);
            let segments = Segments {
                dir: &origin.dir,
                of: &origin.name,
                last: cut.last,
            };
            segments.verify(&*disk, &mut report, partition);
        }
    }
    verify_wal(&disk, &mut report, &cut)?;
    Ok(report)
}

/// The write-ahead log: the frames of each file, then whether they can be applied.
fn verify_wal(disk: &Arc<dyn Disk>, report: &mut VerifyReport, cut: &Cut) -> Result<()> {
    let before = report.findings.len();
    for (file, bytes, damage) in recover::scan_files(&**disk, cut)? {
        report.files += 1;
        report.bytes += bytes;
        if let Some(at) = damage {
            report.find(&file, at, "durable frame is damaged");
        }
    }
    match recover::replay(disk, cut) {
        Ok(last) => report.last_commit = last.0,
        Err(e) if e.kind() != ErrorKind::Corrupt => return Err(e),
        Err(_) if report.findings.len() > before => {}
        Err(e) => report.find(crate::wal::file::WAL_DIR, 0, e.message()),
    }
    Ok(())
}

/// One segment under verification.
struct Inspected<'a> {
    of: &'a TopicPartition,
    cut: &'a SegmentCut,
    data_path: String,
    index_path: String,
    /// The newest commit that the segment may hold.
    last: CommitNumber,
    /// Where the next batch must begin.
    at: u64,
    /// The lowest offset that the next batch may have.
    next: u64,
}

/// The segments of a partition.
struct Segments<'a> {
    dir: &'a Arc<str>,
    of: &'a TopicPartition,
    last: CommitNumber,
}

impl Segments<'_> {
    fn verify(&self, disk: &dyn Disk, report: &mut VerifyReport, cut: &PartitionCut) {
        for cut in cut.segments.iter().filter(|s| s.extent.entries > 0) {
            let files = Segment::new(Arc::clone(self.dir), cut.base, cut.revision, cut.extent);
            let mut inspected = Inspected {
                of: self.of,
                cut,
                data_path: files.data_path(),
                index_path: files.index_path(),
                last: self.last,
                at: 0,
                next: cut.base,
            };
            inspected.run(disk, report);
        }
    }
}

impl Inspected<'_> {
    fn run(&mut self, disk: &dyn Disk, report: &mut VerifyReport) {
        let index_bytes = u64::from(self.cut.extent.entries) * ENTRY_BYTES as u64;
        let (index_path, data_path) = (self.index_path.clone(), self.data_path.clone());
        let index = self.open(disk, report, &index_path, index_bytes);
        let data = self.open(disk, report, &data_path, self.cut.extent.bytes);
        let (Some(index), Some(data)) = (index, data) else {
            return;
        };
        let mut first = 0;
        while first < self.cut.extent.entries {
            let count = ENTRIES_AT_ONCE.min(self.cut.extent.entries - first);
            let mut bytes = vec![0; count as usize * ENTRY_BYTES];
            let at = u64::from(first) * ENTRY_BYTES as u64;
            if let Err(e) = index.read_at(&mut bytes, at) {
                let path = self.index_path.clone();
                return self.find(report, &path, at, format!("cannot be read: {e}"));
            }
            let (entries, _) = bytes.as_chunks::<ENTRY_BYTES>();
            for (number, entry) in (first..).zip(entries) {
                self.entry(report, &*data, number, entry);
            }
            first += count;
        }
        if self.at != self.cut.extent.bytes {
            let (path, at) = (self.data_path.clone(), self.at);
            self.find(report, &path, at, "batches end before the segment does");
        }
    }

    /// Opens a file that must have so many bytes.
    fn open(
        &self,
        disk: &dyn Disk,
        report: &mut VerifyReport,
        path: &str,
        bytes: u64,
    ) -> Option<Arc<dyn DiskFile>> {
        let opened = disk.open(path, OpenMode::Read);
        match opened.and_then(|file| Ok((file.size()?, file))) {
            Ok((size, file)) if size >= bytes => {
                report.files += 1;
                report.bytes += bytes;
                Some(file)
            }
            Ok((size, _)) => {
                self.find(
                    report,
                    path,
                    size,
                    format!("ends here instead of at {bytes}"),
                );
                None
            }
            Err(e) => {
                self.find(report, path, 0, format!("cannot be read: {e}"));
                None
            }
        }
    }

    fn entry(
        &mut self,
        report: &mut VerifyReport,
        data: &dyn DiskFile,
        number: u32,
        bytes: &[u8; ENTRY_BYTES],
    ) {
        let entry_at = u64::from(number) * ENTRY_BYTES as u64;
        let (index_path, data_path) = (self.index_path.clone(), self.data_path.clone());
        let entry = match IndexEntry::read(bytes) {
            Ok(entry) => entry,
            Err(e) => return self.find(report, &index_path, entry_at, e.message()),
        };
        // An entry before this one may be unreadable: go on with what this one says.
        let is_next = u64::from(entry.at) >= self.at
            && u64::from(entry.at) + u64::from(entry.len) <= self.cut.extent.bytes
            && entry.commit <= self.last.0;
        if !is_next {
            return self.find(report, &index_path, entry_at, "entry is out of order");
        }
        self.at = u64::from(entry.at) + u64::from(entry.len);
        match self.batch(data, &entry) {
            Ok(records) => {
                report.batches += 1;
                report.records += records;
            }
            Err(what) => self.find(report, &data_path, entry.at.into(), what),
        }
        self.next = self.cut.base + u64::from(entry.offset) + 1;
    }

    /// Reads a batch; gives its number of records, or what is wrong with it.
    fn batch(&self, data: &dyn DiskFile, entry: &IndexEntry) -> Result<u64, String> {
        let mut bytes = vec![0; entry.len as usize];
        data.read_at(&mut bytes, entry.at.into())
            .map_err(|e| format!("cannot be read: {e}"))?;
        let batch = LogBatch::parse(bytes.into()).map_err(|e| e.message().to_owned())?;
        if batch.base_offset().0 != self.cut.base + u64::from(entry.offset)
            || batch.base_offset().0 < self.next
        {
            return Err("batch has another offset than its index entry".to_owned());
        }
        batch.for_each(|_| {}).map_err(|e| e.message().to_owned())?;
        Ok(batch.record_count() as u64)
    }

    fn find(&self, report: &mut VerifyReport, file: &str, at: u64, what: impl Into<String>) {
        report.add(Finding {
            file: file.to_owned(),
            at,
            of: Some(self.of.clone()),
            offset: Some(Offset(self.next)),
            what: what.into(),
        });
    }
}
