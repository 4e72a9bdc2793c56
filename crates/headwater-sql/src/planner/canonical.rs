//! A query in the canonical form of the dialect, as EXPLAIN shows it: windows as table functions with `TABLE t` and
//! `DESCRIPTOR(ts)`, hints and EMIT where Flink has them.

use std::convert::Infallible;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Ident, Query as AstQuery, SelectItem, SetExpr, TableAlias, TableFactor, VisitMut,
    VisitorMut,
};
use sqlparser::tokenizer::Span;

use super::window::{canonical_call, window_call};
use super::{Planner, group_window};
use crate::error::Result;
use crate::statement::{Emit, Query, TableHint};

impl Planner<'_> {
    /// The query in canonical form, over several lines.
    pub(crate) fn canonical(self, query: &Query) -> Result<String> {
        let mut ast = query.ast.clone();
        group_window::rewrite(&mut ast, self)?;
        let mut windows = Windows {
            hints: &query.hints,
        };
        let ControlFlow::Continue(()) = VisitMut::visit(&mut ast, &mut windows);
        let emit = match query.emit {
            None => "",
            Some(Emit::OnWindowClose) => "\nEMIT ON WINDOW CLOSE",
            Some(Emit::Changes) => "\nEMIT CHANGES",
        };
        Ok(format!("{ast:#}{emit}"))
    }
}

struct Windows<'a> {
    hints: &'a [TableHint],
}

impl VisitorMut for Windows<'_> {
    type Break = Infallible;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Infallible> {
        if let Some(function) = window_call(factor) {
            let mut alias = match factor {
                TableFactor::Table { alias, .. } | TableFactor::TableFunction { alias, .. } => {
                    alias.take()
                }
                _ => None,
            };
            let mut call = function;
            call.data = self.data(&call.data, &mut alias);
            *factor = TableFactor::TableFunction {
                expr: canonical_call(&call),
                alias,
            };
        } else if let TableFactor::Table { name, .. } = factor
            && let Some(ident) = name.0.last_mut().and_then(|p| match p {
                sqlparser::ast::ObjectNamePart::Identifier(ident) => Some(ident),
                sqlparser::ast::ObjectNamePart::Function(_) => None,
            })
        {
            *ident = self.hinted(ident);
        }
        ControlFlow::Continue(())
    }
}

impl Windows<'_> {
    /// `TABLE t` for a table, also if it stands as `SELECT * FROM t`; its alias then goes to the whole.
    fn data(&self, data: &Expr, alias: &mut Option<TableAlias>) -> Expr {
        let table = |idents: &[Ident]| {
            let idents = idents.iter().map(|i| self.hinted(i).to_string());
            let name = idents.collect::<Vec<_>>().join(".");
            Expr::Identifier(plain(format!("TABLE {name}"), Span::empty()))
        };
        match data {
            Expr::Identifier(ident) => table(std::slice::from_ref(ident)),
            Expr::CompoundIdentifier(idents) => table(idents),
            Expr::Subquery(query) => match whole_table(query) {
                Some((idents, inner)) => {
                    if alias.is_none() {
                        *alias = inner;
                    }
                    table(&idents)
                }
                None => data.clone(),
            },
            other => other.clone(),
        }
    }

    /// The name of a table with its hints.
    fn hinted(&self, ident: &Ident) -> Ident {
        let of_it = self.hints.iter().filter(|h| h.table == ident.span);
        let options: Vec<String> = of_it
            .flat_map(|h| &h.options)
            .map(|o| format!("{} = {}", text(&o.key), text(&o.value)))
            .collect();
        if options.is_empty() || ident.span == Span::empty() {
            return ident.clone();
        }
        let shown = format!("{ident} /*+ OPTIONS({}) */", options.join(", "));
        plain(shown, ident.span)
    }
}

/// Words that are shown as they are.
fn plain(text: String, span: Span) -> Ident {
    Ident::with_span(span, text)
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// The table that `SELECT * FROM t [AS a]` is all of.
fn whole_table(query: &AstQuery) -> Option<(Vec<Ident>, Option<TableAlias>)> {
    let SetExpr::Select(select) = &*query.body else {
        return None;
    };
    let is_plain = select.selection.is_none()
        && matches!(select.projection.as_slice(), [SelectItem::Wildcard(_)])
        && query.with.is_none();
    let [from] = select.from.as_slice() else {
        return None;
    };
    let TableFactor::Table {
        name,
        alias,
        args: None,
        version: None,
        ..
    } = &from.relation
    else {
        return None;
    };
    let idents: Vec<Ident> = name
        .0
        .iter()
        .filter_map(|p| p.as_ident().cloned())
        .collect();
    (is_plain && from.joins.is_empty()).then(|| (idents, alias.clone()))
}
