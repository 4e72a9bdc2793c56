//! Where a statement names tables: in FROM, as arguments of window functions, after INSERT INTO.

use std::convert::Infallible;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Query, TableFactor,
    Visit, Visitor,
};
use sqlparser::tokenizer::Span;

use super::{Insert, Statement};

/// The places of the names of all tables in a statement.
pub(super) fn of_statement(statement: &Statement, out: &mut Vec<Span>) {
    let mut of_query = |ast: &Query| out.extend(in_query(ast).into_iter().map(|i| i.span));
    match statement {
        Statement::CreateTable(create) => {
            create.query.iter().for_each(|q| of_query(&q.ast));
        }
        Statement::CreateView(create) => of_query(&create.query.ast),
        Statement::Query(query) => of_query(&query.ast),
        Statement::Insert(insert) => of_insert(insert, out),
        Statement::StatementSet(inserts) => inserts.iter().for_each(|i| of_insert(i, out)),
        Statement::Explain { statement, .. } => of_statement(&statement.statement, out),
        _ => {}
    }
}

fn of_insert(insert: &Insert, out: &mut Vec<Span>) {
    out.push(insert.table.span);
    out.extend(in_query(&insert.query.ast).into_iter().map(|i| i.span));
}

/// The names of the tables that a query reads, as written and where; names of its own WITH clauses too.
pub(crate) fn in_query(query: &Query) -> Vec<Ident> {
    struct Tables(Vec<Ident>);
    impl Visitor for Tables {
        type Break = Infallible;

        fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Infallible> {
            self.0
                .extend(relation.0.last().and_then(|p| p.as_ident()).cloned());
            ControlFlow::Continue(())
        }

        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Infallible> {
            windowed(factor, &mut self.0);
            ControlFlow::Continue(())
        }
    }
    let mut tables = Tables(Vec::new());
    let ControlFlow::Continue(()) = Visit::visit(query, &mut tables);
    tables.0
}

/// The tables that stand as arguments of a window function.
pub(crate) fn windowed(factor: &TableFactor, out: &mut Vec<Ident>) {
    let args = match factor {
        TableFactor::Table {
            args: Some(args), ..
        } => &args.args,
        TableFactor::TableFunction {
            expr: Expr::Function(f),
            ..
        } => match &f.args {
            FunctionArguments::List(list) => &list.args,
            _ => return,
        },
        _ => return,
    };
    for (i, arg) in args.iter().enumerate() {
        let expr = match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) if i == 0 => expr,
            FunctionArg::Named {
                name,
                arg: FunctionArgExpr::Expr(expr),
                ..
            } if name.value.eq_ignore_ascii_case("DATA") => expr,
            _ => continue,
        };
        match expr {
            Expr::Identifier(ident) => out.push(ident.clone()),
            Expr::CompoundIdentifier(parts) => out.extend(parts.last().cloned()),
            _ => {}
        }
    }
}
