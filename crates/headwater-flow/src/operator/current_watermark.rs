//! The watermark beside each row: what the row is judged late against. For `CURRENT_WATERMARK(ts)`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};

use super::Stateless;
use crate::batch::ZBatch;
use crate::error::{Error, ErrorKind, Result};

/// Adds a column with the watermark just before each row; null before the first.
#[derive(Debug)]
pub struct CurrentWatermark {
    schema: SchemaRef,
}

impl CurrentWatermark {
    /// `schema` is that of the output: the input's columns and a timestamp in microseconds.
    pub fn new(schema: SchemaRef) -> Self {
        Self { schema }
    }
}

impl Stateless for CurrentWatermark {
    fn apply(&self, input: ZBatch) -> Result<ZBatch> {
        let bounds = match input.track() {
            Some(track) => track.bounds.clone(),
            None if input.num_rows() == 0 => Int64Array::from(Vec::<i64>::new()),
            None => {
                let text = "rows have no watermark of their own";
                return Err(Error::new(ErrorKind::Bug, text));
            }
        };
        let known = bounds.iter().map(|b| b.filter(|b| *b != i64::MIN));
        let marks: Int64Array = known.collect();
        let marks: ArrayRef = Arc::new(marks.reinterpret_cast::<TimestampMicrosecondType>());
        let columns = input.rows().columns().iter().cloned();
        let columns: Vec<ArrayRef> = columns.chain([marks]).collect();
        input.with_rows(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, UInt64Array};
    use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

    use super::*;
    use crate::batch::RowTrack;

    #[test]
    fn rows_get_the_watermark_that_they_are_judged_by() {
        let number = Field::new("n", DataType::Int64, true);
        let mark = DataType::Timestamp(TimeUnit::Microsecond, None);
        let output = Schema::new(vec![number.clone(), Field::new("w", mark, true)]);
        let rows = RecordBatch::try_new(
            Arc::new(Schema::new(vec![number])),
            vec![Arc::new(Int64Array::from(vec![1, 2]))],
        );
        let track = RowTrack {
            bounds: Int64Array::from(vec![i64::MIN, 5]),
            origins: UInt64Array::from(vec![0, 1]),
            derived: false,
        };
        let rows = ZBatch::append_only(rows.expect("fits")).with_track(Some(track));
        let operator = CurrentWatermark::new(Arc::new(output));
        let marked = operator.apply(rows.expect("fits")).expect("has tracks");
        let marks = marked.rows().column(1);
        let marks = marks.as_primitive::<TimestampMicrosecondType>();
        assert_eq!(marks.iter().collect::<Vec<_>>(), [None, Some(5)]);
    }
}
