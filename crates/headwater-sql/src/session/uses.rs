//! Who uses what: objects that are read or written cannot be dropped, and those that run for good cannot be changed
//! under their readers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Session;
use crate::catalogue::{Definition, Job, Object};
use crate::error::{Result, SqlError, SqlErrorKind};
use crate::planner::relations;
use crate::statement::{Insert, Name, ObjectKind, Statement, parse};

/// Who uses an object.
enum User {
    Object(Arc<Object>),
    Job(Arc<Job>),
}

impl User {
    fn error(&self, used: &str, name: &Name) -> SqlError {
        let (who, hint) = match self {
            Self::Object(o) => (
                format!("{} '{}'", o.kind.name(), o.name),
                format!("DROP {} {} first", o.kind.as_sql(), o.name),
            ),
            Self::Job(j) => (
                format!("job '{}'", j.name),
                format!("STOP JOB '{}' first", j.name),
            ),
        };
        SqlError::new(SqlErrorKind::Conflict, format!("'{used}' is used by {who}"))
            .at(name.span)
            .with_hint(hint)
    }
}

impl Session {
    /// What others use cannot be dropped.
    pub(super) fn check_unused(&self, object: &Object, name: &Name) -> Result<()> {
        match self.users(&object.name).first() {
            Some(user) => Err(user.error(&object.name, name)),
            None => Ok(()),
        }
    }

    /// What runs for good goes on with what it was started with, so that nothing that it uses can be another.
    pub(super) fn check_replaceable(&self, object: &Object, name: &Name) -> Result<()> {
        let mut seen = BTreeSet::new();
        let mut next = vec![object.name.clone()];
        while let Some(used) = next.pop() {
            for user in self.users(&used) {
                match &user {
                    User::Object(o) if o.kind == ObjectKind::View => {
                        if seen.insert(o.name.clone()) {
                            next.push(o.name.clone());
                        }
                    }
                    _ => return Err(user.error(&object.name, name)),
                }
            }
        }
        Ok(())
    }

    /// Who reads or writes the object, views first.
    fn users(&self, of: &str) -> Vec<User> {
        let objects = self.all_objects().into_iter();
        let objects = objects.filter(|o| {
            let query = o.query.as_ref().filter(|_| o.name != of);
            query.is_some_and(|q| self.means(&relations(q), of))
        });
        let jobs = self.catalogue.jobs().into_iter();
        let jobs = jobs.filter(|j| self.means(&used_by(&j.sql), of));
        objects
            .map(User::Object)
            .chain(jobs.map(User::Job))
            .collect()
    }

    /// The topics without DDL that a statement reads or writes, as tables that are to be created before it: what outlives
    /// this moment goes on with the columns that it was planned with, whatever records come.
    pub fn inferred(&self, sql: &str) -> Vec<Definition> {
        let names = self.names();
        let created = created_by(sql);
        let used = used_by(sql).into_iter();
        let objects: BTreeMap<String, Arc<Object>> = used
            .filter(|name| created.as_ref() != Some(name))
            .filter_map(|name| names.inferred(&name))
            .map(|object| (object.name.clone(), object))
            .collect();
        let definition = |object: Arc<Object>| Definition {
            object: (*object).clone(),
            drop: false,
            replace: false,
            temporary: false,
            no_op: false,
        };
        objects.into_values().map(definition).collect()
    }

    /// Whether one of the names as written is that of the object.
    fn means(&self, written: &BTreeSet<String>, name: &str) -> bool {
        let mut near = written.iter().filter(|w| w.eq_ignore_ascii_case(name));
        near.any(|w| w == name || self.object(w).is_none())
    }
}

/// The names that a statement reads and writes.
fn used_by(sql: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for parsed in parse(sql).unwrap_or_default() {
        match &parsed.statement {
            Statement::Insert(insert) => used_by_insert(insert, &mut names),
            Statement::StatementSet(inserts) => {
                inserts.iter().for_each(|i| used_by_insert(i, &mut names));
            }
            Statement::CreateTable(create) => {
                names.insert(create.name.value.clone());
                names.extend(create.query.iter().flat_map(relations));
                names.extend(create.like.iter().map(|like| like.table.value.clone()));
            }
            Statement::CreateView(create) => names.extend(relations(&create.query)),
            _ => {}
        }
    }
    names
}

/// The table that a statement creates.
fn created_by(sql: &str) -> Option<String> {
    match &parse(sql).ok()?.first()?.statement {
        Statement::CreateTable(create) => Some(create.name.value.clone()),
        _ => None,
    }
}

fn used_by_insert(insert: &Insert, names: &mut BTreeSet<String>) {
    names.insert(insert.table.value.clone());
    names.extend(relations(&insert.query));
}
