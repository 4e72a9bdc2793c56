//! The cut law of circuits: whatever the epochs' cuts, shards and threads, the outputs add up to the same; and a
//! circuit restored from snapshots goes on as if nothing had happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion_expr::Operator as Op;
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::expressions::{BinaryExpr, Column, lit};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rayon::ThreadPoolBuilder;

use super::*;
use crate::ZBatch;
use crate::operator::{
    AggregateCall, AggregateFunction, Calc, Exchange, GroupAggregate, Operator, Projection,
    Stateless, View,
};
use crate::state::SavedState;
use crate::time::{InputTime, Watermark};

fn schema(names: &[(&str, DataType)]) -> SchemaRef {
    let fields = names
        .iter()
        .map(|(n, t)| Field::new(*n, t.clone(), true))
        .collect::<Vec<_>>();
    Arc::new(Schema::new(fields))
}

fn input_schema() -> SchemaRef {
    schema(&[("k", DataType::Utf8), ("v", DataType::Int64)])
}

/// `SELECT n, count(*) FROM (SELECT k, count(*) AS n FROM t WHERE v > 2 GROUP BY k) GROUP BY n`, into a view.
fn circuit(shards: usize, threads: usize) -> Circuit {
    let column = |name: &str, i| Arc::new(Column::new(name, i)) as Arc<dyn PhysicalExpr>;
    let keep = BinaryExpr::new(column("v", 1), Op::Gt, lit(2_i64));
    let keys = schema(&[("k", DataType::Utf8)]);
    let leaves = Projection {
        exprs: vec![column("k", 0)],
        schema: Arc::clone(&keys),
    };
    let calc = Calc::new(None, Some(Arc::new(keep)), leaves, None);
    let count = || AggregateCall {
        function: AggregateFunction::Count,
        args: Vec::new(),
        distinct: false,
        filter: None,
        order_by: Vec::new(),
        return_type: DataType::Int64,
        ignore_nulls: false,
    };
    let counts = schema(&[("k", DataType::Utf8), ("n", DataType::Int64)]);
    let histogram = schema(&[("n", DataType::Int64), ("groups", DataType::Int64)]);
    let first = |_| {
        let output = Arc::clone(&counts);
        let group = GroupAggregate::new(vec![0], &keys, &[count()], output, true);
        Box::new(group.expect("is supported")) as Box<dyn Operator>
    };
    let second = |_| {
        let output = Arc::clone(&histogram);
        let group = GroupAggregate::new(vec![1], &counts, &[count()], output, false);
        Box::new(group.expect("is supported")) as Box<dyn Operator>
    };
    let view = |_| {
        let view = View::new(vec![0], Arc::clone(&histogram), false);
        Box::new(view.expect("is supported")) as Box<dyn Operator>
    };
    let port = |from, chain, schema: &SchemaRef, key| Port {
        feeds: vec![feed(from, chain)],
        exchange: Exchange::new(schema, vec![key], shards).expect("is hashable"),
        ordered: false,
    };
    let node = |name: &str, port, shards| KeyedNode {
        name: name.to_owned(),
        ports: vec![port],
        shards,
    };
    let nodes = vec![
        node(
            "counts",
            port(Producer::Input(0), vec![Arc::new(calc)], &keys, 0),
            (0..shards).map(first).collect(),
        ),
        node(
            "histogram",
            port(Producer::Node(0), Vec::new(), &counts, 1),
            (0..shards).map(second).collect(),
        ),
        node(
            "view",
            port(Producer::Node(1), Vec::new(), &histogram, 0),
            (0..shards).map(view).collect(),
        ),
    ];
    let outputs = vec![vec![feed(Producer::Node(2), Vec::new())]];
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = (threads > 1).then(|| Arc::new(pool.expect("threads start")));
    Circuit::new(1, nodes, outputs, pool, EpochClock::default())
}

fn feed(from: Producer, chain: Vec<Arc<dyn Stateless>>) -> Feed {
    Feed {
        from,
        chain,
        columns: Vec::new(),
    }
}

fn rows(seed: u64) -> RecordBatch {
    let mut rng = StdRng::seed_from_u64(seed);
    let (keys, values): (Vec<String>, Vec<i64>) = (0..2000)
        .map(|_| {
            let key = rng.random_range(0..200_u32).min(rng.random_range(0..200));
            (format!("k{key}"), rng.random_range(0..8))
        })
        .unzip();
    let columns: Vec<arrow::array::ArrayRef> = vec![
        Arc::new(StringArray::from(keys)),
        Arc::new(Int64Array::from(values)),
    ];
    RecordBatch::try_new(input_schema(), columns).expect("fits")
}

type Content = BTreeMap<(i64, i64), i64>;

fn add(content: &mut Content, batches: &[ZBatch]) {
    for batch in batches {
        let column = |i: usize| {
            let column = batch.rows().column(i).as_any();
            column.downcast_ref::<Int64Array>().expect("i64").clone()
        };
        let (n, groups) = (column(0), column(1));
        for i in 0..batch.num_rows() {
            let weight = content.entry((n.value(i), groups.value(i))).or_default();
            *weight += batch.weight(i);
        }
    }
    content.retain(|_, weight| *weight != 0);
}

/// Runs all rows, cut at random, restarting from snapshots at random.
fn run(shards: usize, threads: usize, cut_seed: u64) -> Content {
    let mut rng = StdRng::seed_from_u64(cut_seed);
    let rows = rows(42);
    let mut circuit_now = circuit(shards, threads);
    let mut content = Content::new();
    let mut saved = SavedState::default();
    let (mut at, mut epoch) = (0, 0);
    while at < rows.num_rows() {
        epoch += 1;
        for _ in 0..rng.random_range(0..3) {
            let chunks: Vec<ZBatch> = (0..rng.random_range(0..4))
                .map(|_| {
                    let count = rng.random_range(0..200).min(rows.num_rows() - at);
                    at += count;
                    ZBatch::append_only(rows.slice(at - count, count))
                })
                .collect();
            let pushed = circuit_now.push(epoch, 0, &[chunks]).expect("takes rows");
            add(&mut content, &pushed.outputs[0]);
        }
        let times = [InputTime {
            watermark: Watermark(epoch as i64),
            idle: false,
        }];
        let finished = circuit_now.finish(epoch, 0, &times).expect("finishes");
        add(&mut content, &finished.outputs[0]);
        let frozen = circuit_now.freeze(false).expect("freezes");
        saved
            .overlay(&frozen.encode().expect("encodes"))
            .expect("decodes");
        if rng.random_bool(0.2) {
            circuit_now = circuit(shards, threads);
            circuit_now.restore(&saved, &times).expect("restores");
        }
    }
    assert_eq!(content, contents(&circuit_now), "the view is its changelog");
    content
}

fn contents(circuit: &Circuit) -> Content {
    let batches = circuit
        .contents(0)
        .expect("can be read")
        .expect("is a view");
    let mut content = Content::new();
    let batches: Vec<ZBatch> = batches.into_iter().map(ZBatch::append_only).collect();
    add(&mut content, &batches);
    content
}

fn expected() -> Content {
    let rows = rows(42);
    let keys = rows.column(0).as_any().downcast_ref::<StringArray>();
    let values = rows.column(1).as_any().downcast_ref::<Int64Array>();
    let pairs = keys.expect("text").iter().zip(values.expect("i64").iter());
    let mut counts = BTreeMap::new();
    for (key, _) in pairs.filter(|(_, value)| *value > Some(2)) {
        *counts.entry(key).or_insert(0_i64) += 1;
    }
    let mut histogram = BTreeMap::new();
    for count in counts.values() {
        *histogram.entry(*count).or_insert(0_i64) += 1;
    }
    histogram.into_iter().map(|pair| (pair, 1)).collect()
}

#[test]
fn the_result_does_not_depend_on_cuts_shards_or_threads() {
    let expected = expected();
    for cut_seed in 0..4 {
        for (shards, threads) in [(1, 1), (2, 1), (2, 2), (8, 3)] {
            let found = run(shards, threads, cut_seed);
            assert_eq!(found, expected, "seed {cut_seed}, {shards} shards");
        }
    }
}

#[test]
fn another_number_of_inputs_is_refused() {
    let error = circuit(1, 1).push(1, 0, &[]).expect_err("has one input");
    assert_eq!(error.kind(), crate::ErrorKind::Bug);
}
