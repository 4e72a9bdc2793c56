//! `CREATE TABLE`, and what all objects have in common that are created.

use std::sync::Arc;

use super::Session;
use super::insert::check_repeatable;
use super::planned::{Planned, PlannedOutput, PlannedPipeline};
use crate::catalogue::{Definition, Object};
use crate::error::{Result, SqlError, SqlErrorKind};
use crate::options;
use crate::planner::{DEFAULT_CONNECTOR, Planner, define_table, insert_plan};
use crate::statement::{CreateTable, Insert, Name, ObjectKind, Query};

/// What a CREATE says of the object's name.
pub(super) struct New<'a> {
    pub(super) name: &'a Name,
    pub(super) kind: ObjectKind,
    pub(super) replace: bool,
    pub(super) if_not_exists: bool,
}

impl Session {
    /// Whether the object can be created; `Some`: it is there already, and that is all right.
    pub(super) fn check_new(&self, new: &New<'_>) -> Result<Option<Planned>> {
        let name = &new.name.value;
        let Some(object) = self.names().declared(name) else {
            return Ok(None);
        };
        if self.is_replanning {
            return Ok(None);
        }
        if new.replace {
            if object.kind != new.kind {
                return Err(SqlError::new(
                    SqlErrorKind::Conflict,
                    format!("'{name}' is a {}", object.kind.name()),
                )
                .at(new.name.span)
                .with_hint(format!("DROP {} {name} first", object.kind.as_sql())));
            }
            self.check_replaceable(&object, new.name)?;
            return Ok(None);
        }
        if new.if_not_exists {
            return Ok(Some(Planned::Exists(name.clone())));
        }
        Err(
            SqlError::new(SqlErrorKind::Conflict, format!("'{name}' exists already"))
                .at(new.name.span)
                .with_hint("use CREATE OR REPLACE, or IF NOT EXISTS"),
        )
    }

    pub(super) fn create_table(&self, create: &CreateTable, text: &str) -> Result<Planned> {
        if let Some(column) = create.partitioned_by.first() {
            return Err(
                SqlError::unsupported("PARTITIONED BY is not supported yet").at(column.span)
            );
        }
        let new = New {
            name: &create.name,
            kind: ObjectKind::Table,
            replace: create.or_replace,
            if_not_exists: create.if_not_exists,
        };
        if let Some(exists) = self.check_new(&new)? {
            return Ok(exists);
        }
        if let Some((described, text)) = self.described(create)? {
            return self.create_table(&described, &text);
        }
        let create = &self.without_idle_format(create);
        let names = self.names();
        let derived = match &create.query {
            Some(query) => Some(Planner::new(&names).optimized(query)?),
            None => None,
        };
        let schema = derived.as_ref().map(|p| p.schema().inner());
        let table = Arc::new(define_table(create, &names, schema.map(|s| &**s))?);
        options::check(&self.registry, &table, &create.options, create.name.span)?;
        options::check_metadata(&self.registry, &table, &create.columns, create.name.span)?;
        if table.connector == DEFAULT_CONNECTOR && table.options.get("topic").is_none() {
            check_topic_name(&create.name)?;
        }
        let definition = Definition {
            object: Object {
                name: table.name.clone(),
                kind: ObjectKind::Table,
                sql: text.to_owned(),
                table: Some(Arc::clone(&table)),
                query: None,
                columns: Vec::new(),
                is_suspended: false,
                commit: 0,
            },
            drop: false,
            replace: create.or_replace,
            temporary: create.temporary,
            no_op: false,
        };
        match &create.query {
            None => Ok(Planned::Define(definition)),
            Some(query) => self.filled_table(create, query, definition, text),
        }
    }

    /// Without the `FORMAT … ENCODE …` of a connector that has no formats.
    fn without_idle_format(&self, create: &CreateTable) -> CreateTable {
        let mut create = create.clone();
        let connector = create.options.iter().find(|o| o.key == "connector");
        let connector = connector.map(|o| o.value.clone());
        if connector.is_some_and(|c| !options::has_formats(&self.registry, &c)) {
            create.options.retain(|o| !o.is_format);
        }
        create
    }

    /// `CREATE TABLE … AS query`: the table, and a job that writes into it.
    fn filled_table(
        &self,
        create: &CreateTable,
        query: &Query,
        definition: Definition,
        text: &str,
    ) -> Result<Planned> {
        let Some(table) = definition.object.table.clone() else {
            return Ok(Planned::Define(definition));
        };
        let insert = Insert {
            table: create.name.clone(),
            options: Vec::new(),
            columns: Vec::new(),
            query: query.clone(),
            is_values: false,
            text: text.to_owned(),
        };
        let names = self.names();
        let plan = insert_plan(&insert, &table, Planner::new(&names))?;
        check_repeatable(&plan, query)?;
        Ok(Planned::Pipeline(PlannedPipeline {
            name: self.job_name(&[&table.name]),
            text: text.to_owned(),
            outputs: vec![PlannedOutput {
                target: table,
                is_view: false,
                plan,
                emit: query.emit,
                place: self.place_of(query),
                reasons: self.reasons(text, 0, query),
                canonical: self.canonical_insert(&insert)?,
            }],
            is_temporary: create.temporary || names.temporary_in(query).is_some(),
            definition: Some(definition),
        }))
    }
}

/// What is kept in a topic of its own has a name that topics can have.
pub(super) fn check_topic_name(name: &Name) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-$".contains(c);
    if name.value.chars().all(is_plain) && !name.value.starts_with("__") {
        return Ok(());
    }
    Err(
        SqlError::invalid(format!("'{}' cannot be the name of a topic", name.value))
            .at(name.span)
            .with_hint("use letters, digits and . _ - $, or name a topic: WITH ('topic' = '…')"),
    )
}
