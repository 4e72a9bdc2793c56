//! The case rule: an unquoted name finds a column whose name differs only in case, when there is exactly one.
//! Names are resolved before planning, against all columns of the relations that the query reads.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::ops::ControlFlow;

use arrow::datatypes::{DataType, Fields};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Query, Select,
    SelectItem, SetExpr, TableFactor, VisitMut, Visitor, VisitorMut,
};

use super::Planner;
use super::context::{Names, Relation, find};
use crate::statement::{tables_in, windowed_tables};

/// Gives unquoted names in `node` the case of the columns that they mean.
pub(super) fn resolve<T: VisitMut + sqlparser::ast::Visit>(node: &mut T, names: &dyn Names) {
    let mut known = Known::new(names);
    let ControlFlow::Continue(()) = sqlparser::ast::Visit::visit(node, &mut known);
    known.add_window_columns();
    let ControlFlow::Continue(()) = VisitMut::visit(node, &mut Renamer(&known));
}

/// The names of the relations that a query reads, as written.
pub(crate) fn relations(query: &crate::statement::Query) -> BTreeSet<String> {
    let tables = tables_in(&query.ast).into_iter();
    tables.map(|ident| ident.value).collect()
}

/// As [`resolve`], for an expression over the columns `fields`.
pub(super) fn resolve_over(expr: &mut Expr, fields: &Fields) {
    let mut columns = BTreeSet::new();
    collect(fields, &mut columns);
    let known = Known {
        names: None,
        columns,
        aliases: BTreeSet::new(),
        seen: HashMap::new(),
    };
    let ControlFlow::Continue(()) = VisitMut::visit(expr, &mut Renamer(&known));
}

/// The names that columns, fields, relations and aliases have.
struct Known<'a> {
    names: Option<&'a dyn Names>,
    columns: BTreeSet<String>,
    aliases: BTreeSet<String>,
    seen: HashMap<String, ()>,
}

impl<'a> Known<'a> {
    fn new(names: &'a dyn Names) -> Self {
        Self {
            names: Some(names),
            columns: BTreeSet::new(),
            aliases: BTreeSet::new(),
            seen: HashMap::new(),
        }
    }

    fn add_window_columns(&mut self) {
        for name in ["window_start", "window_end", "window_time"] {
            self.aliases.insert(name.to_owned());
        }
    }

    fn add_relation(&mut self, name: &str) {
        let Some(names) = self.names else { return };
        if self.seen.insert(name.to_owned(), ()).is_some() {
            return;
        }
        let Some((found, relation)) = find(names, name) else {
            return;
        };
        self.aliases.insert(name.to_owned());
        self.aliases.insert(found);
        match relation {
            Relation::Table(def) => collect(def.schema().fields(), &mut self.columns),
            Relation::View { query, columns } => {
                self.columns.extend(columns);
                if let Ok(plan) = Planner::new(names).query(&query) {
                    collect(plan.schema().inner().fields(), &mut self.columns);
                }
            }
        }
    }

    /// The one name that `ident` means but for its case.
    fn meant(&self, ident: &Ident) -> Option<&str> {
        if ident.quote_style.is_some()
            || self.columns.contains(&ident.value)
            || self.aliases.contains(&ident.value)
        {
            return None;
        }
        only(&self.columns, &ident.value).or_else(|| only(&self.aliases, &ident.value))
    }
}

fn only<'a>(names: &'a BTreeSet<String>, name: &str) -> Option<&'a str> {
    let mut found = names.iter().filter(|n| n.eq_ignore_ascii_case(name));
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

fn collect(fields: &Fields, out: &mut BTreeSet<String>) {
    for field in fields {
        out.insert(field.name().clone());
        collect_nested(field.data_type(), out);
    }
}

fn collect_nested(data_type: &DataType, out: &mut BTreeSet<String>) {
    match data_type {
        DataType::Struct(fields) => collect(fields, out),
        DataType::List(item) => collect_nested(item.data_type(), out),
        DataType::Map(entries, _) => collect_nested(entries.data_type(), out),
        _ => {}
    }
}

impl Visitor for Known<'_> {
    type Break = Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Infallible> {
        for cte in query.with.iter().flat_map(|w| &w.cte_tables) {
            self.aliases.insert(cte.alias.name.value.clone());
            let columns = cte.alias.columns.iter();
            self.aliases.extend(columns.map(|c| c.name.value.clone()));
        }
        if let SetExpr::Select(select) = &*query.body {
            self.add_select(select);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Infallible> {
        if let Some(ident) = relation.0.last().and_then(|p| p.as_ident()) {
            self.add_relation(&ident.value);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Infallible> {
        let alias = match factor {
            TableFactor::Table { alias, .. }
            | TableFactor::Derived { alias, .. }
            | TableFactor::TableFunction { alias, .. }
            | TableFactor::UNNEST { alias, .. } => alias,
            _ => &None,
        };
        if let Some(alias) = alias {
            self.aliases.insert(alias.name.value.clone());
            let columns = alias.columns.iter();
            self.aliases.extend(columns.map(|c| c.name.value.clone()));
        }
        let mut windowed = Vec::new();
        windowed_tables(factor, &mut windowed);
        for ident in windowed {
            self.add_relation(&ident.value);
        }
        ControlFlow::Continue(())
    }
}

impl Known<'_> {
    fn add_select(&mut self, select: &Select) {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                self.aliases.insert(alias.value.clone());
            }
        }
    }
}

/// `SELECT bid.price` of a column of type ROW is called `price`, as in Flink; DataFusion would call it `bid[price]`.
fn name_fields(select: &mut Select) {
    let mut relations = BTreeSet::new();
    for table in &select.from {
        relation_names(&table.relation, &mut relations);
        for join in &table.joins {
            relation_names(&join.relation, &mut relations);
        }
    }
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) = item else {
            continue;
        };
        let qualified = usize::from(relations.contains(&parts[0].value.to_lowercase()));
        if parts.len() > 1 + qualified
            && let Some(last) = parts.last().cloned()
        {
            *item = SelectItem::ExprWithAlias {
                expr: Expr::CompoundIdentifier(std::mem::take(parts)),
                alias: last,
            };
        }
    }
}

fn relation_names(factor: &TableFactor, out: &mut BTreeSet<String>) {
    let (name, alias) = match factor {
        TableFactor::Table {
            name, alias, args, ..
        } => {
            for arg in args.iter().flat_map(|a| &a.args) {
                argument_names(arg, out);
            }
            (Some(name), alias)
        }
        TableFactor::TableFunction { expr, alias } => {
            if let Expr::Function(f) = expr
                && let FunctionArguments::List(list) = &f.args
            {
                list.args.iter().for_each(|a| argument_names(a, out));
            }
            (None, alias)
        }
        TableFactor::Derived { alias, .. } | TableFactor::UNNEST { alias, .. } => (None, alias),
        TableFactor::NestedJoin {
            table_with_joins,
            alias,
        } => {
            relation_names(&table_with_joins.relation, out);
            for join in &table_with_joins.joins {
                relation_names(&join.relation, out);
            }
            (None, alias)
        }
        _ => return,
    };
    let name = name.and_then(|n| n.0.last()?.as_ident()).cloned();
    let alias = alias.as_ref().map(|a| a.name.clone());
    let names = [name, alias].into_iter().flatten();
    out.extend(names.map(|n| n.value.to_lowercase()));
}

/// A table that a window function is over.
fn argument_names(arg: &FunctionArg, out: &mut BTreeSet<String>) {
    let (FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
    | FunctionArg::Named {
        arg: FunctionArgExpr::Expr(expr),
        ..
    }) = arg
    else {
        return;
    };
    match expr {
        Expr::Identifier(ident) => drop(out.insert(ident.value.to_lowercase())),
        Expr::CompoundIdentifier(parts) => {
            out.extend(parts.last().map(|p| p.value.to_lowercase()));
        }
        Expr::Subquery(query) => {
            if let SetExpr::Select(select) = &*query.body {
                for table in &select.from {
                    relation_names(&table.relation, out);
                }
            }
        }
        _ => {}
    }
}

fn name_fields_of(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => name_fields(select),
        SetExpr::SetOperation { left, right, .. } => {
            name_fields_of(left);
            name_fields_of(right);
        }
        _ => {}
    }
}

struct Renamer<'a, 'b>(&'a Known<'b>);

impl VisitorMut for Renamer<'_, '_> {
    type Break = Infallible;

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Infallible> {
        name_fields_of(&mut query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Infallible> {
        let rename = |ident: &mut Ident| {
            if let Some(name) = self.0.meant(ident) {
                ident.value = name.to_owned();
            }
        };
        match expr {
            Expr::Identifier(ident) => rename(ident),
            Expr::CompoundIdentifier(parts) => parts.iter_mut().for_each(rename),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
