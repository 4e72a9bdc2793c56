//! What a lowered plan gives, against what its target takes.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use headwater_flow::plan::{Changes, TableDef};

use super::planned::{PlannedOutput, PlannedQuery};
use crate::error::{Result, SqlError};
use crate::planner::{DEFAULT_CONNECTOR, count_rows, is_written};
use crate::statement::Emit;

/// Connectors that show changes as they are.
const SHOW_CHANGES: [&str; 2] = ["print", "blackhole"];

impl PlannedOutput {
    /// Makes the target what the lowered plan writes: a view gets the key that identifies its rows, or counts them. `updating` is the
    /// operator because of which the plan changes rows that it gave, `key` the columns that identify one.
    ///
    /// # Errors
    /// `Invalid` if the target only takes new rows and the plan changes rows.
    pub fn settle(
        &mut self,
        schema: &SchemaRef,
        updating: Option<&str>,
        key: Option<&[usize]>,
    ) -> Result<()> {
        check_emission(self.emit, updating)?;
        let Some(operator) = updating else {
            if self.is_view && self.target.primary_key.is_empty() {
                Arc::make_mut(&mut self.target).changes = Changes::Append;
            }
            return Ok(());
        };
        if !self.is_view {
            return match takes_changes(&self.target) {
                true => check_key(&self.target, schema, key, operator),
                false => Err(appends_only(&self.target, operator)),
            };
        }
        if self.target.primary_key.is_empty() {
            let target = Arc::make_mut(&mut self.target);
            target.changes = Changes::Upsert;
            match key {
                None | Some([]) => count_rows(target),
                Some(key) => {
                    let name = |k: &usize| schema.field(*k).name().clone();
                    target.primary_key = key.iter().map(name).collect();
                }
            }
        }
        Ok(())
    }
}

impl PlannedOutput {
    /// The columns of the rows that must have a value, by their places.
    pub fn required(&self) -> Vec<usize> {
        if self.is_view {
            return Vec::new();
        }
        let written = self.target.columns.iter().filter(|c| is_written(c));
        let required = written.enumerate().filter(|(_, c)| !c.nullable);
        required.map(|(i, _)| i).collect()
    }

    /// Whether a row that nothing can be made of ends the job, by the table's options.
    pub fn fails(&self) -> bool {
        self.target.options.get("on-error") == Some("fail")
    }

    /// Refuses rows that have no value for a column which is NOT NULL.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn check_not_null(&self, rows: &[RecordBatch]) -> Result<()> {
        let mut required = self.target.columns.iter().filter(|c| !c.nullable);
        let is_null = |name: &str| {
            let mut columns = rows.iter().filter_map(|batch| batch.column_by_name(name));
            columns.any(|column| column.null_count() > 0)
        };
        match required.find(|c| is_null(&c.name)) {
            None => Ok(()),
            Some(column) => Err(SqlError::invalid(format!(
                "column '{}' of '{}' is NOT NULL, and a row has NULL there",
                column.name, self.target.name
            ))),
        }
    }
}

impl PlannedQuery {
    /// Refuses `EMIT ON WINDOW CLOSE` of a query that is never done with a row, because of the operator `updating`.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn check_emission(&self, updating: Option<&str>) -> Result<()> {
        check_emission(self.emit, updating)
    }
}

fn check_emission(emit: Option<Emit>, updating: Option<&str>) -> Result<()> {
    match (emit, updating) {
        (Some(Emit::OnWindowClose), Some(operator)) => Err(SqlError::invalid(format!(
            "EMIT ON WINDOW CLOSE waits for windows, but {operator} changes rows as long as rows come"
        ))
        .with_hint("group by window_start and window_end of a window, or write EMIT CHANGES")),
        _ => Ok(()),
    }
}

fn takes_changes(target: &TableDef) -> bool {
    let is_keyed = !target.primary_key.is_empty()
        && (target.connector == DEFAULT_CONNECTOR || target.changes == Changes::Upsert);
    is_keyed
        || target.changes == Changes::Weighted
        || SHOW_CHANGES.contains(&target.connector.as_str())
}

/// Rows that the query tells apart must be told apart by the table: else one that goes would take another one's place
/// with it.
fn check_key(
    target: &TableDef,
    schema: &SchemaRef,
    key: Option<&[usize]>,
    operator: &str,
) -> Result<()> {
    let of_table = &target.primary_key;
    let Some(key) = key else {
        return match of_table.is_empty() {
            true => Ok(()),
            false => Err(without_key(target, operator)),
        };
    };
    let of_query = key.iter().map(|k| schema.field(*k).name().as_str());
    let of_query: Vec<&str> = of_query.collect();
    let missing: Vec<&str> = of_query
        .iter()
        .filter(|name| !of_table.iter().any(|k| k == *name))
        .copied()
        .collect();
    if of_table.is_empty() || missing.is_empty() {
        return Ok(());
    }
    Err(SqlError::invalid(format!(
        "the query has a row for each ({}), the table '{}' one for each ({})",
        of_query.join(", "),
        target.name,
        of_table.join(", ")
    ))
    .with_hint(format!(
        "add {} to the PRIMARY KEY of the table, or group by its primary key alone",
        missing.join(", ")
    )))
}

/// Nothing that the query selects tells its rows apart, so several of them may have the key of one row of the table.
fn without_key(target: &TableDef, operator: &str) -> SqlError {
    SqlError::invalid(format!(
        "{operator} changes rows, and the query does not select what tells them apart: table '{}' cannot know by its PRIMARY KEY which row is meant",
        target.name
    ))
    .with_hint("select the columns that the query groups by, and make them the PRIMARY KEY, or write CREATE MATERIALIZED VIEW, which counts rows that are alike")
}

fn appends_only(target: &TableDef, operator: &str) -> SqlError {
    let hint = match target.connector == DEFAULT_CONNECTOR {
        true => "give the table a PRIMARY KEY, or aggregate over a window, which emits once",
        false => {
            "aggregate over a window, which emits once, or write into a topic with a PRIMARY KEY: leave 'connector' out"
        }
    };
    SqlError::invalid(format!(
        "table '{}' only takes new rows, but {operator} changes rows",
        target.name
    ))
    .with_hint(hint)
}
