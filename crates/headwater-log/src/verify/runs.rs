//! The runs of a key index: every block.

use std::sync::Arc;

use super::report::{Finding, VerifyReport};
use crate::disk::Disk;
use crate::keyindex::{RunId, verify_run};
use crate::record::{Offset, TopicPartition};

/// Verifies the runs of a partition.
pub(super) fn verify(
    disk: &Arc<dyn Disk>,
    report: &mut VerifyReport,
    dir: &str,
    of: &TopicPartition,
    runs: &[RunId],
) {
    for id in runs {
        let verified = verify_run(disk, dir, *id);
        report.files += 1;
        report.bytes += verified.bytes;
        for (at, what) in verified.damage {
            report.add(Finding {
                file: format!("{dir}/{}", id.file_name()),
                at,
                of: Some(of.clone()),
                offset: Some(Offset(id.from)),
                what,
            });
        }
    }
}
