//! Queries over what is durable, streams of changes, and rows that are inserted by hand.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use headwater_flow::ZBatch;
use headwater_flow::plan::{OutputInfo, Reasons, TableDef};
use headwater_log::Commit;
use headwater_sql::batch::{SourceTables, Tables, run};
use headwater_sql::statement::ObjectKind;
use headwater_sql::{PlannedOutput, PlannedQuery, SqlError, SqlErrorKind};

use super::Headwater;
use super::answer::{Answer, Rows};
use crate::error::{Error, ErrorKind, Result};
use crate::system;

/// Tables that are read through their connectors, and those of the system.
pub(super) struct WithSystem<'a> {
    headwater: &'a Headwater,
    tables: SourceTables,
}

impl Tables for WithSystem<'_> {
    fn rows(
        &self,
        table: &TableDef,
        schema: &SchemaRef,
        keys: Option<&RecordBatch>,
    ) -> Result<Vec<RecordBatch>, SqlError> {
        if table.connector != system::CONNECTOR {
            return self.tables.rows(table, schema, keys);
        }
        let rows = system::read(self.headwater, &table.name);
        let rows = rows.map_err(|e| SqlError::new(SqlErrorKind::Unavailable, e.to_string()))?;
        let rows = std::collections::HashMap::from([(table.name.clone(), vec![rows])]);
        rows.rows(table, schema, keys)
    }
}

impl Headwater {
    /// Answers a query over one cut of the log: all topics and views up to the same commit. Before its rows comes a warning
    /// for each table with records that are not among them.
    pub(super) fn query(&self, query: &PlannedQuery, text: &str) -> Result<Vec<Answer>> {
        let tables = self.tables_and_system(text)?;
        let answer = run(query.plan.clone(), &tables)
            .map_err(|e| Error::sql(&query.place.locate(e), text))?;
        let rows = Answer::Rows(Rows {
            schema: answer.schema,
            batches: answer.batches,
            commit: Some(tables.tables.commit()),
        });
        let warnings = tables.tables.rejected().into_iter().map(Answer::Warning);
        Ok(warnings.chain([rows]).collect())
    }

    pub(super) fn tables(&self, text: &str) -> Result<SourceTables> {
        let tables = SourceTables::new(
            self.1.clone(),
            self.0.log.clone(),
            Arc::clone(&self.0.clock),
        );
        let objects = self.0.catalogue.objects().into_iter();
        let views = objects.filter(|o| o.kind == ObjectKind::MaterializedView);
        let tables = tables.map_err(|e| Error::sql(&e, text))?;
        Ok(tables.with_views(views.map(|o| o.name.clone())))
    }

    /// The same with the tables of the system.
    pub(super) fn tables_and_system(&self, text: &str) -> Result<WithSystem<'_>> {
        Ok(WithSystem {
            headwater: self,
            tables: self.tables(text)?,
        })
    }

    /// Writes the rows of a `VALUES` in one commit.
    pub(super) fn insert_values(&self, output: &PlannedOutput, text: &str) -> Result<Answer> {
        let tables = self.tables(text)?;
        let answer = run(output.plan.clone(), &tables);
        let answer = answer
            .and_then(|answer| output.check_not_null(&answer.batches).map(|()| answer))
            .map_err(|e| Error::sql(&output.place.locate(e), text))?;
        let rows: usize = answer.batches.iter().map(RecordBatch::num_rows).sum();
        let info = OutputInfo {
            name: output.target.name.clone(),
            schema: Arc::clone(&answer.schema),
            updating: None,
            key: None,
            fails: true,
            reasons: Reasons::default(),
        };
        self.write_once(&output.target, &info, answer.batches)?;
        Ok(Answer::Done(format!(
            "inserted {rows} rows into {}",
            output.target.name
        )))
    }

    /// Writes rows into a table, in one commit.
    pub(crate) fn write_rows(&self, table: &str, rows: RecordBatch) -> Result<()> {
        let info = OutputInfo {
            name: table.to_owned(),
            schema: rows.schema(),
            updating: None,
            key: None,
            fails: true,
            reasons: Reasons::default(),
        };
        let table = self.table(table)?;
        self.write_once(&table, &info, vec![rows])
    }

    /// The table of this name.
    pub(crate) fn table(&self, name: &str) -> Result<Arc<TableDef>> {
        let object = self.session().object(name);
        let table = object.and_then(|o| o.table.clone());
        let missing = || {
            let text = format!("table '{name}' does not exist");
            Error::new(ErrorKind::NotFound, text)
        };
        table.ok_or_else(missing)
    }

    fn write_once(
        &self,
        table: &TableDef,
        info: &OutputInfo,
        batches: Vec<RecordBatch>,
    ) -> Result<()> {
        let mut sink = self.sink(table, info)?;
        let rows: Vec<ZBatch> = batches.into_iter().map(ZBatch::append_only).collect();
        let mut commit = Commit::new();
        sink.recover(0)?;
        sink.write(1, &rows, &mut commit)?;
        if !commit.appends.is_empty() {
            self.commit(commit)?;
        }
        sink.committed(1)?;
        Ok(sink.close()?)
    }
}
