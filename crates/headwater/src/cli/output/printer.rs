//! One result on its way out: a schema, then batches, then an end.

use std::io::Write;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::{csv, json, table::Table};
use crate::cli::args::Format;
use crate::cli::exit::Outcome;

/// Writes the batches of one result.
pub(crate) struct Printer<W> {
    out: W,
    form: Form,
}

enum Form {
    Table(Table),
    Json { rows: u64 },
    Jsonl,
    Csv,
}

impl<W: Write> Printer<W> {
    /// A printer for rows of a schema. A stream is written as it comes; other results may wait for their end.
    pub(crate) fn new(
        mut out: W,
        format: Format,
        schema: &SchemaRef,
        is_stream: bool,
    ) -> Outcome<Self> {
        let form = match format {
            Format::Table => Form::Table(Table::new(Arc::clone(schema), is_stream)),
            Format::Json => Form::Json { rows: 0 },
            Format::Jsonl => Form::Jsonl,
            Format::Csv => {
                csv::header(&mut out, schema)?;
                out.flush()?;
                Form::Csv
            }
        };
        Ok(Self { out, form })
    }

    /// Writes a batch.
    pub(crate) fn batch(&mut self, batch: &RecordBatch) -> Outcome {
        match &mut self.form {
            Form::Table(table) => table.batch(&mut self.out, batch)?,
            Form::Json { rows } => {
                for line in json::lines(batch)? {
                    let lead = if *rows == 0 { "[\n  " } else { ",\n  " };
                    self.out.write_all(lead.as_bytes())?;
                    self.out.write_all(&line)?;
                    *rows += 1;
                }
            }
            Form::Jsonl => {
                for line in json::lines(batch)? {
                    self.out.write_all(&line)?;
                    self.out.write_all(b"\n")?;
                }
            }
            Form::Csv => csv::rows(&mut self.out, batch)?,
        }
        self.out.flush()?;
        Ok(())
    }

    /// Writes what is still held back.
    pub(crate) fn end(mut self) -> Outcome<W> {
        match self.form {
            Form::Table(table) => table.end(&mut self.out)?,
            Form::Json { rows: 0 } => self.out.write_all(b"[]\n")?,
            Form::Json { .. } => self.out.write_all(b"\n]\n")?,
            Form::Jsonl | Form::Csv => {}
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        ArrayRef, Decimal128Array, Int64Array, StringArray, TimestampMillisecondArray,
    };

    use super::*;

    const ROWS: [&str; 2] = [
        r#"{"name":"a \"b\", c","n":1,"price":123456789012345678.90,"at":"2013-01-25T00:00:00.123Z"}"#,
        r#"{"name":"ü","n":null,"price":null,"at":"1970-01-01T00:00:00Z"}"#,
    ];

    fn batch() -> RecordBatch {
        let price = Decimal128Array::from(vec![Some(12_345_678_901_234_567_890), None]);
        let price = price.with_precision_and_scale(22, 2).expect("fits");
        let at = TimestampMillisecondArray::from(vec![Some(1_359_072_000_123), Some(0)]);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("name", Arc::new(StringArray::from(vec!["a \"b\", c", "ü"]))),
            ("n", Arc::new(Int64Array::from(vec![Some(1), None]))),
            ("price", Arc::new(price)),
            ("at", Arc::new(at.with_timezone("UTC"))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
            .expect("columns fit")
    }

    fn written(format: Format, batches: &[RecordBatch], is_stream: bool) -> String {
        let schema = batch().schema();
        let mut printer = Printer::new(Vec::new(), format, &schema, is_stream).expect("starts");
        for batch in batches {
            printer.batch(batch).expect("writes");
        }
        String::from_utf8(printer.end().expect("ends")).expect("is text")
    }

    #[test]
    fn tables_are_aligned() {
        let expected = [
            " name     │ n    │ price                 │ at",
            "──────────┼──────┼───────────────────────┼──────────────────────────",
            " a \"b\", c │    1 │ 123456789012345678.90 │ 2013-01-25 00:00:00.123Z",
            " ü        │ NULL │                  NULL │ 1970-01-01 00:00:00Z",
        ];
        let text = written(Format::Table, &[batch()], false);
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn streamed_tables_write_their_header_once() {
        let text = written(Format::Table, &[batch(), batch()], true);
        assert_eq!(text.matches("price").count(), 1);
        assert_eq!(text.lines().count(), 2 + 4);
    }

    #[test]
    fn json_is_one_array_with_exact_numbers() {
        let [first, second] = ROWS;
        let expected = format!("[\n  {first},\n  {second}\n]\n");
        assert_eq!(written(Format::Json, &[batch()], false), expected);
        assert_eq!(written(Format::Json, &[], false), "[]\n");
    }

    #[test]
    fn json_lines_are_complete_rows() {
        let text = written(Format::Jsonl, &[batch()], false);
        assert_eq!(text.lines().collect::<Vec<_>>(), ROWS);
        assert_eq!(written(Format::Jsonl, &[], false), "");
    }

    #[test]
    fn csv_quotes_what_must_be_quoted() {
        let expected = [
            "name,n,price,at",
            "\"a \"\"b\"\", c\",1,123456789012345678.90,2013-01-25 00:00:00.123Z",
            "ü,,,1970-01-01 00:00:00Z",
        ];
        let text = written(Format::Csv, &[batch()], false);
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }
}
