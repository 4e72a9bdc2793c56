//! Rows that came and rows that went as records, one each, as Flink writes them: a row that changed is one that went
//! and one that came.

use std::sync::Arc;

use headwater_flow::connector::{FormatRequest, ValueEncoder};
use headwater_flow::{Result, ZBatch};

use super::super::encoder::JsonEncoder;

/// What stands before a row and behind it.
type Frame = (&'static str, &'static str);

/// What stands around rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frames {
    pub(super) came: Frame,
    pub(super) went: Frame,
}

/// Encodes rows by their weights.
#[derive(Debug)]
pub(super) struct ChangelogEncoder {
    rows: JsonEncoder,
    frames: Frames,
}

impl ChangelogEncoder {
    /// An encoder of `format`.
    ///
    /// # Errors
    /// Those of [`JsonEncoder::new`].
    pub(super) fn of(
        request: &FormatRequest,
        format: &str,
        frames: Frames,
    ) -> Result<Arc<dyn ValueEncoder>> {
        let rows = JsonEncoder::of(request, format)?;
        Ok(Arc::new(Self { rows, frames }))
    }
}

impl ValueEncoder for ChangelogEncoder {
    fn encode(&self, rows: &ZBatch, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> Result<()> {
        let (mut bare, mut bare_ends) = (Vec::new(), Vec::new());
        self.rows.encode(rows, &mut bare, &mut bare_ends)?;
        let mut start = 0;
        for (row, end) in bare_ends.into_iter().enumerate() {
            let (before, behind) = match rows.weight(row) < 0 {
                true => self.frames.went,
                false => self.frames.came,
            };
            out.extend_from_slice(before.as_bytes());
            out.extend_from_slice(&bare[start..end]);
            out.extend_from_slice(behind.as_bytes());
            ends.push(out.len());
            start = end;
        }
        Ok(())
    }
}

/// Keys are objects without anything around them.
///
/// # Errors
/// Those of [`JsonEncoder::new`].
pub(super) fn key_encoder(request: &FormatRequest, format: &str) -> Result<Arc<dyn ValueEncoder>> {
    Ok(Arc::new(JsonEncoder::of(request, format)?))
}
