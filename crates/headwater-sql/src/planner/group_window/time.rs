//! The event-time column of a plan: the one that its table's watermark is about, as long as it is handed on as it is.

use datafusion_common::Column;
use datafusion_expr::{Expr, Extension, LogicalPlan};
use headwater_flow::plan::{StreamTable, WindowNode};

/// The place of the event-time column among the columns of `plan`.
fn place(plan: &LogicalPlan) -> Option<usize> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let source: &dyn std::any::Any = scan.source.as_ref();
            let table = source.downcast_ref::<StreamTable>()?;
            let watermark = table.def().watermark.as_ref()?;
            let fields = scan.projected_schema.fields();
            fields.iter().position(|f| *f.name() == watermark.column)
        }
        LogicalPlan::Projection(projection) => {
            let below = column(&projection.input)?;
            let is_it = |e: &Expr| match e {
                Expr::Column(c) => *c == below,
                Expr::Alias(a) => matches!(&*a.expr, Expr::Column(c) if *c == below),
                _ => false,
            };
            projection.expr.iter().position(is_it)
        }
        LogicalPlan::SubqueryAlias(alias) => place(&alias.input),
        LogicalPlan::Filter(filter) => place(&filter.input),
        LogicalPlan::Union(union) => {
            let mut places = union.inputs.iter().map(|i| place(i));
            let first = places.next()??;
            places.all(|p| p == Some(first)).then_some(first)
        }
        LogicalPlan::Extension(Extension { node }) => {
            let window = node.as_any().downcast_ref::<WindowNode>()?;
            // `window_time`, the last one.
            Some(
                datafusion_expr::UserDefinedLogicalNodeCore::schema(window)
                    .fields()
                    .len()
                    - 1,
            )
        }
        LogicalPlan::Aggregate(aggregate) => {
            let below = column(&aggregate.input)?;
            let is_it = |e: &Expr| matches!(e, Expr::Column(c) if *c == below);
            aggregate.group_expr.iter().position(is_it)
        }
        _ => None,
    }
}

/// The event-time column of `plan`.
pub(super) fn column(plan: &LogicalPlan) -> Option<Column> {
    let place = place(plan)?;
    plan.schema().columns().into_iter().nth(place)
}
