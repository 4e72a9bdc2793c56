//! Tables as one query sees them: with the options that a hint gives them, or as they were at a time.

use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;

use headwater_flow::plan::{StreamTable, TableDef};
use sqlparser::ast::{Expr, Ident, Query, Spanned, TableFactor, TableVersion, Visit, Visitor};
use sqlparser::tokenizer::Span;

use super::Planner;
use super::context::{Names, Relation, find};
use super::system_time::moment;
use super::table::{DEFAULT_CONNECTOR, SYSTEM_TIME, with_options};
use crate::error::{Result, SqlError, suggestion};
use crate::statement::{TableHint, tables_in};

/// What stands in for tables, by the place of their names.
pub(super) type Overrides = HashMap<Span, Arc<StreamTable>>;

impl Planner<'_> {
    /// The tables of a query that hints or times change.
    pub(super) fn overrides(self, query: &Query, hints: &[TableHint]) -> Result<Overrides> {
        let mut versions = Versions(Vec::new());
        let ControlFlow::Continue(()) = Visit::visit(query, &mut versions);
        let mut found = Overrides::new();
        if hints.is_empty() && versions.0.is_empty() {
            return Ok(found);
        }
        let ctes = query.with.iter().flat_map(|w| &w.cte_tables);
        let own: Vec<&str> = ctes.map(|cte| cte.alias.name.value.as_str()).collect();
        for ident in tables_in(query) {
            let options = hints.iter().filter(|h| h.table == ident.span);
            let options: Vec<_> = options.flat_map(|h| h.options.clone()).collect();
            let version = versions.0.iter().find(|(name, _)| name.span == ident.span);
            if options.is_empty() && version.is_none() {
                continue;
            }
            if own.iter().any(|o| o.eq_ignore_ascii_case(&ident.value)) {
                return Err(no_table(&ident));
            }
            let def = table(&ident, self.names)?;
            let mut changed = with_options(&def, &options, self.names)?;
            if let Some((_, version)) = version {
                self.set_time(&mut changed, &ident, version)?;
            }
            let source = StreamTable::new(Arc::new(changed));
            found.insert(ident.span, Arc::new(source));
        }
        Ok(found)
    }

    /// The table is read as it was at a time.
    fn set_time(self, def: &mut TableDef, name: &Ident, version: &TableVersion) -> Result<()> {
        let TableVersion::ForSystemTimeAsOf(time) = version else {
            return Err(
                SqlError::unsupported("this way of naming a version is not supported")
                    .at(name.span)
                    .with_hint("write FOR SYSTEM_TIME AS OF TIMESTAMP '2024-01-31 12:00:00'"),
            );
        };
        if reads_columns(time) {
            return Err(
                SqlError::unsupported("a temporal join is not supported yet")
                    .at(time.span())
                    .with_hint("FOR SYSTEM_TIME AS OF takes a time that is the same for all rows"),
            );
        }
        if self.is_continuous() {
            return Err(SqlError::unsupported(
                "FOR SYSTEM_TIME AS OF reads the past, which a continuous query cannot",
            )
            .at(time.span())
            .with_hint("use it in a SELECT without EMIT"));
        }
        if def.connector != DEFAULT_CONNECTOR {
            return Err(SqlError::unsupported(format!(
                "'{}' does not keep its past: only topics and materialized views do",
                def.name
            ))
            .at(name.span));
        }
        let micros = moment(time, self.names)?;
        def.options.set(SYSTEM_TIME, micros.to_string());
        Ok(())
    }
}

/// The tables of a query that name a version.
struct Versions(Vec<(Ident, TableVersion)>);

impl Visitor for Versions {
    type Break = Infallible;

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Infallible> {
        if let TableFactor::Table {
            name,
            version: Some(version),
            ..
        } = factor
            && let Some(ident) = name.0.last().and_then(|p| p.as_ident())
        {
            self.0.push((ident.clone(), version.clone()));
        }
        ControlFlow::Continue(())
    }
}

/// Whether an expression is another one for other rows.
fn reads_columns(expr: &Expr) -> bool {
    struct Columns(bool);
    impl Visitor for Columns {
        type Break = Infallible;

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Infallible> {
            self.0 |= matches!(expr, Expr::CompoundIdentifier(_) | Expr::Identifier(_));
            ControlFlow::Continue(())
        }
    }
    let mut columns = Columns(false);
    let ControlFlow::Continue(()) = Visit::visit(expr, &mut columns);
    columns.0
}

fn table(ident: &Ident, names: &dyn Names) -> Result<Arc<TableDef>> {
    match find(names, &ident.value) {
        Some((_, Relation::Table(def))) => Ok(def),
        Some((_, Relation::View { .. })) => Err(no_table(ident)),
        None => {
            let known = names.relation_names();
            let error = SqlError::not_found(format!("table '{}' not found", ident.value));
            let near = suggestion(&ident.value, known.iter().map(String::as_str));
            Err(error.at(ident.span).with_hint_opt(near))
        }
    }
}

fn no_table(ident: &Ident) -> SqlError {
    SqlError::invalid(format!(
        "'{}' is a view: it has neither options nor a past",
        ident.value
    ))
    .at(ident.span)
    .with_hint("say it of the table in the view's query")
}
