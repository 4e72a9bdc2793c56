//! The names of a session at one moment: temporary objects, the catalogue, topics without DDL.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use headwater_flow::plan::TableDef;
use headwater_log::Log;
use sqlparser::tokenizer::Span;

use super::Session;
use crate::catalogue::{Object, implicit_table, kept_base, kept_names, kept_table};
use crate::error::{Result, SqlError, suggestion};
use crate::options;
use crate::planner::{Names, Relation};
use crate::statement::{Name, Query, TableOption, tables_in};

/// The names of a session at one moment.
pub(super) struct SessionNames<'a> {
    session: &'a Session,
    shared: Arc<BTreeMap<String, Arc<Object>>>,
    /// Topics that were looked at.
    topics: RefCell<BTreeMap<String, Option<Arc<Object>>>>,
}

impl Names for SessionNames<'_> {
    fn relation(&self, name: &str) -> Option<Relation> {
        if let Some(table) = self.session.system.get(name) {
            return Some(Relation::Table(Arc::clone(table)));
        }
        self.object(name)?.relation()
    }

    fn relation_names(&self) -> Vec<String> {
        let temporary = self.session.temporary.keys();
        let declared = temporary.clone().chain(self.shared.keys());
        let mut names: Vec<String> = declared.cloned().collect();
        if let Some(log) = self.session.catalogue.log() {
            let topics = log.topics().into_iter().filter(|t| !t.config.internal);
            names.extend(topics.map(|t| t.name));
        }
        let declared = temporary.chain(self.shared.keys());
        names.extend(declared.flat_map(|n| kept_names(n)));
        names.extend(self.session.system.keys().cloned());
        names.sort();
        names.dedup();
        names
    }

    fn now(&self) -> i64 {
        self.session.now()
    }

    fn check_options(&self, table: &TableDef, given: &[TableOption], fallback: Span) -> Result<()> {
        options::check(&self.session.registry, table, given, fallback)
    }
}

impl<'a> SessionNames<'a> {
    pub(super) fn new(session: &'a Session) -> Self {
        Self {
            session,
            shared: session.catalogue.snapshot(),
            topics: RefCell::default(),
        }
    }

    pub(super) fn object(&self, name: &str) -> Option<Arc<Object>> {
        self.declared(name).or_else(|| self.topic(name))
    }

    pub(super) fn declared(&self, name: &str) -> Option<Arc<Object>> {
        let temporary = self.session.temporary.get(name);
        temporary.or_else(|| self.shared.get(name)).cloned()
    }

    /// A temporary object that the query reads.
    pub(super) fn temporary_in(&self, query: &Query) -> Option<String> {
        let mut read = tables_in(&query.ast).into_iter();
        read.find_map(|ident| {
            let name = Name {
                quoted: ident.quote_style.is_some(),
                value: ident.value,
                span: ident.span,
            };
            let object = self.find(&name)?;
            let temporary = &self.session.temporary;
            temporary
                .contains_key(&object.name)
                .then(|| object.name.clone())
        })
    }

    /// A topic without DDL.
    fn topic(&self, name: &str) -> Option<Arc<Object>> {
        if let Some(known) = self.topics.borrow().get(name) {
            return known.clone();
        }
        let log = self.session.catalogue.log();
        let found = match kept_base(name) {
            Some(of) if self.keeps(log, name, of) => kept_table(name).ok(),
            _ => implicit_table(log?, &self.session.registry, name),
        };
        let found = found.map(Arc::new);
        self.topics
            .borrow_mut()
            .insert(name.to_owned(), found.clone());
        found
    }

    /// Whether a topic for what would vanish of `of` exists, or may once.
    fn keeps(&self, log: Option<&Log>, name: &str, of: &str) -> bool {
        let is_declared = self.declared(of).is_some_and(|o| o.table.is_some());
        let is_topic = |name| log.is_some_and(|log| log.topic(name).is_some());
        is_declared || is_topic(of) || is_topic(name)
    }

    /// The topic without DDL that a name stands for.
    pub(super) fn inferred(&self, name: &str) -> Option<Arc<Object>> {
        let name = Name {
            quoted: false,
            value: kept_base(name).unwrap_or(name).to_owned(),
            span: Span::empty(),
        };
        let found = self.find(&name)?;
        let is_inferred = self.declared(&found.name).is_none() && kept_base(&found.name).is_none();
        is_inferred.then_some(found)
    }

    pub(super) fn find_exact(&self, name: &str) -> bool {
        self.object(name).is_some()
    }

    /// By the case rule.
    pub(super) fn find(&self, name: &Name) -> Option<Arc<Object>> {
        if let Some(found) = self.object(&name.value) {
            return Some(found);
        }
        let names = self.relation_names();
        let mut near = names
            .iter()
            .filter(|n| !name.quoted && n.eq_ignore_ascii_case(&name.value));
        let only = near.next().filter(|_| near.next().is_none())?;
        self.object(only)
    }

    pub(super) fn expect(&self, name: &Name, what: &str) -> Result<Arc<Object>> {
        self.find(name).ok_or_else(|| not_found(name, what, self))
    }
}

/// The error for a name that nothing has.
pub(super) fn not_found(name: &Name, what: &str, names: &dyn Names) -> SqlError {
    let known = names.relation_names();
    SqlError::not_found(format!("{what} '{}' not found", name.value))
        .at(name.span)
        .with_hint_opt(suggestion(&name.value, known.iter().map(String::as_str)))
}
