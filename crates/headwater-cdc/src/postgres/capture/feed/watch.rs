//! What the stream does not say of the tables and the slot, and is looked for again and again.

use std::time::Instant;

use headwater_log::{Error, ErrorKind, Result};

use super::SlotFeed;
use crate::capture::{Intake, LOOK_INTERVAL};
use crate::postgres::capture::matching::tables_matching;
use crate::postgres::capture::reading::files;
use crate::postgres::capture::{PostgreSql, slot};
use crate::postgres::{Table, literal};

impl SlotFeed {
    /// Looks if it is time to; gives whether other tables are to be captured.
    pub(super) fn watch(&mut self, into: &mut Intake<'_, PostgreSql>) -> Result<bool> {
        if self
            .looked
            .is_some_and(|looked| looked.elapsed() < LOOK_INTERVAL)
        {
            return Ok(false);
        }
        self.looked = Some(Instant::now());
        self.look_for_tables()?;
        if into.assembly.is_whole() {
            self.look_for_partitions(into)?;
        }
        self.held = slot::held(&mut self.control, &self.settings.slot)?;
        let Some(matching) = &self.settings.matching else {
            return Ok(false);
        };
        let now = tables_matching(&mut self.control, matching)?;
        Ok(!now
            .iter()
            .all(|name| self.tables.iter().any(|t| t.name == *name)))
    }

    /// The publication loses tables that are dropped without a word.
    ///
    /// # Errors
    /// `Unavailable` if one is gone: what is there now is found when all begins again.
    fn look_for_tables(&mut self) -> Result<()> {
        let ids: Vec<String> = self.tables.iter().map(|t| t.id.to_string()).collect();
        let sql = format!("SELECT oid FROM pg_class WHERE oid IN ({})", ids.join(", "));
        let found: Vec<Option<String>> = self.control.query(&sql)?.into_iter().flatten().collect();
        let is_there = |t: &&Table| found.iter().flatten().any(|id| *id == t.id.to_string());
        match self.tables.iter().find(|t| !is_there(t)) {
            None => Ok(()),
            Some(gone) => {
                let text = format!("table '{}' was dropped", gone.name);
                Err(Error::new(ErrorKind::Unavailable, text))
            }
        }
    }

    /// A partition may be attached with rows in it, of which the stream says nothing: they are read. Those of one that is detached stay in the topic.
    fn look_for_partitions(&mut self, into: &mut Intake<'_, PostgreSql>) -> Result<()> {
        for (at, table) in self.tables.iter().enumerate() {
            if table.is_partitioned && self.settings.reads(&table.name) {
                let now = files(&mut self.control, &literal(&table.name.quoted()))?;
                if let Some(progress) = into.progress(at).with_files(&now) {
                    into.read_also(at, progress);
                }
            }
        }
        Ok(())
    }
}
