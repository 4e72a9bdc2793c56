//! The `print` connector: rows as text, `+I[1, abc]`, to a writer that the top crate gives. At least once: what was
//! written but not committed is written again after a crash.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use headwater_flow::connector::{
    Connector, OptionKind, OptionSpec, Sink, SinkRequest, Source, SourceRequest,
};
use headwater_flow::{Changelog, Error, ErrorKind, Result, ZBatch};

use crate::plain;
use crate::temporal::TimestampStyle;

/// Where `print` writes: to an output, or to another one where `'standard-error' = 'true'`.
#[derive(Clone)]
pub struct PrintTarget {
    output: Arc<Mutex<dyn Write + Send>>,
    error: Arc<Mutex<dyn Write + Send>>,
}

impl std::fmt::Debug for PrintTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrintTarget")
    }
}

impl PrintTarget {
    /// Prints to `writer`, and to standard error.
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Self::both(writer, io::stderr())
    }

    /// Prints to `output`, and to `error` what is to go to standard error.
    pub fn both(output: impl Write + Send + 'static, error: impl Write + Send + 'static) -> Self {
        Self {
            output: Arc::new(Mutex::new(output)),
            error: Arc::new(Mutex::new(error)),
        }
    }

    /// Prints to a writer that others use too.
    pub fn shared(writer: Arc<Mutex<dyn Write + Send>>) -> Self {
        Self {
            error: Arc::clone(&writer),
            output: writer,
        }
    }

    fn write(&self, to_error: bool, text: &[u8]) -> io::Result<()> {
        let writer = if to_error { &self.error } else { &self.output };
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(text)?;
        writer.flush()
    }
}

/// Prints rows.
#[derive(Debug, Clone)]
pub struct PrintConnector {
    target: PrintTarget,
}

impl PrintConnector {
    /// Prints to `target`.
    pub fn new(target: PrintTarget) -> Self {
        Self { target }
    }
}

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "print-identifier",
        OptionKind::Text,
        "Stands before each row, with `> `.",
    ),
    OptionSpec::new(
        "standard-error",
        OptionKind::Flag,
        "Print to standard error (default false: to standard output).",
    ),
];

impl Connector for PrintConnector {
    fn name(&self) -> &'static str {
        "print"
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn source(&self, request: SourceRequest) -> Result<Box<dyn Source>> {
        let text = format!("table '{}' cannot be read: it prints", request.table);
        Err(Error::new(ErrorKind::Unsupported, text))
    }

    fn sink(&self, request: SinkRequest) -> Result<Box<dyn Sink>> {
        let identifier = request.options.get("print-identifier");
        Ok(Box::new(Print {
            target: self.target.clone(),
            to_error: request.options.flag("standard-error", false)?,
            prefix: identifier.map(|i| format!("{i}> ")).unwrap_or_default(),
            changelog: Changelog::new(request.schema, request.row_key),
            pending: Vec::new(),
        }))
    }
}

struct Print {
    target: PrintTarget,
    to_error: bool,
    prefix: String,
    changelog: Changelog,
    /// The text of epochs that are not committed yet.
    pending: Vec<(u64, Vec<u8>)>,
}

impl Sink for Print {
    fn write(
        &mut self,
        epoch: u64,
        rows: &[ZBatch],
        _commit: &mut headwater_log::Commit,
    ) -> Result<()> {
        let mut text = Vec::new();
        let (kinds, rows) = self.changelog.changes(rows)?;
        for (row, kind) in kinds.into_iter().enumerate() {
            text.extend_from_slice(self.prefix.as_bytes());
            text.extend_from_slice(kind.as_str().as_bytes());
            write_row(rows.columns(), row, &mut text);
            text.push(b'\n');
        }
        self.pending.push((epoch, text));
        Ok(())
    }

    fn committed(&mut self, epoch: u64) -> Result<()> {
        while self.pending.first().is_some_and(|(e, _)| *e <= epoch) {
            let (_, text) = self.pending.remove(0);
            if !text.is_empty() {
                self.target.write(self.to_error, &text).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn recover(&mut self, _epoch: u64) -> Result<()> {
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}

fn failed(e: io::Error) -> Error {
    let kind = match e.kind() {
        io::ErrorKind::BrokenPipe => ErrorKind::Closed,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, "cannot print").with_source(e)
}

fn write_row(columns: &[ArrayRef], row: usize, out: &mut Vec<u8>) {
    out.push(b'[');
    for (i, column) in columns.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        write_value(column.as_ref(), row, out);
    }
    out.push(b']');
}

/// Writes a value as Flink's `print` does.
fn write_value(column: &dyn Array, row: usize, out: &mut Vec<u8>) {
    if column.is_null(row) {
        return out.extend_from_slice(b"null");
    }
    if column.data_type() != &DataType::Binary
        && plain::write(column, row, TimestampStyle::Java, out)
    {
        return;
    }
    write_nested(column, row, out);
}

fn write_nested(column: &dyn Array, row: usize, out: &mut Vec<u8>) {
    match column.data_type() {
        DataType::Binary => {
            let bytes = column.as_binary::<i32>().value(row);
            write!(out, "{bytes:?}").expect("a vector takes every byte");
        }
        DataType::Struct(_) => {
            out.extend_from_slice(b"+I");
            write_row(column.as_struct().columns(), row, out);
        }
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            out.push(b'[');
            for i in 0..items.len() {
                if i > 0 {
                    out.extend_from_slice(b", ");
                }
                write_value(items.as_ref(), i, out);
            }
            out.push(b']');
        }
        DataType::Map(_, _) => {
            let entries = column.as_map().value(row);
            out.push(b'{');
            for i in 0..entries.len() {
                if i > 0 {
                    out.extend_from_slice(b", ");
                }
                write_value(entries.column(0).as_ref(), i, out);
                out.push(b'=');
                write_value(entries.column(1).as_ref(), i, out);
            }
            out.push(b'}');
        }
        // Formats refuse other types before a row comes here.
        _ => {}
    }
}
