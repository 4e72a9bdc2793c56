//! From a query that groups by a window to one over its table function.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, GroupByExpr, Ident, OrderByKind, Query, Select, SelectItem,
    SetExpr, Spanned, TableFactor, TableFunctionArgs, TableWithJoins, Value, VisitMut, VisitorMut,
    With,
};

use super::auxiliary::Auxiliary;
use super::call::GroupWindow;
use super::time;
use crate::error::{Result, SqlError};
use crate::planner::Planner;
use crate::planner::call::{call, query_of};
use crate::statement::{self, PARTITION_BY};

/// Rewrites every SELECT of the query.
pub(in crate::planner) fn rewrite(query: &mut Box<Query>, planner: Planner<'_>) -> Result<()> {
    let mut rewriter = Rewriter {
        planner,
        withs: Vec::new(),
    };
    match VisitMut::visit(query, &mut rewriter) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Rewriter<'a> {
    planner: Planner<'a>,
    /// The WITH clauses of the queries around.
    withs: Vec<Option<With>>,
}

impl VisitorMut for Rewriter<'_> {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        self.withs.push(query.with.clone());
        match self.query(query) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<SqlError> {
        self.withs.pop();
        ControlFlow::Continue(())
    }
}

impl Rewriter<'_> {
    fn query(&self, query: &mut Query) -> Result<()> {
        let window = self.set_expr(&mut query.body)?;
        let mut auxiliary = Auxiliary::new(window.as_ref());
        if let Some(order_by) = &mut query.order_by
            && let OrderByKind::Expressions(exprs) = &mut order_by.kind
        {
            for order in exprs {
                auxiliary.replace(&mut order.expr)?;
            }
        }
        Ok(())
    }

    /// The window of the SELECT, if the query is just one.
    fn set_expr(&self, body: &mut SetExpr) -> Result<Option<GroupWindow>> {
        match body {
            SetExpr::Select(s) => self.select(s),
            SetExpr::SetOperation { left, right, .. } => {
                self.set_expr(left)?;
                self.set_expr(right).map(|_| None)
            }
            _ => Ok(None),
        }
    }

    fn select(&self, select: &mut Select) -> Result<Option<GroupWindow>> {
        let Some((at, window)) = group_window(select)? else {
            let mut none = Auxiliary::new(None);
            for item in &mut select.projection {
                none.replace(item)?;
            }
            return Ok(None);
        };
        let GroupByExpr::Expressions(groups, _) = &mut select.group_by else {
            return Ok(None);
        };
        groups.remove(at);
        let keys = groups.clone();
        let mut auxiliary = Auxiliary::new(Some(&window));
        for item in &mut select.projection {
            name_window(item, &window);
            auxiliary.replace(item)?;
        }
        if let Some(having) = &mut select.having {
            auxiliary.replace(having)?;
        }
        let columns = match auxiliary.uses_time {
            true => &["window_start", "window_end", "window_time"][..],
            false => &["window_start", "window_end"][..],
        };
        groups.extend(columns.iter().map(|c| Expr::Identifier(Ident::new(*c))));
        let input = input_query(select);
        let time = match &window.time {
            Some(time) => time.clone(),
            None => self.event_time(&input, &window)?,
        };
        select.from = vec![table_function(&window, time, input, &keys)];
        Ok(Some(window))
    }

    /// The event-time column of what the window is over.
    fn event_time(&self, input: &Query, window: &GroupWindow) -> Result<Expr> {
        let mut ast = input.clone();
        let ctes = self.withs.iter().flatten();
        let mut with: Option<With> = None;
        for outer in ctes {
            match &mut with {
                None => with = Some(outer.clone()),
                Some(with) => with.cte_tables.extend(outer.cte_tables.iter().cloned()),
            }
        }
        ast.with = with;
        let plan = self
            .planner
            .query(&statement::Query::of_ast(ast, window.expr.span()))?;
        let Some(column) = time::column(&plan) else {
            let function = window.function;
            return Err(SqlError::invalid(format!(
                "{function} without a time column needs an input whose watermark says which one it is"
            ))
            .at(window.expr.span())
            .with_hint(format!("write {function}(ts, …), or give the table WATERMARK FOR ts AS …")));
        };
        let quoted = |name: &str| Ident::with_quote('`', name);
        let table = column.relation.as_ref().map(|r| quoted(r.table()));
        let mut parts: Vec<Ident> = table.into_iter().chain([quoted(&column.name)]).collect();
        Ok(match parts.len() {
            1 => Expr::Identifier(parts.remove(0)),
            _ => Expr::CompoundIdentifier(parts),
        })
    }
}

/// The window that a SELECT groups by, and its place in GROUP BY: itself, or an alias or number of what it selects.
fn group_window(select: &Select) -> Result<Option<(usize, GroupWindow)>> {
    let GroupByExpr::Expressions(groups, _) = &select.group_by else {
        return Ok(None);
    };
    let selected = |expr: &Expr| match expr {
        Expr::Identifier(ident) => select.projection.iter().find_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias }
                if alias.value.eq_ignore_ascii_case(&ident.value) =>
            {
                GroupWindow::new(expr)
            }
            _ => None,
        }),
        Expr::Value(number) => {
            let Value::Number(n, _) = &number.value else {
                return None;
            };
            let at = n.to_string().parse::<usize>().ok()?.checked_sub(1)?;
            match select.projection.get(at)? {
                SelectItem::UnnamedExpr(e) | SelectItem::ExprWithAlias { expr: e, .. } => {
                    GroupWindow::new(e)
                }
                _ => None,
            }
        }
        _ => None,
    };
    let windows = groups.iter().enumerate();
    let windows = windows.filter_map(|(i, e)| {
        let window = GroupWindow::new(e).or_else(|| selected(e))?;
        Some((i, window))
    });
    let windows: Vec<_> = windows.collect();
    if let [_, (at, second), ..] = &windows[..] {
        let span = groups.get(*at).map_or(second.expr.span(), Spanned::span);
        return Err(SqlError::invalid("a query groups by one window").at(span));
    }
    Ok(windows.into_iter().next())
}

/// Arroyo's window has a name even if it was given none.
fn name_window(item: &mut SelectItem, window: &GroupWindow) {
    if let SelectItem::UnnamedExpr(expr) = item
        && window.time.is_none()
        && window.is(expr)
    {
        *item = SelectItem::ExprWithAlias {
            expr: expr.clone(),
            alias: Ident::new("window"),
        };
    }
}

/// `SELECT * FROM … WHERE …`: what the windows are over.
fn input_query(select: &mut Select) -> Query {
    let mut inner = select.clone();
    inner.projection = vec![SelectItem::Wildcard(Default::default())];
    inner.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
    inner.having = None;
    inner.qualify = None;
    inner.distinct = None;
    select.selection = None;
    query_of(inner)
}

fn table_function(window: &GroupWindow, time: Expr, input: Query, keys: &[Expr]) -> TableWithJoins {
    let arg = |e: Expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(e));
    let mut list = vec![arg(Expr::Subquery(Box::new(input)))];
    let columns = keys
        .iter()
        .all(|k| matches!(k, Expr::Identifier(_) | Expr::CompoundIdentifier(_)));
    if window.function == "SESSION" && columns && !keys.is_empty() {
        list.push(arg(call(PARTITION_BY, keys.to_vec())));
    }
    list.push(arg(time));
    list.extend(window.lengths.iter().cloned().map(arg));
    let ident = Ident::with_span(window.expr.span(), window.function);
    TableWithJoins {
        relation: TableFactor::Table {
            name: vec![ident].into(),
            alias: None,
            args: Some(TableFunctionArgs {
                args: list,
                settings: None,
            }),
            with_hints: Vec::new(),
            version: None,
            with_ordinality: false,
            partitions: Vec::new(),
            json_path: None,
            sample: None,
            index_hints: Vec::new(),
        },
        joins: Vec::new(),
    }
}
