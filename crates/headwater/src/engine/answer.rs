//! What a statement answers.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::stream::Changes;
use crate::error::{Error, ErrorKind, Result};

/// What a statement answers.
#[derive(Debug)]
pub enum Answer {
    /// It is done; what to tell a person.
    Done(String),
    /// It is done, but not what one might expect.
    Warning(String),
    /// Rows.
    Rows(Rows),
    /// A job or materialised view runs.
    Started {
        /// Its name.
        job: String,
        /// Whether its inputs end by nature or are cut off, so that it ends by itself.
        is_bounded: bool,
        /// Whether this statement started it; else it ran, or had finished, already.
        is_new: bool,
    },
    /// A stream of changes, of a query with `EMIT`.
    Changes(Changes),
}

/// Rows that answer a statement.
#[derive(Debug, Clone)]
pub struct Rows {
    /// Their columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// The number of the commit up to which all topics and views were read: whoever asks later sees at least as much, and
    /// two answers of one commit are of the same data. `None` for what is not read from the log.
    pub commit: Option<u64>,
}

/// The answers of a text's statements, in order.
pub type Answers = Vec<Answer>;

/// Rows of text.
pub(super) fn texts(names: &[&str], rows: &[Vec<String>]) -> Result<Answer> {
    let fields = names.iter().map(|n| Field::new(*n, DataType::Utf8, false));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let column = |i: usize| -> ArrayRef {
        let cells = rows.iter().map(|r| r.get(i).map_or("", String::as_str));
        Arc::new(StringArray::from_iter_values(cells))
    };
    let columns = (0..names.len()).map(column).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)
        .map_err(|e| Error::new(ErrorKind::Bug, format!("rows of text do not fit: {e}")))?;
    Ok(Answer::Rows(Rows {
        schema,
        batches: vec![batch],
        commit: None,
    }))
}
