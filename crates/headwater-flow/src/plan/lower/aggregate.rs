//! Aggregates: a `Calc` that computes keys, arguments and filters once each, then the keyed operator over its columns.

use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::{Field, SchemaRef};
use datafusion_common::{DFSchema, Result};
use datafusion_expr::Expr;
use datafusion_expr::expr::{
    AggregateFunction as Call, AggregateFunctionParams, GroupingSet as DfGroupingSet, NullTreatment,
};
use datafusion_expr::logical_plan::Aggregate;

use super::build::{Builder, external};
use super::expr::{numbered, unsupported};
use super::relation::{Facts, Relation};
use super::windowed::windowed;
use crate::circuit::Port;
use crate::functions::{narrow, wide_type};
use crate::operator::{
    AggregateCall, AggregateFunction, Exchange, Expand, GroupAggregate, GroupingSet, Operator,
    Stateless,
};
use crate::plan::{ExplainNode, shown};

/// The distinct expressions that an aggregate reads, in the order in which they were first asked for.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) exprs: Vec<Expr>,
}

impl Columns {
    /// The column that holds `expr`.
    pub(super) fn of(&mut self, expr: Expr) -> usize {
        let found = self.exprs.iter().position(|e| *e == expr);
        found.unwrap_or_else(|| {
            self.exprs.push(expr);
            self.exprs.len() - 1
        })
    }
}

impl Builder<'_> {
    /// An aggregate, over windows if it groups by them.
    pub(super) fn aggregate(&mut self, aggregate: &Aggregate) -> Result<Relation> {
        if let [Expr::GroupingSet(sets)] = &aggregate.group_expr[..] {
            let relation = self.relation(&aggregate.input)?;
            return self.grouping_sets(aggregate, sets, relation);
        }
        if let Some(windowed) = windowed(aggregate)? {
            return self.window_aggregate(aggregate, &windowed);
        }
        let relation = self.relation(&aggregate.input)?;
        if self.groups_by_window(aggregate, &relation)? {
            return self.attached_aggregate(aggregate, relation);
        }
        self.group_aggregate(aggregate, relation)
    }

    fn group_aggregate(&mut self, aggregate: &Aggregate, relation: Relation) -> Result<Relation> {
        let over = |e: &Expr| relation.over_base(e);
        let mut columns = Columns::default();
        let groups = aggregate
            .group_expr
            .iter()
            .map(over)
            .collect::<Result<Vec<_>>>()?;
        // Keys first and one column each, even if two groups are the same expression.
        columns.exprs.extend(groups);
        let keys: Vec<usize> = (0..columns.exprs.len()).collect();
        let calls = calls(aggregate, &over, &mut columns)?;
        let schema = relation.output(&columns.exprs)?;
        let relation = relation.compute(&columns.exprs, Arc::clone(&schema), &mut self.calcs)?;
        self.group_node(aggregate, relation, keys, calls)
    }

    /// GROUPING SETS, CUBE, ROLLUP: the keys and the number of the set are the keys.
    fn grouping_sets(
        &mut self,
        aggregate: &Aggregate,
        sets: &DfGroupingSet,
        relation: Relation,
    ) -> Result<Relation> {
        let over = |e: &Expr| relation.over_base(e);
        let keys: Vec<&Expr> = sets.distinct_expr();
        let width = keys.len();
        // Arguments have columns of their own: a key that a set leaves out is null as a key only.
        let mut arguments = Columns::default();
        let mut calls = calls(aggregate, &over, &mut arguments)?;
        calls.iter_mut().for_each(|call| call.shift(width + 1));
        let mut exprs = keys.iter().map(|e| over(e)).collect::<Result<Vec<_>>>()?;
        exprs.extend(arguments.exprs);
        let types = relation.output(&exprs)?;
        let fields = types.fields().iter();
        let mut types: Vec<_> = fields.map(|f| (f.data_type().clone(), true)).collect();
        let schema = numbered(types.clone());
        let id = aggregate.schema.field(width).data_type().clone();
        types.insert(width, (id, false));
        let expanded = numbered(types);
        let expand = Expand::new(grouping_sets(sets, &keys), Arc::clone(&expanded));
        let mut relation = relation.compute(&exprs, schema, &mut self.calcs)?;
        let expand: Arc<dyn Stateless> = Arc::new(expand);
        for feed in &mut relation.feeds {
            feed.chain.push(Arc::clone(&expand));
        }
        let id_name = "grouping_id".to_owned();
        relation.names.insert(width, id_name);
        relation.base = expanded;
        self.group_node(aggregate, relation, (0..=width).collect(), calls)
    }

    /// The keyed operator over computed columns.
    fn group_node(
        &mut self,
        aggregate: &Aggregate,
        relation: Relation,
        keys: Vec<usize>,
        calls: Vec<AggregateCall>,
    ) -> Result<Relation> {
        let append_only = relation.facts.updating.is_none();
        let schema = Arc::clone(&relation.base);
        let calls = widened(calls, &schema);
        let shards = self.shards(&keys);
        let exchange = Exchange::new(&schema, keys.clone(), shards).map_err(external)?;
        let output = output_schema(&aggregate.schema, &calls);
        let name = describe("GroupAggregate", aggregate);
        let make = || {
            let group = GroupAggregate::new(
                keys.clone(),
                &schema,
                &calls,
                Arc::clone(&output),
                append_only,
            )?;
            Ok(Box::new(group) as Box<dyn Operator>)
        };
        let mut explained = explained("GroupAggregate", aggregate, shards)
            .with("changes", "a group changes with each of its rows")
            .with("state", group_state(append_only));
        let feed = self.node(
            name,
            vec![Port {
                feeds: relation.feeds.clone(),
                exchange,
                ordered: false,
            }],
            shards,
            &mut explained,
            make,
        )?;
        let mut facts = Facts {
            inputs: relation.facts.inputs,
            explain: relation.facts.explain,
            lateness: relation.facts.lateness,
            ..Facts::default()
        };
        facts.key = Some(keys);
        facts.updating = Some(match aggregate.group_expr.len() {
            0 => "an aggregate over all rows".to_owned(),
            _ => format!("GROUP BY {}", list(&aggregate.group_expr)),
        });
        facts.explain(explained);
        let schema = Arc::clone(&aggregate.schema);
        Ok(narrowed(Relation::new(feed, output, schema, facts)))
    }
}

/// The calls of an aggregate over `columns`; `over` says what its expressions are in terms of the rows below.
pub(super) fn calls(
    aggregate: &Aggregate,
    over: &dyn Fn(&Expr) -> Result<Expr>,
    columns: &mut Columns,
) -> Result<Vec<AggregateCall>> {
    let fields = aggregate.schema.fields();
    let fields = fields.iter().skip(fields.len() - aggregate.aggr_expr.len());
    let exprs = aggregate.aggr_expr.iter().zip(fields);
    exprs
        .map(|(expr, field)| call(expr, field, over, columns))
        .collect()
}

fn call(
    expr: &Expr,
    field: &Field,
    over: &dyn Fn(&Expr) -> Result<Expr>,
    columns: &mut Columns,
) -> Result<AggregateCall> {
    let Expr::AggregateFunction(Call { func, params }) = expr.clone().unalias() else {
        return Err(unsupported(&format!("aggregate '{expr}'")));
    };
    let AggregateFunctionParams {
        args,
        distinct,
        filter,
        order_by,
        null_treatment,
    } = params;
    let function = AggregateFunction::from_udf(&func);
    let mut arg_columns = Vec::with_capacity(args.len());
    let counts_rows = matches!(args.as_slice(), [Expr::Literal(value, _)] if !value.is_null());
    let args = match function == AggregateFunction::Count && counts_rows && !distinct {
        true => Vec::new(),
        false => args,
    };
    for arg in &args {
        arg_columns.push(columns.of(over(arg)?));
    }
    let filter = filter
        .map(|f| Ok::<_, datafusion_common::DataFusionError>(columns.of(over(&f)?)))
        .transpose()?;
    let mut order = Vec::with_capacity(order_by.len());
    for sort in &order_by {
        let options = SortOptions {
            descending: !sort.asc,
            nulls_first: sort.nulls_first,
        };
        order.push((columns.of(over(&sort.expr)?), options));
    }
    Ok(AggregateCall {
        function,
        args: arg_columns,
        distinct,
        filter,
        order_by: order,
        return_type: field.data_type().clone(),
        ignore_nulls: null_treatment == Some(NullTreatment::IgnoreNulls),
    })
}

/// Which of `keys` each set has.
fn grouping_sets(sets: &DfGroupingSet, keys: &[&Expr]) -> Vec<GroupingSet> {
    let width = keys.len();
    let keeps: Vec<Vec<bool>> = match sets {
        DfGroupingSet::Rollup(_) => (0..=width)
            .rev()
            .map(|n| (0..width).map(|k| k < n).collect())
            .collect(),
        DfGroupingSet::Cube(_) => (0..1_usize << width)
            .map(|left_out| (0..width).map(|k| left_out >> k & 1 == 0).collect())
            .collect(),
        DfGroupingSet::GroupingSets(sets) => sets
            .iter()
            .map(|set| keys.iter().map(|k| set.contains(k)).collect())
            .collect(),
    };
    let before = |i: usize| keeps[..i].iter().filter(|k| **k == keeps[i]).count();
    let numbered = keeps.iter().enumerate();
    numbered
        .map(|(i, keeps)| GroupingSet {
            keeps: keeps.clone(),
            ordinal: before(i),
        })
        .collect()
}

/// The calls over columns of `input`, with sums in types that they always fit into.
pub(super) fn widened(calls: Vec<AggregateCall>, input: &SchemaRef) -> Vec<AggregateCall> {
    let calls = calls.into_iter().map(|call| {
        let name = match call.function {
            AggregateFunction::Sum => "sum",
            AggregateFunction::Avg => "avg",
            _ => return call,
        };
        let of = call.args.first().map(|arg| input.field(*arg).data_type());
        let wide = of.and_then(|of| wide_type(name, of, &call.return_type));
        AggregateCall {
            return_type: wide.unwrap_or(call.return_type),
            ..call
        }
    });
    calls.collect()
}

/// The columns of an aggregate, numbered; those of the calls have the calls' types.
pub(super) fn output_schema(schema: &DFSchema, calls: &[AggregateCall]) -> SchemaRef {
    let groups = schema.fields().len() - calls.len();
    let groups = schema.fields().iter().take(groups);
    let groups = groups.map(|f| (f.data_type().clone(), true));
    let calls = calls.iter().map(|c| (c.return_type.clone(), true));
    numbered(groups.chain(calls))
}

/// The rows of an aggregate, with sums in the types that they have for everybody else.
pub(super) fn narrowed(mut relation: Relation) -> Relation {
    let types = relation.schema.fields().iter();
    let columns = relation.base.fields().iter().zip(types);
    let columns = columns.zip(&mut relation.exprs);
    for ((is, wanted), expr) in columns.filter(|((is, _), _)| is.data_type().is_decimal()) {
        if is.data_type() != wanted.data_type() {
            *expr = narrow(expr.clone(), wanted.data_type());
        }
    }
    relation
}

fn group_state(append_only: bool) -> &'static str {
    match append_only {
        true => "a row a group, for ever",
        false => "a row a group, until the last row of the group is deleted",
    }
}

/// An aggregate, by what its rows are dealt out, and to how many shards.
pub(super) fn explained(name: &str, aggregate: &Aggregate, shards: usize) -> ExplainNode {
    let all = |exprs: &[Expr]| exprs.iter().map(shown).collect::<Vec<_>>().join(", ");
    let keys = all(&aggregate.group_expr);
    let exchange = match (shards, keys.is_empty()) {
        (1, _) => "to one shard".to_owned(),
        (n, true) => format!("to {n} shards"),
        (n, false) => format!("by the key, to {n} shards"),
    };
    ExplainNode::new(name)
        .with("by", keys)
        .with("aggregates", all(&aggregate.aggr_expr))
        .with("exchange", exchange)
}

pub(super) fn describe(name: &str, aggregate: &Aggregate) -> String {
    format!(
        "{name}: by [{}], [{}]",
        list(&aggregate.group_expr),
        list(&aggregate.aggr_expr)
    )
}

pub(super) fn list(exprs: &[Expr]) -> String {
    exprs
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
