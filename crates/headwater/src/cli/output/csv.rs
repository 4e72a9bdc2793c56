//! Rows as RFC 4180 text: a header, nulls empty, empty texts quoted.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use super::table::{formatters, is_null};
use crate::cli::exit::Outcome;

/// Writes the names of the columns.
pub(super) fn header(out: &mut impl Write, schema: &Schema) -> Outcome {
    let names = schema.fields().iter().map(|f| Some(f.name().clone()));
    line(out, names)
}

/// Writes rows.
pub(super) fn rows(out: &mut impl Write, batch: &RecordBatch) -> Outcome {
    let formatters = formatters(batch)?;
    for row in 0..batch.num_rows() {
        let cells = formatters.iter().zip(batch.columns());
        line(
            out,
            cells
                .map(|(cell, column)| (!is_null(column, row)).then(|| cell.value(row).to_string())),
        )?;
    }
    Ok(())
}

fn line(out: &mut impl Write, cells: impl Iterator<Item = Option<String>>) -> Outcome {
    let cells: Vec<String> = cells.map(|c| c.map(quoted).unwrap_or_default()).collect();
    writeln!(out, "{}", cells.join(","))?;
    Ok(())
}

fn quoted(text: String) -> String {
    if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}
