//! The columns that a window aggregate reads and writes.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};

use crate::error::{Error, ErrorKind, Result};
use crate::state::KeyCodec;
use crate::time::{Watermark, from_micros};

/// A group column of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowColumn {
    /// The key column of this number (an index into the numbers of the key columns).
    Key(usize),
    /// `window_start`.
    Start,
    /// `window_end`.
    End,
    /// `window_time`: end − 1 ms.
    Time,
}

/// What a window aggregate reads and writes. Its output has the group columns first, then one column an aggregate.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The event-time column of the input.
    pub(crate) time: usize,
    /// The key columns of the input.
    pub(crate) keys: Vec<usize>,
    /// The group columns of the output.
    pub(crate) groups: Vec<WindowColumn>,
    /// The columns of the input.
    pub(crate) input: SchemaRef,
    /// The columns of the output.
    pub(crate) output: SchemaRef,
}

impl Layout {
    /// A codec of the key columns.
    pub(crate) fn key_codec(&self) -> Result<KeyCodec> {
        KeyCodec::of(&self.input, &self.keys)
    }

    /// The key columns of a batch of the input.
    pub(crate) fn key_columns(&self, rows: &RecordBatch) -> Vec<ArrayRef> {
        self.keys
            .iter()
            .map(|i| Arc::clone(rows.column(*i)))
            .collect()
    }

    /// Output rows from windows as (start, end), the keys' bytes and the values of the aggregates.
    pub(crate) fn rows<'a>(
        &self,
        codec: &KeyCodec,
        windows: &[(i64, i64)],
        keys: impl Iterator<Item = &'a [u8]>,
        values: Vec<ArrayRef>,
    ) -> Result<RecordBatch> {
        let keys = codec.decode(keys)?;
        let mut columns = Vec::with_capacity(self.output.fields().len());
        for (i, group) in self.groups.iter().enumerate() {
            let bound: fn(&(i64, i64)) -> i64 = match group {
                WindowColumn::Key(k) => {
                    columns.push(Arc::clone(keys.get(*k).ok_or_else(misfit)?));
                    continue;
                }
                WindowColumn::Start => |w| w.0,
                WindowColumn::End => |w| w.1,
                WindowColumn::Time => |w| w.1 - Watermark::TICK,
            };
            let values: Vec<i64> = windows.iter().map(bound).collect();
            columns.push(from_micros(&values, self.output.field(i).data_type())?);
        }
        columns.extend(values);
        Ok(RecordBatch::try_new(Arc::clone(&self.output), columns)?)
    }

    /// Checks that the numbers fit the schemas.
    ///
    /// # Errors
    /// `Bug` if they do not.
    pub(crate) fn check_invariants(&self) -> Result<()> {
        let has = |schema: &Schema, i: usize| i < schema.fields().len();
        let keys = self.keys.iter().all(|k| has(&self.input, *k));
        let groups = self.groups.iter().all(|g| match g {
            WindowColumn::Key(k) => *k < self.keys.len(),
            WindowColumn::Start | WindowColumn::End | WindowColumn::Time => true,
        });
        let wide_enough = self.groups.len() <= self.output.fields().len();
        if keys && groups && wide_enough && has(&self.input, self.time) {
            Ok(())
        } else {
            Err(misfit())
        }
    }
}

fn misfit() -> Error {
    Error::new(ErrorKind::Bug, "a window aggregate's columns do not fit")
}
