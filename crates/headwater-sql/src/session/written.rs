//! Where what a query computes is written: in the query itself, in the views that it reads, and in the computed columns of its
//! tables.

use std::collections::BTreeSet;

use headwater_flow::plan::{ColumnKind, TableDef};
use sqlparser::ast;

use super::Session;
use super::names::SessionNames;
use crate::catalogue::Object;
use crate::planner::{QueryPlace, Relation, Written, find};
use crate::statement::{ColumnSource, Query, Statement, parse, tables_in};

impl Session {
    /// Where a query stands, and the texts of all that it computes.
    pub(super) fn place_of(&self, query: &Query) -> QueryPlace {
        let mut texts = Texts {
            names: self.names(),
            seen: BTreeSet::new(),
            written: vec![Written::here(&query.ast)],
        };
        if !texts.add_read(&query.ast) {
            texts.written.clear();
        }
        QueryPlace::new(query.span, texts.written)
    }

    /// As [`place_of`](Self::place_of), of query number `nth` of the statement `text`, with places in that text alone: it
    /// is what is kept of a job.
    pub(super) fn reasons(&self, text: &str, nth: usize, query: &Query) -> QueryPlace {
        let alone = only_statement(text).and_then(|s| queries(s).into_iter().nth(nth));
        self.place_of(alone.as_ref().unwrap_or(query))
    }
}

/// The texts that were found so far.
struct Texts<'a> {
    names: SessionNames<'a>,
    seen: BTreeSet<String>,
    written: Vec<Written>,
}

impl Texts<'_> {
    /// Adds the texts of what a query reads; says whether all were found.
    fn add_read(&mut self, query: &ast::Query) -> bool {
        let mut read = tables_in(query).into_iter();
        read.all(|table| match find(&self.names, &table.value) {
            Some((name, relation)) if self.seen.insert(name.clone()) => {
                self.add(&name, &relation).is_some()
            }
            _ => true,
        })
    }

    fn add(&mut self, name: &str, relation: &Relation) -> Option<()> {
        let object = self.names.declared(name);
        match relation {
            Relation::View { .. } => {
                let query = queries(only_statement(&object?.sql)?).pop()?;
                let of = format!("view '{name}'");
                self.written.push(Written::elsewhere(of, &query.ast));
                self.add_read(&query.ast).then_some(())
            }
            Relation::Table(table) => self.add_columns(table, object.as_deref()),
        }
    }

    /// Adds the computed columns of a table; those that were taken over from another one are not in its text.
    fn add_columns(&mut self, table: &TableDef, object: Option<&Object>) -> Option<()> {
        let is_computed = |kind: &ColumnKind| matches!(kind, ColumnKind::Computed(_));
        let count = table
            .columns
            .iter()
            .filter(|c| is_computed(&c.kind))
            .count();
        if count == 0 {
            return Some(());
        }
        let Statement::CreateTable(create) = only_statement(&object?.sql)? else {
            return None;
        };
        let before = self.written.len();
        for column in &create.columns {
            if let ColumnSource::Computed { expr, .. } = &column.source {
                let of = format!("column '{}' of table '{}'", column.name.value, table.name);
                self.written.push(Written::column(of, expr));
            }
        }
        (self.written.len() - before == count).then_some(())
    }
}

fn only_statement(text: &str) -> Option<Statement> {
    parse(text).ok()?.pop().map(|parsed| parsed.statement)
}

/// The queries that a statement is made of.
fn queries(statement: Statement) -> Vec<Query> {
    match statement {
        Statement::CreateTable(create) => create.query.into_iter().collect(),
        Statement::CreateView(create) => vec![create.query],
        Statement::Insert(insert) => vec![insert.query],
        Statement::StatementSet(inserts) => inserts.into_iter().map(|i| i.query).collect(),
        Statement::Query(query) => vec![query],
        _ => Vec::new(),
    }
}
