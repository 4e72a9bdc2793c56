//! Plans queries against the names that a session knows.

use datafusion_expr::LogicalPlan;
use datafusion_sql::planner::{ParserOptions, SqlToRel};
use sqlparser::ast;

use super::context::{Names, PlanContext};
use super::optimize::optimize;
use super::{
    casing, constants, continuous, fields, group_window, grouping, literals, places, sugar, table,
    unnest,
};
use crate::error::{Result, SqlError};
use crate::statement::{Query, tables_in};

/// How deep views may refer to views.
const MAX_VIEW_DEPTH: usize = 32;

/// Plans queries against the names that a session knows.
#[derive(Clone, Copy)]
pub(crate) struct Planner<'a> {
    pub(super) names: &'a dyn Names,
    depth: usize,
    is_batch: bool,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(names: &'a dyn Names) -> Self {
        Self {
            names,
            depth: 0,
            is_batch: false,
        }
    }

    /// Plans queries that are answered once, over what is there.
    pub(crate) fn batch(self) -> Self {
        Self {
            is_batch: true,
            ..self
        }
    }

    pub(super) fn is_continuous(self) -> bool {
        !self.is_batch
    }

    /// One level further down the views.
    pub(super) fn deeper(self, view: &str) -> Result<Self> {
        if self.depth >= MAX_VIEW_DEPTH {
            return Err(SqlError::invalid(format!(
                "view '{view}' refers to views more than {MAX_VIEW_DEPTH} levels deep"
            )));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }

    /// The unoptimised plan of a query: views are expanded, types not yet coerced.
    pub(crate) fn query(self, query: &Query) -> Result<LogicalPlan> {
        continuous::check_any(&query.ast)?;
        grouping::check(&query.ast)?;
        places::check_types(&query.ast)?;
        constants::check(&query.ast)?;
        if self.is_continuous() {
            continuous::check(&query.ast)?;
        }
        let mut ast = query.ast.clone();
        group_window::rewrite(&mut ast, self)?;
        sugar::rewrite(&mut ast);
        literals::rewrite(&mut ast);
        casing::resolve(&mut ast, self.names);
        unnest::rewrite(&mut ast)?;
        let overrides = self.overrides(&query.ast, &query.hints)?;
        let context = PlanContext::new(self, overrides);
        let statement = ast::Statement::Query(ast.clone());
        SqlToRel::new_with_options(&context, parser_options())
            .sql_statement_to_plan(statement)
            .map_err(|e| places::place(fields::locate(e, &ast), &ast, query.span))
            .map_err(|e| at_view(e, query))
    }

    /// The optimised plan of a view's query, with the view's names for its columns.
    pub(crate) fn view(self, query: &Query, columns: &[String]) -> Result<LogicalPlan> {
        let named = table::rename(self.query(query)?, columns);
        let stored = named.and_then(table::as_stored);
        let plan = stored.map_err(|e| e.at(query.span))?;
        optimize(plan).map_err(|e| places::place(e, &query.ast, query.span))
    }

    /// The analysed and optimised plan of a query.
    pub(crate) fn optimized(self, query: &Query) -> Result<LogicalPlan> {
        optimize(self.query(query)?).map_err(|e| places::place(e, &query.ast, query.span))
    }
}

/// An error in a view is shown at the name of the view: its own place is in another text.
fn at_view(error: SqlError, query: &Query) -> SqlError {
    let Some(view) = error.view() else {
        return error;
    };
    let mut read = tables_in(&query.ast).into_iter();
    let span = read.find(|i| i.value.eq_ignore_ascii_case(view));
    let span = span.map_or(query.span, |i| i.span);
    error.moved_from_view(span)
}

pub(super) fn parser_options() -> ParserOptions {
    ParserOptions::new()
        .with_parse_float_as_decimal(true)
        .with_enable_ident_normalization(false)
        .with_map_string_types_to_utf8view(false)
        .with_collect_spans(true)
}
