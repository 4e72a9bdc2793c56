//! Plans with windows, lowered and run.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::util::pretty::pretty_format_batches;
use datafusion_common::Column;
use datafusion_expr::{Expr, Extension, LogicalPlan, LogicalPlanBuilder, col, lit};
use datafusion_functions_aggregate::expr_fn::{count, max};

use super::{Emit, Lowered, OutputPlan, PlanOptions, lower};
use crate::batch::ZBatch;
use crate::connector::Options;
use crate::operator::Stateless;
use crate::plan::{
    Changes, ColumnDef, ColumnKind, StreamTable, TableDef, WatermarkDef, WindowNode, WindowSpec,
};
use crate::time::{InputTime, Watermark};

const MS: i64 = 1_000;

fn scan() -> LogicalPlan {
    let column = |name: &str, data_type| ColumnDef {
        name: name.to_owned(),
        data_type,
        nullable: true,
        kind: ColumnKind::Physical,
    };
    let def = TableDef {
        name: "t".to_owned(),
        columns: vec![
            column("ts", DataType::Timestamp(TimeUnit::Millisecond, None)),
            column("k", DataType::Int64),
            column("v", DataType::Int64),
        ],
        watermark: Some(WatermarkDef {
            column: "ts".to_owned(),
            expr: Expr::Column(Column::new_unqualified("ts")),
            idle_timeout: None,
            allowed_lateness: Duration::ZERO,
        }),
        primary_key: Vec::new(),
        changes: Changes::Append,
        connector: "test".to_owned(),
        options: Options::default(),
    };
    let source = Arc::new(StreamTable::new(Arc::new(def)));
    let scan = LogicalPlanBuilder::scan("t", source, None);
    scan.unwrap().build().unwrap()
}

fn window(spec: WindowSpec) -> LogicalPlanBuilder {
    let time = Column::from_qualified_name("t.ts");
    let node = WindowNode::try_new(Arc::new(scan()), time, spec).unwrap();
    let node = Arc::new(node);
    LogicalPlanBuilder::from(LogicalPlan::Extension(Extension { node }))
}

fn lowered(plan: LogicalPlan, emit: Emit) -> Lowered {
    let output = OutputPlan {
        name: "out".to_owned(),
        plan,
        emit,
        view: false,
        has_key: false,
        required: Vec::new(),
        fails: true,
    };
    let options = PlanOptions {
        shards: 2,
        pool: None,
    };
    lower(&[output], &options).unwrap()
}

/// Runs rows of (ts, k, v) in one epoch that ends with `watermark`; the output sorted, with weights.
fn run(plan: &mut Lowered, epoch: u64, rows: &[(i64, i64, i64)], watermark: Watermark) -> String {
    let input = &plan.inputs[0];
    let columns = input.schema.fields().iter().map(|f| -> ArrayRef {
        match f.name().as_str() {
            "ts" => Arc::new(TimestampMillisecondArray::from_iter_values(
                rows.iter().map(|r| r.0),
            )),
            "k" => Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.1))),
            _ => Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.2))),
        }
    });
    let batch = RecordBatch::try_new(Arc::clone(&input.schema), columns.collect()).unwrap();
    let batch = ZBatch::append_only(batch);
    let batch = match &input.prepare {
        Some(calc) => calc.apply(batch).unwrap(),
        None => {
            let columns = batch.rows().columns().to_vec();
            ZBatch::append_only(RecordBatch::try_new(Arc::clone(&input.rows), columns).unwrap())
        }
    };
    let mut batches = plan.circuit.push(epoch, 0, &[vec![batch]]).unwrap().outputs;
    let time = InputTime {
        watermark,
        idle: false,
    };
    let finished = plan.circuit.finish(epoch, 0, &[time]).unwrap();
    batches[0].extend(finished.outputs.into_iter().flatten());
    let mut lines: Vec<String> = Vec::new();
    for batch in &batches[0] {
        let fields = batch.schema().fields().to_vec();
        let weight = Arc::new(Field::new("weight", DataType::Int64, false));
        let schema = Schema::new(fields.into_iter().chain([weight]).collect::<Vec<_>>());
        let mut columns = batch.rows().columns().to_vec();
        let weights = (0..batch.num_rows()).map(|i| batch.weight(i));
        columns.push(Arc::new(Int64Array::from_iter_values(weights)));
        let rows = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
        let text = pretty_format_batches(&[rows]).unwrap().to_string();
        let rows = text.lines().skip(3).filter(|l| l.starts_with("| "));
        let words = |l: &str| l.split_whitespace().collect::<Vec<_>>().join(" ");
        lines.extend(rows.map(|l| words(l).replace("1970-01-01T00:00:0", "")));
    }
    lines.sort();
    lines.join("\n")
}

const TUMBLE: WindowSpec = WindowSpec::Tumble {
    size: 10 * MS,
    offset: 0,
};

#[test]
fn an_aggregate_over_aggregated_windows_closes_with_them() {
    let counts = window(TUMBLE)
        .aggregate(
            vec![col("t.k"), col("t.window_start"), col("t.window_end")],
            vec![count(lit(1)).alias("n")],
        )
        .unwrap();
    let most = counts
        .aggregate(
            vec![col("t.window_start"), col("t.window_end")],
            vec![max(col("n"))],
        )
        .unwrap();
    let mut plan = lowered(most.build().unwrap(), Emit::OnClose);
    assert_eq!(plan.outputs[0].updating, None, "{}", plan.explain);
    let rows = [(1, 1, 0), (2, 1, 0), (3, 2, 0), (11, 1, 0)];
    let first = run(&mut plan, 1, &rows, Watermark(9 * MS));
    insta::assert_snapshot!(first, @"| 0 | 0.010 | 2 | 1 |");
    let second = run(&mut plan, 2, &[(12, 2, 0)], Watermark::MAX);
    insta::assert_snapshot!(second, @"| 0.010 | 0.020 | 1 | 1 |");
}

#[test]
fn an_aggregate_that_reads_the_bounds_of_windows_still_emits_on_close() {
    let hop = WindowSpec::Hop {
        slide: 5 * MS,
        size: 10 * MS,
        offset: 0,
    };
    let after = window(hop)
        .filter(col("t.window_start").gt_eq(lit(
            datafusion_common::ScalarValue::TimestampMillisecond(Some(0), None),
        )))
        .unwrap()
        .aggregate(
            vec![col("t.k"), col("t.window_end")],
            vec![max(col("t.window_start")), count(lit(1))],
        )
        .unwrap();
    let mut plan = lowered(after.build().unwrap(), Emit::OnClose);
    assert_eq!(plan.outputs[0].updating, None, "{}", plan.explain);
    let first = run(&mut plan, 1, &[(1, 1, 0), (7, 1, 0)], Watermark(9 * MS));
    insta::assert_snapshot!(first, @"| 1 | 0.010 | 0 | 2 | 1 |");
    let second = run(&mut plan, 2, &[(8, 1, 0)], Watermark::MAX);
    insta::assert_snapshot!(second, @"| 1 | 0.015 | 0.005 | 2 | 1 |");
}

#[test]
fn sessions_partitioned_otherwise_than_grouped_are_made_first() {
    let session = WindowSpec::Session {
        gap: 10 * MS,
        partition_by: vec![Column::from_qualified_name("t.k")],
    };
    let rows = window(session.clone());
    let mut plan = lowered(rows.build().unwrap(), Emit::OnClose);
    let found = run(
        &mut plan,
        1,
        &[(1, 1, 7), (9, 1, 8), (3, 2, 9)],
        Watermark::MAX,
    );
    insta::assert_snapshot!(found, @r"
    | 0.001 | 1 | 7 | 0.001 | 0.019 | 0.018 | 1 |
    | 0.003 | 2 | 9 | 0.003 | 0.013 | 0.012 | 1 |
    | 0.009 | 1 | 8 | 0.001 | 0.019 | 0.018 | 1 |
    ");
    let all = window(session)
        .aggregate(
            vec![col("t.window_start"), col("t.window_end")],
            vec![count(lit(1))],
        )
        .unwrap();
    let mut plan = lowered(all.build().unwrap(), Emit::OnClose);
    let found = run(
        &mut plan,
        1,
        &[(1, 1, 7), (9, 1, 8), (1, 2, 9), (9, 2, 9)],
        Watermark::MAX,
    );
    insta::assert_snapshot!(found, @"| 0.001 | 0.019 | 4 | 1 |");
}

#[test]
fn a_changing_aggregate_over_changing_windows_retracts_what_it_said() {
    let counts = window(TUMBLE)
        .aggregate(
            vec![col("t.k"), col("t.window_end")],
            vec![count(lit(1)).alias("n")],
        )
        .unwrap();
    let most = counts.aggregate(vec![col("t.window_end")], vec![max(col("n"))]);
    let mut plan = lowered(most.unwrap().build().unwrap(), Emit::Changes);
    let first = run(
        &mut plan,
        1,
        &[(1, 1, 0), (2, 1, 0), (3, 2, 0)],
        Watermark(3 * MS),
    );
    insta::assert_snapshot!(first, @"| 0.010 | 2 | 1 |");
    let second = run(&mut plan, 2, &[(4, 1, 0)], Watermark(4 * MS));
    insta::assert_snapshot!(second, @r"
    | 0.010 | 2 | -1 |
    | 0.010 | 3 | 1 |
    ");
    let third = run(&mut plan, 3, &[(14, 1, 0)], Watermark(14 * MS));
    insta::assert_snapshot!(third, @"| 0.020 | 1 | 1 |");
}
