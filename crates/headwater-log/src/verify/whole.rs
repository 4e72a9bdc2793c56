//! A whole log: its checkpoint, its write-ahead log, then all that these name.

use std::path::Path;
use std::sync::Arc;

use super::report::VerifyReport;
use super::runs;
use super::segments::Segments;
use crate::checkpoint::{self, CHECKPOINT, Cut};
use crate::disk::{Disk, RealDisk};
use crate::error::{Error, ErrorKind, Result};
use crate::record::CommitNumber;
use crate::recover::{self, PartitionFiles};
use crate::wal::file::WAL_DIR;

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
    let (partitions, trouble) = verify_wal(&disk, &mut report, &cut)?;
    let last = CommitNumber(report.last_commit);
    for files in partitions {
        let segments = Segments {
            dir: &files.dir,
            of: &files.of,
            last,
        };
        segments.verify(&*disk, &mut report, &files.segments);
        runs::verify(&disk, &mut report, &files.dir, &files.of, &files.runs);
    }
    // What keeps the write-ahead log from being applied has been found with its place, unless it is in that itself.
    if let Some(trouble) = trouble.filter(|_| report.is_sound()) {
        report.find(WAL_DIR, 0, trouble);
    }
    Ok(report)
}

/// The write-ahead log: the frames of each file, then whether they can be applied. Gives the files that are then in use:
/// those of the checkpoint, with the reason, if the write-ahead log does not tell any more.
fn verify_wal(
    disk: &Arc<dyn Disk>,
    report: &mut VerifyReport,
    cut: &Cut,
) -> Result<(Vec<PartitionFiles>, Option<String>)> {
    for file in recover::scan_files(&**disk, cut)? {
        report.files += 1;
        report.bytes += file.bytes;
        if let Some((at, what)) = file.damage {
            report.find(&file.path, at, what);
        }
    }
    match recover::replay(disk, cut) {
        Ok(replayed) => {
            report.last_commit = replayed.last.0;
            Ok((replayed.partitions, None))
        }
        Err(e) if matches!(e.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported) => {
            Ok((recover::files_of(disk, cut), Some(e.message().to_owned())))
        }
        Err(e) => Err(e),
    }
}
