//! What is NOT NULL: rows that have no value there have no place in an output.

use arrow::array::Array;

use super::Stateless;
use crate::batch::ZBatch;
use crate::error::{Error, ErrorKind, Result};

/// Hands rows on as they are, and fails for those that have NULL in a column that must have a value.
#[derive(Debug)]
pub struct Require {
    columns: Vec<usize>,
    output: String,
}

impl Require {
    /// Of the rows of `output` these columns are NOT NULL.
    pub fn new(columns: Vec<usize>, output: impl Into<String>) -> Self {
        Self {
            columns,
            output: output.into(),
        }
    }
}

impl Stateless for Require {
    fn apply(&self, input: ZBatch) -> Result<ZBatch> {
        let is_null = |c: &&usize| input.rows().column(**c).logical_null_count() > 0;
        let Some(column) = self.columns.iter().find(is_null) else {
            return Ok(input);
        };
        let text = format!(
            "column '{}' of '{}' is NOT NULL, and a row has NULL there",
            input.schema().field(*column).name(),
            self.output
        );
        Err(Error::new(ErrorKind::Invalid, text))
    }
}
