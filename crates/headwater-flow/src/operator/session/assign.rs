//! Assigns rows to sessions: for plans that use the window table function without an aggregate that could take it in.
//! A session's rows are kept as a list, and come out when it is emitted, each with the session's bounds.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, ListArray, RecordBatch, StructArray, UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};

use crate::batch::ZBatch;
use crate::error::{Error, ErrorKind, Result};
use crate::operator::window::{WindowAggregate, WindowAggregateSpec, WindowColumn, WindowMode};
use crate::operator::{AggregateCall, AggregateFunction, EpochContext, Operator, Outbox};
use crate::plan::WindowSpec;
use crate::state::StateVisitor;
use crate::time::Watermark;

/// Sessions of rows.
#[derive(Debug, Clone)]
pub struct SessionAssignSpec {
    /// Inactivity that ends a session, microseconds.
    pub gap: i64,
    /// The time column of the input.
    pub time: usize,
    /// The key columns of the input: `PARTITION BY`.
    pub keys: Vec<usize>,
    /// The columns of the input.
    pub input: SchemaRef,
    /// The columns of the output: those of the input, then `window_start`, `window_end` and `window_time`.
    pub output: SchemaRef,
    /// When sessions are emitted.
    pub mode: WindowMode,
    /// How long after its end a session still takes rows, microseconds of event time.
    pub allowed_lateness: i64,
    /// The input never deletes rows.
    pub append_only: bool,
    /// The time column is `PROCTIME()`.
    pub processing_time: bool,
}

/// One shard of the assignment of rows to sessions.
pub struct SessionAssign {
    sessions: WindowAggregate,
    /// The columns that go into the sessions: time, keys, and the row.
    columns: Vec<usize>,
    fields: Fields,
    inner: SchemaRef,
    output: SchemaRef,
}

impl SessionAssign {
    /// An assignment without rows.
    ///
    /// # Errors
    /// `Unsupported` for columns whose values cannot be kept; `Invalid` if the gap is not positive.
    pub fn new(spec: SessionAssignSpec) -> Result<Self> {
        let fields = spec.input.fields().clone();
        let columns: Vec<usize> = [spec.time].into_iter().chain(spec.keys).collect();
        let row = DataType::Struct(fields.clone());
        let mut inner: Vec<Field> = columns
            .iter()
            .map(|c| spec.input.field(*c).clone())
            .collect();
        inner.push(Field::new("row", row.clone(), false));
        let inner = Arc::new(Schema::new(inner));
        let list = DataType::List(Arc::new(Field::new("item", row, true)));
        let bounds = spec.output.fields().iter().skip(fields.len()).cloned();
        let mut sessions: Vec<Arc<Field>> = bounds.collect();
        sessions.push(Arc::new(Field::new("rows", list.clone(), true)));
        let call = AggregateCall {
            function: AggregateFunction::ArrayAgg,
            args: vec![columns.len()],
            distinct: false,
            filter: None,
            order_by: Vec::new(),
            return_type: list,
            ignore_nulls: false,
        };
        let sessions = WindowAggregate::new(WindowAggregateSpec {
            window: WindowSpec::Session {
                gap: spec.gap,
                partition_by: Vec::new(),
            },
            time: 0,
            keys: (1..columns.len()).collect(),
            input: Arc::clone(&inner),
            calls: vec![call],
            columns: vec![WindowColumn::Start, WindowColumn::End, WindowColumn::Time],
            output: Arc::new(Schema::new(sessions)),
            mode: spec.mode,
            allowed_lateness: spec.allowed_lateness,
            append_only: spec.append_only,
            processing_time: spec.processing_time,
        })?;
        Ok(Self {
            sessions,
            columns,
            fields,
            inner,
            output: spec.output,
        })
    }

    /// The rows of sessions.
    fn spread(&self, sessions: &ZBatch) -> Result<ZBatch> {
        let columns = sessions.rows().columns();
        let Some((rows, bounds)) = columns.split_last() else {
            return Err(Error::new(ErrorKind::Bug, "sessions have no rows"));
        };
        let rows: &ListArray = rows.as_list();
        let mut of = Vec::with_capacity(rows.values().len());
        for (session, window) in rows.value_offsets().windows(2).enumerate() {
            of.extend((window[0]..window[1]).map(|_| session as u32));
        }
        let (from, to) = (rows.value_offsets()[0], rows.value_offsets()[rows.len()]);
        let values = rows.values().slice(from as usize, (to - from) as usize);
        let mut out: Vec<ArrayRef> = values.as_struct().columns().to_vec();
        let of = UInt32Array::from(of);
        for bound in bounds {
            out.push(take(bound, &of, None)?);
        }
        let weights = sessions.weights().map(|weights| {
            let weights = of.values().iter().map(|i| weights.value(*i as usize));
            Int64Array::from_iter_values(weights)
        });
        ZBatch::new(
            RecordBatch::try_new(Arc::clone(&self.output), out)?,
            weights,
        )
    }
}

impl Operator for SessionAssign {
    fn push(
        &mut self,
        context: &EpochContext,
        port: usize,
        rows: ZBatch,
        out: &mut Outbox,
    ) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let all = rows.rows().columns();
        let row = StructArray::try_new(self.fields.clone(), all.to_vec(), None)?;
        let mut columns: Vec<ArrayRef> =
            self.columns.iter().map(|c| Arc::clone(&all[*c])).collect();
        columns.push(Arc::new(row));
        let inner = RecordBatch::try_new(Arc::clone(&self.inner), columns)?;
        self.sessions
            .push(context, port, rows.with_rows(inner)?, out)
    }

    fn finish(&mut self, context: &EpochContext, out: &mut Outbox) -> Result<()> {
        let mut inner = Outbox::default();
        self.sessions.finish(context, &mut inner)?;
        for sessions in &inner.rows {
            out.rows.push(self.spread(sessions)?);
        }
        out.late.append(&mut inner.late);
        out.timer = out.timer.into_iter().chain(inner.timer).min();
        Ok(())
    }

    fn watermark(&self, input: Watermark) -> Watermark {
        self.sessions.watermark(input)
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        self.sessions.visit_state(visitor)
    }

    fn restored(&mut self) -> Result<()> {
        self.sessions.restored()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::TimestampMillisecondArray;
    use arrow::datatypes::{Int64Type, TimeUnit, TimestampMillisecondType};

    use super::*;

    #[test]
    fn rows_come_out_with_the_bounds_of_their_session() {
        let time = DataType::Timestamp(TimeUnit::Millisecond, None);
        let input = vec![
            Field::new("t", time.clone(), true),
            Field::new("k", DataType::Int64, true),
        ];
        let bounds = ["window_start", "window_end", "window_time"];
        let bounds = bounds.map(|name| Field::new(name, time.clone(), false));
        let output: Vec<Field> = input.iter().cloned().chain(bounds).collect();
        let mut operator = SessionAssign::new(SessionAssignSpec {
            gap: 10_000,
            time: 0,
            keys: vec![1],
            input: Arc::new(Schema::new(input.clone())),
            output: Arc::new(Schema::new(output)),
            mode: WindowMode::OnClose,
            allowed_lateness: 0,
            append_only: true,
            processing_time: false,
        })
        .expect("is supported");
        let rows = RecordBatch::try_new(
            Arc::new(Schema::new(input)),
            vec![
                Arc::new(TimestampMillisecondArray::from(vec![3, 40, 1, 12, 5])),
                Arc::new(Int64Array::from(vec![1, 1, 1, 1, 2])),
            ],
        );
        let context = EpochContext {
            epoch: 1,
            processing_time: 0,
            watermark_before: Watermark::MIN,
            watermark: Watermark::MAX,
        };
        let mut out = Outbox::default();
        let rows = ZBatch::append_only(rows.expect("fits"));
        operator
            .push(&context, 0, rows, &mut out)
            .expect("takes rows");
        operator.finish(&context, &mut out).expect("finishes");
        let mut found = Vec::new();
        for batch in &out.rows {
            let ms = |c: usize| {
                batch
                    .rows()
                    .column(c)
                    .as_primitive::<TimestampMillisecondType>()
            };
            let keys = batch.rows().column(1).as_primitive::<Int64Type>();
            for i in 0..batch.num_rows() {
                found.push((
                    keys.value(i),
                    ms(0).value(i),
                    ms(2).value(i),
                    ms(3).value(i),
                ));
            }
        }
        found.sort_unstable();
        let expected = [
            (1, 1, 1, 22),
            (1, 3, 1, 22),
            (1, 12, 1, 22),
            (1, 40, 40, 50),
            (2, 5, 5, 15),
        ];
        assert_eq!(found, expected);
    }
}
