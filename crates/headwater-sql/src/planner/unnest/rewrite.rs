//! `a CROSS JOIN UNNEST(a.tags) AS t (tag)` as one relation, made of what stands before and what is unnested.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, Join, JoinConstraint, JoinOperator, ObjectName,
    Select, SetExpr, Spanned, TableAlias, TableFactor, TableFunctionArgs, TableWithJoins, Value,
    VisitMut, VisitorMut,
};
use sqlparser::tokenizer::Span;

use crate::error::{Result, SqlError};
use crate::planner::call;

/// Names of the function that stands for both; nobody can write them.
const INNER: &str = "__unnest";
const LEFT: &str = "__left_unnest";

/// Rewrites every UNNEST that has a table before it.
pub(in crate::planner) fn rewrite<T: VisitMut>(node: &mut T) -> Result<()> {
    match VisitMut::visit(node, &mut Rewriter) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Rewriter;

impl VisitorMut for Rewriter {
    type Break = SqlError;

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        let mut from: Vec<TableWithJoins> = Vec::new();
        for table in std::mem::take(&mut select.from) {
            match (from.last_mut(), &table.relation) {
                // `FROM a, UNNEST(a.tags)`.
                (Some(before), TableFactor::UNNEST { .. }) => {
                    before.joins.push(Join {
                        relation: table.relation,
                        global: false,
                        join_operator: JoinOperator::CrossJoin(JoinConstraint::None),
                    });
                    before.joins.extend(table.joins);
                }
                _ => from.push(table),
            }
        }
        let select_of = |table| Select {
            from: vec![table],
            ..select.clone()
        };
        let carried: Vec<_> = from.into_iter().map(|t| carried(t, &select_of)).collect();
        for table in carried {
            match table {
                Ok(table) => select.from.push(table),
                Err(error) => return ControlFlow::Break(error),
            }
        }
        ControlFlow::Continue(())
    }
}

fn carried(
    table: TableWithJoins,
    select_of: &impl Fn(TableWithJoins) -> Select,
) -> Result<TableWithJoins> {
    let mut before = TableWithJoins {
        relation: table.relation,
        joins: Vec::new(),
    };
    for join in table.joins {
        if !matches!(join.relation, TableFactor::UNNEST { .. }) {
            before.joins.push(join);
            continue;
        }
        let is_left = is_left(&join)?;
        let carried = Carried::new(before, join.relation, is_left)?;
        before = TableWithJoins {
            relation: carried.into_factor(select_of),
            joins: Vec::new(),
        };
    }
    Ok(before)
}

/// Whether rows without an element are kept.
fn is_left(join: &Join) -> Result<bool> {
    let (is_left, constraint) = match &join.join_operator {
        JoinOperator::CrossJoin(c) | JoinOperator::Join(c) | JoinOperator::Inner(c) => (false, c),
        JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => (true, c),
        _ => {
            let message = "UNNEST stands in a CROSS JOIN, or in a LEFT JOIN ON TRUE";
            return Err(SqlError::unsupported(message).at(join.relation.span()));
        }
    };
    match constraint {
        JoinConstraint::None => Ok(is_left),
        JoinConstraint::On(Expr::Value(v)) if v.value == Value::Boolean(true) => Ok(is_left),
        JoinConstraint::On(condition) => Err(condition_on(condition.span())),
        _ => Err(condition_on(join.relation.span())),
    }
}

fn condition_on(span: Span) -> SqlError {
    SqlError::unsupported("a join with UNNEST has no condition")
        .at(span)
        .with_hint("write ON TRUE, and filter in WHERE")
}

/// An UNNEST with what stands before it.
#[derive(Debug)]
pub(in crate::planner) struct Carried {
    /// The tables before.
    pub(super) before: TableWithJoins,
    /// What is unnested, side by side.
    pub(super) lists: Vec<Expr>,
    /// Its names.
    pub(super) alias: Option<TableAlias>,
    /// `WITH ORDINALITY`.
    pub(super) with_ordinality: bool,
    /// Rows without an element are kept.
    pub(super) is_left: bool,
}

impl Carried {
    fn new(before: TableWithJoins, unnest: TableFactor, is_left: bool) -> Result<Self> {
        let span = unnest.span();
        match unnest {
            TableFactor::UNNEST {
                alias,
                array_exprs,
                with_offset: false,
                with_ordinality,
                ..
            } => Ok(Self {
                before,
                lists: array_exprs,
                alias,
                with_ordinality,
                is_left,
            }),
            _ => Err(SqlError::unsupported("UNNEST WITH OFFSET is not supported")
                .at(span)
                .with_hint("write WITH ORDINALITY, which counts from 1")),
        }
    }

    /// The tables before are the FROM of a SELECT of which nothing else is read.
    fn into_factor(self, select_of: &impl Fn(TableWithJoins) -> Select) -> TableFactor {
        let argument = |expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
        let before = call::query_of(select_of(self.before));
        let before = Expr::Subquery(Box::new(before));
        let args = std::iter::once(before).chain(self.lists).map(argument);
        let name = Ident::new(if self.is_left { LEFT } else { INNER });
        TableFactor::Table {
            name: ObjectName::from(vec![name]),
            alias: self.alias,
            args: Some(TableFunctionArgs {
                args: args.collect(),
                settings: None,
            }),
            with_hints: Vec::new(),
            version: None,
            with_ordinality: self.with_ordinality,
            partitions: Vec::new(),
            json_path: None,
            sample: None,
            index_hints: Vec::new(),
        }
    }

    /// What [`rewrite`] has made of an UNNEST, if `factor` is that.
    pub(in crate::planner) fn of(factor: &TableFactor) -> Option<Self> {
        let TableFactor::Table {
            name,
            alias,
            args: Some(args),
            with_ordinality,
            ..
        } = factor
        else {
            return None;
        };
        let is_left = match name.to_string().as_str() {
            INNER => false,
            LEFT => true,
            _ => return None,
        };
        let mut args = args.args.iter().filter_map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
            _ => None,
        });
        let Some(Expr::Subquery(query)) = args.next() else {
            return None;
        };
        let SetExpr::Select(mut select) = *query.body else {
            return None;
        };
        Some(Self {
            before: select.from.pop()?,
            lists: args.collect(),
            alias: alias.clone(),
            with_ordinality: *with_ordinality,
            is_left,
        })
    }
}
