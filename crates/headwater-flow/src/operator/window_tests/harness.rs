//! Random rows, shards of operators, and the reference.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, TimestampMillisecondArray, UInt64Array,
};
use arrow::datatypes::{
    DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMillisecondType,
};
use rand::Rng;
use rand::rngs::StdRng;

use crate::batch::{RowTrack, ZBatch};
use crate::connector::LateRow;
use crate::operator::{
    AggregateCall, AggregateFunction, EpochContext, Operator, Outbox, WindowAggregate,
    WindowAggregateSpec, WindowColumn, WindowMode,
};
use crate::plan::WindowSpec;
use crate::state::{FrozenState, SavedState};
use crate::time::Watermark;

pub(super) const MS: i64 = 1_000;

/// A row of input; times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) time: Option<i64>,
    pub(super) key: Option<i64>,
    pub(super) value: Option<i64>,
    pub(super) weight: i64,
}

/// A window and the key: start and end in milliseconds.
pub(super) type Group = (i64, i64, Option<i64>);
/// count(*), sum, min, count(DISTINCT).
pub(super) type Results = (i64, Option<i64>, Option<i64>, i64);
pub(super) type Table = BTreeMap<Group, Results>;

pub(super) fn input_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("t", DataType::Timestamp(TimeUnit::Millisecond, None), true),
        Field::new("k", DataType::Int64, true),
        Field::new("v", DataType::Int64, true),
    ]))
}

/// The operator of `window` with count(*), sum, min and count(DISTINCT).
pub(super) fn operator(
    window: &WindowSpec,
    mode: WindowMode,
    change: impl FnOnce(&mut WindowAggregateSpec),
) -> Box<dyn Operator> {
    let mut spec = spec(window, mode);
    change(&mut spec);
    Box::new(WindowAggregate::new(spec).unwrap())
}

/// As [`operator`] over rows whose time is the end of their window.
pub(super) fn attached(change: impl FnOnce(&mut WindowAggregateSpec)) -> Box<dyn Operator> {
    let none = WindowSpec::Tumble { size: 0, offset: 0 };
    let mut spec = spec(&none, WindowMode::OnClose);
    change(&mut spec);
    Box::new(WindowAggregate::attached(spec).unwrap())
}

fn spec(window: &WindowSpec, mode: WindowMode) -> WindowAggregateSpec {
    let bound = DataType::Timestamp(TimeUnit::Millisecond, None);
    let output = Schema::new(vec![
        Field::new("k", DataType::Int64, true),
        Field::new("window_end", bound.clone(), false),
        Field::new("window_start", bound.clone(), false),
        Field::new("window_time", bound, false),
        Field::new("count", DataType::Int64, true),
        Field::new("sum", DataType::Int64, true),
        Field::new("min", DataType::Int64, true),
        Field::new("distinct", DataType::Int64, true),
    ]);
    WindowAggregateSpec {
        window: window.clone(),
        time: 0,
        keys: vec![1],
        input: input_schema(),
        calls: calls(),
        columns: vec![
            WindowColumn::Key(0),
            WindowColumn::End,
            WindowColumn::Start,
            WindowColumn::Time,
        ],
        output: Arc::new(output),
        mode,
        allowed_lateness: 0,
        append_only: true,
        processing_time: false,
    }
}

fn calls() -> Vec<AggregateCall> {
    let call = |function, args: &[usize], distinct| AggregateCall {
        function,
        args: args.to_vec(),
        distinct,
        filter: None,
        order_by: Vec::new(),
        return_type: DataType::Int64,
        ignore_nulls: false,
    };
    vec![
        call(AggregateFunction::Count, &[], false),
        call(AggregateFunction::Sum, &[2], false),
        call(AggregateFunction::Min, &[2], false),
        call(AggregateFunction::Count, &[2], true),
    ]
}

/// Rows that go on in time by about a step each, some out of order by more.
pub(super) fn random_rows(rng: &mut StdRng, count: usize, deletes: bool) -> Vec<Row> {
    let (step, disorder, keys) = (
        rng.random_range(1..4),
        rng.random_range(1..40),
        rng.random_range(1..4),
    );
    let mut rows: Vec<Row> = Vec::new();
    for i in 0..count as i64 {
        if deletes && !rows.is_empty() && rng.random_bool(0.3) {
            let row = rows[rng.random_range(rows.len().saturating_sub(20)..rows.len())];
            let net: i64 = (rows.iter())
                .filter(|r| (r.time, r.key, r.value) == (row.time, row.key, row.value))
                .map(|r| r.weight)
                .sum();
            if net > 0 {
                rows.push(Row { weight: -1, ..row });
                continue;
            }
        }
        let late = if rng.random_bool(0.1) { 5 } else { 1 };
        rows.push(Row {
            time: (rng.random_bool(0.97))
                .then(|| i * step - 50 + rng.random_range(-disorder * late..=0)),
            key: rng.random_bool(0.9).then(|| rng.random_range(0..keys)),
            value: rng.random_bool(0.9).then(|| rng.random_range(0..5)),
            weight: 1,
        });
    }
    rows
}

/// Rows as a batch, with their bounds in microseconds.
pub(super) fn batch(rows: &[Row], first: usize, bounds: Option<&[i64]>) -> ZBatch {
    let times: TimestampMillisecondArray = rows.iter().map(|r| r.time).collect();
    let column = |of: fn(&Row) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<Int64Array>())
    };
    let columns = vec![
        Arc::new(times) as ArrayRef,
        column(|r| r.key),
        column(|r| r.value),
    ];
    let batch = RecordBatch::try_new(input_schema(), columns).unwrap();
    let weights = (rows.iter().any(|r| r.weight != 1))
        .then(|| rows.iter().map(|r| r.weight).collect::<Vec<_>>().into());
    let track = bounds.map(|bounds| RowTrack {
        bounds: Int64Array::from(bounds.to_vec()),
        origins: UInt64Array::from_iter_values((0..rows.len()).map(|i| (first + i) as u64)),
        derived: false,
    });
    ZBatch::new(batch, weights)
        .unwrap()
        .with_track(track)
        .unwrap()
}

/// What came of a run.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) table: Table,
    pub(super) late: Vec<LateRow>,
    pub(super) retractions: usize,
}

/// Shards of an operator, by key.
pub(super) struct Shards<F> {
    make: F,
    operators: Vec<Box<dyn Operator>>,
    context: EpochContext,
    pub(super) outcome: Outcome,
}

impl<F: Fn() -> Box<dyn Operator>> Shards<F> {
    pub(super) fn new(shards: usize, make: F) -> Self {
        Self {
            operators: (0..shards).map(|_| make()).collect(),
            make,
            context: EpochContext {
                epoch: 1,
                processing_time: 0,
                watermark_before: Watermark::MIN,
                watermark: Watermark::MIN,
            },
            outcome: Outcome::default(),
        }
    }

    pub(super) fn push(&mut self, rows: &[Row], first: usize, bounds: Option<&[i64]>) {
        let batch = batch(rows, first, bounds);
        let count = self.operators.len() as i64;
        for (shard, operator) in self.operators.iter_mut().enumerate() {
            let mine = |r: &Row| Some(r.key.unwrap_or(0) % count == shard as i64);
            let part = batch.filter(&rows.iter().map(mine).collect()).unwrap();
            let mut out = Outbox::default();
            operator.push(&self.context, 0, part, &mut out).unwrap();
            self.outcome.take(out);
        }
    }

    pub(super) fn finish(&mut self, watermark: Watermark) {
        self.context.watermark = watermark;
        for operator in &mut self.operators {
            let mut out = Outbox::default();
            operator.finish(&self.context, &mut out).unwrap();
            self.outcome.take(out);
        }
        self.context.watermark_before = watermark;
        self.context.epoch += 1;
    }

    /// Replaces the operators by new ones with their state; `saved` holds earlier snapshots.
    pub(super) fn restart(&mut self, saved: &mut [SavedState]) {
        for (operator, saved) in self.operators.iter_mut().zip(saved) {
            let frozen = FrozenState::freeze(false, |v| operator.visit_state(v)).unwrap();
            saved.overlay(&frozen.encode().unwrap()).unwrap();
            *operator = (self.make)();
            saved.restore(|v| operator.visit_state(v)).unwrap();
            operator.restored().unwrap();
        }
    }
}

impl Outcome {
    fn take(&mut self, out: Outbox) {
        self.late.extend(out.late);
        for batch in &out.rows {
            for i in 0..batch.num_rows() {
                self.change(batch, i);
            }
        }
    }

    /// Adds an output row; one that is there already, or deletes what is not there, is an error.
    fn change(&mut self, batch: &ZBatch, i: usize) {
        let number = |c: usize| {
            let column = batch.rows().column(c).as_primitive::<Int64Type>();
            column.is_valid(i).then(|| column.value(i))
        };
        let bound = |c: usize| {
            let column = batch.rows().column(c);
            column.as_primitive::<TimestampMillisecondType>().value(i)
        };
        assert_eq!(bound(3), bound(1) - 1);
        let group = (bound(2), bound(1), number(0));
        let results = (number(4).unwrap(), number(5), number(6), number(7).unwrap());
        match batch.weight(i) {
            1 => assert_eq!(self.table.insert(group, results), None, "{group:?}"),
            -1 => {
                assert_eq!(self.table.remove(&group), Some(results), "{group:?}");
                self.retractions += 1;
            }
            other => panic!("weight {other}"),
        }
    }
}

/// Aggregates rows by group, naively; groups without rows are left out.
pub(super) fn reference(rows: impl Iterator<Item = (Group, Row)>) -> Table {
    let mut groups: BTreeMap<Group, BTreeMap<Option<i64>, i64>> = BTreeMap::new();
    for (group, row) in rows {
        *groups
            .entry(group)
            .or_default()
            .entry(row.value)
            .or_default() += row.weight;
    }
    let table = groups.into_iter().filter_map(|(group, values)| {
        let count: i64 = values.values().sum();
        let there: BTreeSet<i64> = (values.iter())
            .filter(|(_, n)| **n > 0)
            .filter_map(|(v, _)| *v)
            .collect();
        let sum: i64 = values.iter().map(|(v, n)| v.unwrap_or(0) * n).sum();
        let sum = (!there.is_empty()).then_some(sum);
        let results = (count, sum, there.first().copied(), there.len() as i64);
        (count > 0).then_some((group, results))
    });
    table.collect()
}

/// A way to cut a run into epochs and restart it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) shards: usize,
    pub(super) epoch: usize,
    pub(super) restarts: f64,
    pub(super) mode: WindowMode,
}

impl Cut {
    pub(super) fn random(rng: &mut StdRng, mode: WindowMode) -> Self {
        Self {
            shards: rng.random_range(1..4),
            epoch: rng.random_range(1..40),
            restarts: 0.15,
            mode,
        }
    }
}

/// `count` seeds from `first`; twenty times as many in a soak.
#[expect(
    clippy::disallowed_methods,
    reason = "a soak is asked for by the environment"
)]
pub(super) fn seeds(first: u64, count: u64) -> std::ops::Range<u64> {
    let times = if std::env::var_os("HEADWATER_SOAK").is_some() {
        20
    } else {
        1
    };
    first..first + count * times
}
