//! Whole tables: which there are, what they look like, and what becomes of them.

use std::time::Instant;

use headwater_log::{ErrorKind, Result};

use super::LogFeed;
use crate::capture::{Intake, LOOK_INTERVAL, TableIndex};
use crate::mysql::capture::matching::tables_matching;
use crate::mysql::capture::shape::{columns, key_names};
use crate::mysql::ddl::Named;
use crate::mysql::{MySql, Table};

impl LogFeed {
    /// Whether tables match that are not captured, if it is time to look.
    pub(super) fn has_new_tables(&mut self) -> Result<bool> {
        let Some(matching) = &self.matching else {
            return Ok(false);
        };
        if self.looked.is_some_and(|at| at.elapsed() < LOOK_INTERVAL) {
            return Ok(false);
        }
        self.looked = Some(Instant::now());
        let now = tables_matching(&mut self.control, matching)?;
        Ok(!now.iter().all(|name| self.tables.contains(name)))
    }

    /// Runs the statement of heartbeats, if it is time.
    pub(super) fn beat(&mut self) -> Result<()> {
        let Some(heartbeat) = &self.heartbeat else {
            return Ok(());
        };
        let is_early = |beat: Instant| beat.elapsed() < heartbeat.interval;
        let Some(statement) = heartbeat
            .statement
            .as_ref()
            .filter(|_| !self.beat.is_some_and(is_early))
        else {
            return Ok(());
        };
        self.beat = Some(Instant::now());
        self.control.execute(statement)
    }

    /// The captured tables that a statement names.
    pub(super) fn named(&self, named: &Named) -> Vec<TableIndex> {
        let is_same = |one: &str, other: &str| match self.folds_names {
            true => one.to_lowercase() == other.to_lowercase(),
            false => one == other,
        };
        let all = self.tables.iter().enumerate();
        let found = all.filter(|(_, name)| {
            let table = named.table.as_ref();
            is_same(&name.database, &named.database)
                && table.is_none_or(|table| is_same(&name.name, table))
        });
        found.map(|(at, _)| at).collect()
    }

    /// All rows of a table are gone; `must`: what comes is another table, so that this is no change that may be skipped.
    pub(super) fn emptied(
        &self,
        into: &mut Intake<'_, MySql>,
        at: TableIndex,
        must: bool,
    ) -> Result<()> {
        let shape = self.shapes.get(&at).map(|(_, shape)| &shape.form);
        let form = shape.unwrap_or(into.stored_form(at));
        let (mut target, mut before) = into.target(at, form, self.origin.clone());
        match must {
            true => target.empty(&mut before),
            false => target.truncate(&mut before),
        }
    }

    /// A table has these columns. If others identify its rows than before, its topic begins anew.
    pub(super) fn described(
        &self,
        into: &mut Intake<'_, MySql>,
        at: TableIndex,
        columns: Vec<(String, String)>,
    ) -> Result<()> {
        if key_names(into.known_columns(at)) != key_names(&columns) {
            self.emptied(into, at, true)?;
        }
        into.columns(at, columns);
        Ok(())
    }

    /// What the catalogue says; `None`: the table is gone.
    pub(super) fn columns_now(&mut self, at: TableIndex) -> Result<Option<Vec<(String, String)>>> {
        let name = &self.tables[at];
        match Table::of(&mut self.control, &name.database, &name.name) {
            Ok(table) => Ok(Some(columns(
                &*self.forms.keyed(&table, &mut self.control)?,
            ))),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }
}
