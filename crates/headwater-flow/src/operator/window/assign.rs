//! Assigns rows to fixed windows without computing anything over them: for plans that use the window table function
//! with no aggregate that could take it in. Nothing is ever late here, since nothing is ever closed.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch, UInt32Array};
use arrow::datatypes::SchemaRef;

use super::windows::{FixedWindows, PaneFinder};
use crate::batch::ZBatch;
use crate::error::{Error, ErrorKind, Result};
use crate::operator::Stateless;
use crate::plan::WindowSpec;
use crate::time::{Watermark, from_micros, to_micros};

/// Adds `window_start`, `window_end` and `window_time`, one row a window. Rows without an event time have none.
#[derive(Debug)]
pub struct WindowAssign {
    windows: FixedWindows,
    time: usize,
    schema: SchemaRef,
}

impl WindowAssign {
    /// Windows over column `time`; `schema` is that of the output, the added columns last.
    ///
    /// # Errors
    /// `Invalid` for windows that cannot be; `Unsupported` for sessions, which depend on other rows.
    pub fn new(spec: &WindowSpec, time: usize, schema: SchemaRef) -> Result<Self> {
        let windows = FixedWindows::new(spec)?.ok_or_else(|| {
            let what = "a session window without an aggregate over it is not supported";
            Error::new(ErrorKind::Unsupported, what)
                .with_hint("group by window_start, window_end and the keys of the session")
        })?;
        Ok(Self {
            windows,
            time,
            schema,
        })
    }
}

impl Stateless for WindowAssign {
    fn apply(&self, input: ZBatch) -> Result<ZBatch> {
        let times = to_micros(input.rows().column(self.time))?;
        let mut finder = PaneFinder::new(&self.windows);
        let (mut rows, mut ends) = (Vec::new(), Vec::new());
        for i in 0..times.len() {
            let run = (!times.is_null(i)).then(|| finder.run(times.value(i)));
            let Some(run) = run.flatten() else { continue };
            for end in self.windows.ends(run, i64::MIN, i64::MAX) {
                rows.push(i as u32);
                ends.push(end);
            }
        }
        let one_each = rows.len() == input.num_rows() && !self.windows.overlap();
        let expanded = if one_each {
            input
        } else {
            input.take(&UInt32Array::from(rows))?
        };
        let mut columns = expanded.rows().columns().to_vec();
        let width = columns.len();
        let starts: Vec<i64> = ends.iter().map(|e| self.windows.start(*e)).collect();
        let times: Vec<i64> = ends.iter().map(|e| e - Watermark::TICK).collect();
        for (i, values) in [starts, ends, times].iter().enumerate() {
            columns.push(from_micros(
                values,
                self.schema.field(width + i).data_type(),
            )?);
        }
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        expanded.with_rows(rows)
    }
}
