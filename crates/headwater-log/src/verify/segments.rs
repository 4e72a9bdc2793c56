//! Segments: every entry of the index, and the batch that it points at.

use std::sync::Arc;

use super::report::{Finding, VerifyReport};
use crate::batch::LogBatch;
use crate::checkpoint::SegmentCut;
use crate::disk::{Disk, DiskFile, OpenMode};
use crate::record::{CommitNumber, Offset, TopicPartition};
use crate::segment::Segment;
use crate::segment::index::{ENTRY_BYTES, IndexEntry};

/// Index entries that are read at a time.
const ENTRIES_AT_ONCE: u32 = 4_096;

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
pub(super) struct Segments<'a> {
    pub(super) dir: &'a Arc<str>,
    pub(super) of: &'a TopicPartition,
    /// The newest commit that they may hold.
    pub(super) last: CommitNumber,
}

impl Segments<'_> {
    pub(super) fn verify(&self, disk: &dyn Disk, report: &mut VerifyReport, cuts: &[SegmentCut]) {
        for cut in cuts.iter().filter(|s| s.extent.entries > 0) {
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
