//! What verification found.

use crate::record::{Offset, TopicPartition};

/// Findings after which no more are collected.
pub const FINDINGS_MAX: usize = 1_000;
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

    pub(super) fn find(&mut self, file: &str, at: u64, what: impl Into<String>) {
        self.add(Finding {
            file: file.to_owned(),
            at,
            of: None,
            offset: None,
            what: what.into(),
        });
    }

    pub(super) fn add(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}
