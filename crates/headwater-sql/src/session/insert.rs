//! `INSERT INTO` and statement sets.

use std::sync::Arc;

use datafusion_expr::LogicalPlan;

use super::Session;
use super::names::SessionNames;
use super::planned::{Planned, PlannedOutput, PlannedPipeline};
use crate::catalogue::kept_base;
use crate::error::{Result, SqlError};
use crate::planner::{Planner, insert_plan, unrepeatable, with_options};
use crate::secrets::masked;
use crate::statement::{Insert, ObjectKind, Query, quote};

impl Session {
    /// The output of INSERT number `nth` of the statement `text`.
    fn output(&self, insert: &Insert, text: &str, nth: usize) -> Result<PlannedOutput> {
        let names = self.names();
        let object = names.expect(&insert.table, "table")?;
        let is_kept = kept_base(&object.name).is_some() && names.declared(&object.name).is_none();
        let target = match (&object.table, object.kind) {
            (Some(_), _) if is_kept => {
                return Err(SqlError::invalid(format!(
                    "'{}' is written by the engine only",
                    object.name
                ))
                .at(insert.table.span));
            }
            (Some(table), ObjectKind::Table) => Arc::clone(table),
            _ => {
                return Err(SqlError::invalid(format!(
                    "'{}' is a {} and cannot be inserted into",
                    object.name,
                    object.kind.name()
                ))
                .at(insert.table.span));
            }
        };
        let target = match insert.options.is_empty() {
            true => target,
            false => Arc::new(with_options(&target, &insert.options, &names)?),
        };
        Ok(PlannedOutput {
            plan: insert_plan(insert, &target, self.planner_of(insert, &names))?,
            target,
            is_view: false,
            emit: insert.query.emit,
            place: self.place_of(&insert.query),
            reasons: self.reasons(text, nth, &insert.query),
            canonical: self.canonical_insert(insert)?,
        })
    }

    pub(super) fn insert(&self, insert: &Insert, text: &str) -> Result<Planned> {
        let output = self.output(insert, text, 0)?;
        if insert.is_values {
            return Ok(Planned::InsertValues(output));
        }
        check_repeatable(&output.plan, &insert.query)?;
        Ok(Planned::Pipeline(PlannedPipeline {
            name: self.job_name(&[&output.target.name]),
            text: text.to_owned(),
            outputs: vec![output],
            definition: None,
            is_temporary: self.is_temporary(&[insert]),
        }))
    }

    /// `INSERT INTO … VALUES` is answered once.
    fn planner_of<'a>(&self, insert: &Insert, names: &'a SessionNames<'_>) -> Planner<'a> {
        match insert.is_values {
            true => Planner::new(names).batch(),
            false => Planner::new(names),
        }
    }

    /// An INSERT in canonical form.
    pub(super) fn canonical_insert(&self, insert: &Insert) -> Result<String> {
        let columns: Vec<String> = insert.columns.iter().map(|c| quote(&c.value)).collect();
        let columns = match columns.is_empty() {
            true => String::new(),
            false => format!(" ({})", columns.join(", ")),
        };
        let options = insert.options.iter();
        let options: Vec<String> = options
            .map(|o| format!("'{}' = '{}'", o.key, o.value))
            .collect();
        let options = match options.is_empty() {
            true => String::new(),
            false => format!(" /*+ OPTIONS({}) */", options.join(", ")),
        };
        let query = Planner::new(&self.names()).canonical(&insert.query)?;
        let table = quote(&insert.table.value);
        Ok(masked(&format!(
            "INSERT INTO {table}{options}{columns}\n{query}"
        )))
    }

    /// Whether one of them reads or writes a temporary object.
    fn is_temporary(&self, inserts: &[&Insert]) -> bool {
        let names = self.names();
        inserts.iter().any(|insert| {
            let target = names.find(&insert.table);
            let is_temporary = |name: &str| self.temporary.contains_key(name);
            target.is_some_and(|t| is_temporary(&t.name))
                || names.temporary_in(&insert.query).is_some()
        })
    }

    pub(super) fn statement_set(&self, inserts: &[Insert], text: &str) -> Result<Planned> {
        let outputs = inserts.iter().enumerate();
        let outputs = outputs.map(|(nth, insert)| self.output(insert, text, nth));
        let outputs: Vec<PlannedOutput> = outputs.collect::<Result<_>>()?;
        let targets: Vec<&str> = outputs.iter().map(|o| o.target.name.as_str()).collect();
        Ok(Planned::Pipeline(PlannedPipeline {
            name: self.job_name(&targets),
            text: text.to_owned(),
            outputs,
            definition: None,
            is_temporary: self.is_temporary(&inserts.iter().collect::<Vec<_>>()),
        }))
    }
}

/// A pipeline's epochs can be run again with the same result.
pub(super) fn check_repeatable(plan: &LogicalPlan, query: &Query) -> Result<()> {
    let Some(name) = unrepeatable(plan) else {
        return Ok(());
    };
    Err(SqlError::unsupported(format!(
        "{}() would give another result when an epoch is run again after a restart",
        name.to_uppercase()
    ))
    .at(query.span)
    .with_hint("compute the value where the rows are produced"))
}
