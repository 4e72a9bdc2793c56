//! `headwater log verify`: what is damaged in a data directory, and where. Reads everything, changes nothing.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use headwater_log::{ErrorKind, Finding, VerifyReport, verify_dir};

use super::args::Format;
use super::exit::{Failure, Outcome};
use super::output::Printer;
use super::style::say;

/// Verifies a data directory: the findings go to standard output, and any is a failure.
pub(crate) fn verify(dir: &Path, format: Format) -> Outcome {
    let report = verify_dir(dir).map_err(|e| match e.kind() {
        ErrorKind::NotFound => Failure::failed(format!("there is no log in '{}'", dir.display())),
        _ => e.into(),
    })?;
    print(&report.findings, format)?;
    say(format_args!("{}", summary(&report)));
    match report.findings.len() {
        0 => Ok(()),
        found => Err(Failure::failed(format!(
            "log in {} is damaged: {found} findings",
            dir.display()
        ))
        .with_hint("nothing has been changed; restore the named files from a copy")),
    }
}

fn summary(report: &VerifyReport) -> String {
    format!(
        "read {} files, {} bytes, {} batches, {} records up to commit {}: {} findings",
        report.files,
        report.bytes,
        report.batches,
        report.records,
        report.last_commit,
        report.findings.len()
    )
}

/// Writes findings; of a sound log nothing but what a script needs to see that there are none.
fn print(findings: &[Finding], format: Format) -> Outcome {
    if findings.is_empty() && matches!(format, Format::Table) {
        return Ok(());
    }
    let text = |of: fn(&Finding) -> Option<String>| -> ArrayRef {
        Arc::new(findings.iter().map(of).collect::<StringArray>())
    };
    let number = |of: fn(&Finding) -> Option<u64>| -> ArrayRef {
        Arc::new(findings.iter().map(of).collect::<UInt64Array>())
    };
    let columns: [(&str, ArrayRef); 6] = [
        ("file", text(|f| Some(f.file.clone()))),
        ("byte", number(|f| Some(f.at))),
        ("topic", text(|f| f.of.as_ref().map(|of| of.topic.clone()))),
        (
            "partition",
            number(|f| f.of.as_ref().map(|of| of.partition.into())),
        ),
        ("offset", number(|f| f.offset.map(|offset| offset.0))),
        ("what", text(|f| Some(f.what.clone()))),
    ];
    let rows =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
            .map_err(|e| Failure::failed(format!("cannot make rows: {e}")))?;
    let mut printer = Printer::new(std::io::stdout().lock(), format, &rows.schema(), false)?;
    printer.batch(&rows)?;
    printer.end().map(drop)
}
