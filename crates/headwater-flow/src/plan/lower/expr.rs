//! Expressions over numbered columns, and the operators that compute them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, DFSchema, DataFusionError, Result};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::{Expr, ExprSchemable};
use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};

use super::clock;
use super::interval;
use super::share::share;
use super::usage::field_path;
use crate::circuit::EpochClock;
use crate::functions::checked;
use crate::operator::{Calc, Projection, Results};

/// The name of column `i` of a relation inside the engine.
pub(super) fn column_name(i: usize) -> String {
    format!("#{i}")
}

/// Column `i` of the rows that a relation is computed from.
pub(super) fn column(i: usize) -> Expr {
    Expr::Column(Column::new_unqualified(column_name(i)))
}

/// Qualifies columns that are no columns of a relation's schema, but of its base.
const BASE: &str = "#";

/// Column `i` of the base in an expression over the columns of a relation's schema.
pub(super) fn base_column(i: usize) -> Expr {
    Expr::Column(Column::new(Some(BASE), column_name(i)))
}

/// Whether a column was made by [`base_column`].
pub(super) fn is_of_base(column: &Column) -> bool {
    column.relation.as_ref().is_some_and(|r| r.table() == BASE)
}

/// The number of a column made by [`column`].
pub(super) fn column_index(column: &Column) -> Option<usize> {
    column.name.strip_prefix('#')?.parse().ok()
}

/// A schema of numbered columns.
pub(super) fn numbered(types: impl IntoIterator<Item = (DataType, bool)>) -> SchemaRef {
    let fields = types.into_iter().enumerate();
    let fields = fields.map(|(i, (t, nullable))| Field::new(column_name(i), t, nullable));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// `expr` without aliases, its columns (of `schema`) replaced by `with`. Columns of [`base_column`]
/// are those of the base.
pub(super) fn substitute(expr: Expr, schema: &DFSchema, with: &[Expr]) -> Result<Expr> {
    let replaced = expr.transform_down(|e| match e {
        Expr::Column(base) if is_of_base(&base) => {
            let expr = Expr::Column(Column::new_unqualified(base.name));
            Ok(Transformed::new(expr, true, TreeNodeRecursion::Jump))
        }
        Expr::Column(column) => {
            let i = schema.index_of_column(&column)?;
            Ok(Transformed::new(
                with[i].clone(),
                true,
                TreeNodeRecursion::Jump,
            ))
        }
        Expr::Alias(alias) => {
            let inner = substitute(*alias.expr, schema, with)?;
            Ok(Transformed::new(inner, true, TreeNodeRecursion::Jump))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(replaced.data)
}

/// Whether computing `expr` twice costs nothing.
pub(super) fn is_leaf(expr: &Expr) -> bool {
    field_path(expr).is_some() || matches!(expr, Expr::Literal(..))
}

/// An expression ready to run over batches of `schema`.
///
/// # Errors
/// If the expression does not fit the schema.
pub fn physical(
    expr: &Expr,
    schema: &SchemaRef,
    clock: &EpochClock,
) -> Result<Arc<dyn PhysicalExpr>> {
    let expr = clock::bind(expr.clone(), clock)?;
    let schema = DFSchema::try_from(Arc::clone(schema))?;
    let expr = interval::exact(expr, &schema)?;
    let expr = checked(expr, &schema)?.data;
    create_physical_expr(
        &expr,
        &schema,
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    )
}

/// The type of `expr` over `schema`, and whether it may be null.
pub(super) fn type_of(expr: &Expr, schema: &SchemaRef) -> Result<(DataType, bool)> {
    let schema = DFSchema::try_from(Arc::clone(schema))?;
    let (_, field) = expr.to_field(&schema)?;
    Ok((field.data_type().clone(), field.is_nullable()))
}

/// The operator that filters rows of `base` by `predicate` and computes `exprs` as the columns of `output`; `None` if
/// it would do nothing.
pub(super) fn calc(
    base: &SchemaRef,
    predicate: Option<&Expr>,
    exprs: &[Expr],
    output: &SchemaRef,
    clock: &EpochClock,
) -> Result<Option<Calc>> {
    let identity = exprs.len() == base.fields().len()
        && exprs.iter().enumerate().all(|(i, e)| *e == column(i))
        && base.fields() == output.fields();
    if predicate.is_none() && identity {
        return Ok(None);
    }
    let mut exprs: Vec<Expr> = predicate.into_iter().chain(exprs).cloned().collect();
    let filters = usize::from(predicate.is_some());
    let early = share(&mut exprs, filters, base.fields().len())?;
    let early = computed(early, base, clock)?;
    let input = early.as_ref().map_or(base, |e| &e.schema);
    let predicate = exprs.drain(..filters).next();
    let predicate = predicate.map(|p| physical(&p, input, clock)).transpose()?;
    let over = |exprs: &[Expr], schema: &SchemaRef| -> Result<Vec<Arc<dyn PhysicalExpr>>> {
        exprs.iter().map(|e| physical(e, schema, clock)).collect()
    };
    if exprs.iter().all(is_leaf) {
        let leaves = Projection {
            exprs: over(&exprs, input)?,
            schema: Arc::clone(output),
        };
        return Ok(Some(Calc::new(early, predicate, leaves, None)));
    }
    let mut cut = Leaves::default();
    let exprs = exprs.into_iter().map(|e| cut.cut(e));
    let mut exprs = exprs.collect::<Result<Vec<_>>>()?;
    let types = cut.exprs.iter().map(|e| type_of(e, input));
    let leaves = Projection {
        exprs: over(&cut.exprs, input)?,
        schema: numbered(types.collect::<Result<Vec<_>>>()?),
    };
    let all = exprs.len();
    let late = share(&mut exprs, all, leaves.exprs.len())?;
    let late = computed(late, &leaves.schema, clock)?;
    let rows = late.as_ref().map_or(&leaves.schema, |l| &l.schema);
    let results = Projection {
        exprs: over(&exprs, rows)?,
        schema: Arc::clone(output),
    };
    let results = Results { late, results };
    Ok(Some(Calc::new(early, predicate, leaves, Some(results))))
}

/// Columns to be computed behind those of `base`; the schema is that of both.
fn computed(exprs: Vec<Expr>, base: &SchemaRef, clock: &EpochClock) -> Result<Option<Projection>> {
    if exprs.is_empty() {
        return Ok(None);
    }
    let fields = base.fields().iter();
    let mut types: Vec<_> = fields
        .map(|f| (f.data_type().clone(), f.is_nullable()))
        .collect();
    for expr in &exprs {
        types.push(type_of(expr, base)?);
    }
    let exprs = exprs.iter().map(|e| physical(e, base, clock));
    Ok(Some(Projection {
        exprs: exprs.collect::<Result<_>>()?,
        schema: numbered(types),
    }))
}

/// The distinct columns and struct fields that expressions read.
#[derive(Default)]
struct Leaves {
    exprs: Vec<Expr>,
}

impl Leaves {
    /// `expr` over the leaves.
    fn cut(&mut self, expr: Expr) -> Result<Expr> {
        let cut = expr.transform_down(|e| {
            if field_path(&e).is_none() {
                return Ok(Transformed::no(e));
            }
            let found = self.exprs.iter().position(|leaf| *leaf == e);
            let i = found.unwrap_or_else(|| {
                self.exprs.push(e);
                self.exprs.len() - 1
            });
            Ok(Transformed::new(column(i), true, TreeNodeRecursion::Jump))
        })?;
        Ok(cut.data)
    }
}

/// A construct that streaming does not do yet.
pub(super) fn unsupported(what: &str) -> DataFusionError {
    DataFusionError::NotImplemented(format!("{what} in a continuous query is not supported yet"))
}
