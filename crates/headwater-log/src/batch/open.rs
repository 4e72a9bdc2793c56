//! A batch whose records lie uncompressed in memory, so that they can be borrowed for as long as it lives.

use bytes::Bytes;

use super::records::{Cursor, Frame, RecordRef};
use crate::error::Result;

/// The uncompressed records of a [`LogBatch`](super::LogBatch).
#[derive(Debug, Clone)]
pub struct OpenBatch {
    section: Bytes,
    frame: Frame,
}

impl OpenBatch {
    pub(super) fn new(section: Bytes, frame: Frame) -> Self {
        Self { section, frame }
    }

    /// Its records, borrowed: no allocation, no reference counts. After an error there are no more.
    pub fn records(&self) -> impl Iterator<Item = Result<RecordRef<'_>>> {
        let mut cursor = Some(Cursor::new(self.frame.clone()));
        std::iter::from_fn(move || {
            let next = cursor.as_mut()?.next(&self.section).transpose();
            if !matches!(next, Some(Ok(_))) {
                cursor = None;
            }
            next
        })
    }
}
