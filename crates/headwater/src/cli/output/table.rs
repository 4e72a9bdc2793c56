//! Aligned columns for people.

use std::io::Write;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use unicode_width::UnicodeWidthStr;

use crate::cli::exit::{Failure, Outcome};

/// Rows that are looked at before the widths of a finite result are fixed.
const ROWS_HELD_MAX: usize = 10_000;
/// Wider cells push their row out of line rather than all others apart.
const CELL_WIDTH_MAX: usize = 60;
/// A stream's columns are at least so wide, since what comes is not known.
const STREAM_WIDTH_MIN: usize = 10;

/// A table that is being written.
pub(super) struct Table {
    schema: SchemaRef,
    is_stream: bool,
    held: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
}

impl Table {
    /// A table for rows of a schema; the rows of a stream are not held back.
    pub(super) fn new(schema: SchemaRef, is_stream: bool) -> Self {
        Self {
            schema,
            is_stream,
            held: Vec::new(),
            widths: None,
        }
    }

    /// Takes a batch, and writes it if the widths are known.
    pub(super) fn batch(&mut self, out: &mut impl Write, batch: &RecordBatch) -> Outcome {
        let formatters = formatters(batch)?;
        for row in 0..batch.num_rows() {
            let cells = formatters.iter().zip(batch.columns());
            let text = cells.map(|(cell, column)| match is_null(column, row) {
                false => cell.value(row).to_string().replace(char::is_control, " "),
                true => "NULL".to_owned(),
            });
            self.held.push(text.collect());
        }
        if self.is_stream || self.widths.is_some() || self.held.len() > ROWS_HELD_MAX {
            self.write(out)?;
        }
        Ok(())
    }

    /// Writes the rest. An empty result still shows its columns.
    pub(super) fn end(mut self, out: &mut impl Write) -> Outcome {
        self.write(out)
    }

    fn write(&mut self, out: &mut impl Write) -> Outcome {
        let widths = match self.widths.take() {
            Some(widths) => widths,
            None => self.begin(out)?,
        };
        for row in self.held.drain(..) {
            let cells = row.iter().zip(self.schema.fields()).zip(&widths);
            let cells: Vec<String> = cells
                .map(|((text, field), width)| padded(text, *width, is_number(field.data_type())))
                .collect();
            writeln!(out, " {}", cells.join(" │ ").trim_end())?;
        }
        self.widths = Some(widths);
        Ok(())
    }

    /// Fixes the widths and writes the header.
    fn begin(&self, out: &mut impl Write) -> Outcome<Vec<usize>> {
        let least = if self.is_stream { STREAM_WIDTH_MIN } else { 1 };
        let names = || self.schema.fields().iter().map(|f| f.name());
        let mut widths: Vec<usize> = names().map(|n| n.width().max(least)).collect();
        for row in &self.held {
            for (width, text) in widths.iter_mut().zip(row) {
                *width = text.width().min(CELL_WIDTH_MAX).max(*width);
            }
        }
        let header: Vec<String> = names()
            .zip(&widths)
            .map(|(n, w)| padded(n, *w, false))
            .collect();
        let rule: Vec<String> = widths.iter().map(|w| "─".repeat(w + 2)).collect();
        writeln!(
            out,
            " {}\n{}",
            header.join(" │ ").trim_end(),
            rule.join("┼")
        )?;
        Ok(widths)
    }
}

fn padded(text: &str, width: usize, to_the_right: bool) -> String {
    let space = " ".repeat(width.saturating_sub(text.width()));
    if to_the_right {
        format!("{space}{text}")
    } else {
        format!("{text}{space}")
    }
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

/// Whether a cell is null; all are in a column that has no type, which Arrow does not say.
pub(super) fn is_null(column: &dyn Array, row: usize) -> bool {
    column.is_null(row) || column.data_type() == &DataType::Null
}

/// What turns the cells of a batch into text.
pub(super) fn formatters(batch: &RecordBatch) -> Outcome<Vec<ArrayFormatter<'_>>> {
    const OPTIONS: FormatOptions<'static> = FormatOptions::new()
        .with_display_error(true)
        .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
        .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.fZ"));
    let columns = batch.columns().iter();
    columns
        .map(|c| ArrayFormatter::try_new(c.as_ref(), &OPTIONS))
        .collect::<Result<_, _>>()
        .map_err(|e| Failure::failed(format!("cannot write rows as text: {e}")))
}
