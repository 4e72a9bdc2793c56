//! `CREATE VIEW` and `CREATE MATERIALIZED VIEW`.

use std::sync::Arc;

use datafusion_expr::LogicalPlan;
use headwater_flow::connector::Options;
use headwater_flow::plan::{Changes, ColumnDef, ColumnKind, TableDef};

use super::Session;
use super::create::{New, check_topic_name};
use super::insert::check_repeatable;
use super::planned::{Planned, PlannedOutput, PlannedPipeline};
use crate::catalogue::{Definition, Object};
use crate::error::{Result, SqlError, SqlErrorKind, suggestion};
use crate::options;
use crate::planner::{DEFAULT_CONNECTOR, Planner, plain};
use crate::statement::{CreateView, ObjectKind, quote};

impl Session {
    pub(super) fn create_view(&self, create: &CreateView, text: &str) -> Result<Planned> {
        let kind = match create.materialized {
            true => ObjectKind::MaterializedView,
            false => ObjectKind::View,
        };
        let new = New {
            name: &create.name,
            kind,
            replace: create.or_replace,
            if_not_exists: create.if_not_exists,
        };
        if let Some(exists) = self.check_new(&new)? {
            return Ok(exists);
        }
        self.check_temporary(create)?;
        let names = self.names();
        let columns: Vec<String> = create.columns.iter().map(|c| c.value.clone()).collect();
        let planner = match create.materialized {
            true => Planner::new(&names),
            false => Planner::new(&names).batch(),
        };
        let plan = planner.view(&create.query, &columns)?;
        let table = match create.materialized {
            true => Some(Arc::new(self.view_table(create, &plan)?)),
            false => None,
        };
        let definition = Definition {
            object: Object {
                name: create.name.value.clone(),
                kind,
                sql: text.to_owned(),
                table: table.clone(),
                query: Some(Arc::new(create.query.clone())),
                columns,
                is_suspended: false,
                commit: 0,
            },
            drop: false,
            replace: create.or_replace,
            temporary: create.temporary,
            no_op: false,
        };
        let Some(target) = table else {
            return Ok(Planned::Define(definition));
        };
        check_repeatable(&plan, &create.query)?;
        Ok(Planned::Pipeline(PlannedPipeline {
            name: target.name.clone(),
            text: text.to_owned(),
            outputs: vec![PlannedOutput {
                target,
                is_view: true,
                plan,
                emit: create.query.emit,
                place: self.place_of(&create.query),
                reasons: self.reasons(text, 0, &create.query),
                canonical: format!(
                    "CREATE MATERIALIZED VIEW {} AS\n{}",
                    quote(&create.name.value),
                    Planner::new(&names).canonical(&create.query)?
                ),
            }],
            definition: Some(definition),
            is_temporary: false,
        }))
    }

    /// What outlives the session cannot be made of what does not.
    fn check_temporary(&self, create: &CreateView) -> Result<()> {
        if create.temporary && create.materialized {
            return Err(
                SqlError::unsupported("a materialized view cannot be temporary")
                    .at(create.name.span)
                    .with_hint("use CREATE TEMPORARY VIEW, or CREATE MATERIALIZED VIEW"),
            );
        }
        if create.temporary {
            return Ok(());
        }
        match self.names().temporary_in(&create.query) {
            None => Ok(()),
            Some(name) => Err(SqlError::invalid(format!(
                "'{}' outlives the session, but '{name}' is temporary",
                create.name.value
            ))
            .at(create.name.span)
            .with_hint("use CREATE TEMPORARY VIEW, or make a table of it that is not temporary")),
        }
    }

    /// The changelog of a materialised view as a table.
    fn view_table(&self, create: &CreateView, plan: &LogicalPlan) -> Result<TableDef> {
        check_topic_name(&create.name)?;
        let fields = plan.schema().fields().iter();
        let columns = fields.map(|f| ColumnDef {
            name: f.name().clone(),
            data_type: plain(f.data_type()),
            nullable: f.is_nullable(),
            kind: ColumnKind::Physical,
        });
        let columns: Vec<ColumnDef> = columns.collect();
        for name in &create.primary_key {
            if !columns.iter().any(|c| c.name == name.value) {
                let known = columns.iter().map(|c| c.name.as_str());
                let message = format!("column '{}' not found", name.value);
                let near = suggestion(&name.value, known);
                return Err(SqlError::not_found(message)
                    .at(name.span)
                    .with_hint_opt(near));
            }
        }
        let name = &create.name.value;
        let is_declared = self.names().declared(name).is_some();
        let topic = self.catalogue.log().and_then(|log| log.topic(name));
        if topic.is_some() && !is_declared {
            let message =
                format!("there is a topic '{name}' already, which the view would write into");
            return Err(SqlError::new(SqlErrorKind::Conflict, message)
                .at(create.name.span)
                .with_hint("give the view another name, or delete the topic"));
        }
        let given = create.options.iter();
        let table = TableDef {
            name: name.clone(),
            columns,
            watermark: None,
            primary_key: create.primary_key.iter().map(|n| n.value.clone()).collect(),
            changes: Changes::Upsert,
            connector: DEFAULT_CONNECTOR.to_owned(),
            options: Options::new(given.map(|o| (o.key.clone(), o.value.clone()))),
        };
        options::check(&self.registry, &table, &create.options, create.name.span)?;
        Ok(table)
    }
}
