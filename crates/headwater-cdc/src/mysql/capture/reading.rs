//! One range of a table, read in a snapshot of its own.

use std::sync::Arc;

use headwater_log::Result;

use super::progress::{Found, MySql, SeenAt};
use super::shape::Shape;
use crate::capture::{Place, Reads, Task};
use crate::mysql::{Address, Position, Session, Snapshot, Table, literal};

/// How the rows of a table are read.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) table: Table,
    pub(super) shape: Shape,
}

/// Reads tables.
#[derive(Debug)]
pub(crate) struct TableReads {
    pub(super) address: Address,
    pub(super) plans: Vec<Arc<Plan>>,
    /// Transactions before this may have been streamed before this stream began: a reading must see them.
    pub(super) horizon: Position,
}

impl Reads for TableReads {
    type Server = MySql;
    type Session = Option<Session>;

    fn open(&self) -> Result<Option<Session>> {
        Session::connect(&self.address).map(Some)
    }

    fn read(
        &self,
        session: &mut Option<Session>,
        task: &Task<MySql>,
    ) -> Result<Option<(Found, SeenAt, Place)>> {
        let connected = match session.take() {
            Some(connected) => connected,
            None => Session::connect(&self.address)?,
        };
        let mut snapshot = Snapshot::on(connected)?;
        let position = snapshot.position().clone();
        let found = match position.reaches(&self.horizon) {
            true => Some(self.found(&mut snapshot, task)?),
            false => None,
        };
        *session = Some(snapshot.close()?);
        Ok(found.map(|found| (found, SeenAt(position.clone()), position.into())))
    }
}

impl TableReads {
    fn found(&self, snapshot: &mut Snapshot, task: &Task<MySql>) -> Result<Found> {
        let Plan { table, shape } = &*self.plans[task.table];
        let (after, most) = (task.range.after.as_deref(), task.range.most);
        let (mut rows, mut last) = (Vec::new(), None);
        let is_ordered = snapshot.rows_after(table, after, u64::from(most), |row| {
            rows.push((shape.key(&row), shape.value(&row)));
            if rows.len() == most as usize {
                last = Some(row);
            }
            Ok(())
        })?;
        let last = last.filter(|_| is_ordered);
        Ok(Found {
            last: last.map(|row| snapshot.key_of(table, &row)).transpose()?,
            size: snapshot.about_rows(table)?,
            rows,
        })
    }
}

/// How the server counts a table without reading it.
pub(in crate::mysql) fn about_rows(table: &Table) -> String {
    format!(
        "SELECT table_rows FROM information_schema.tables WHERE table_schema = {} AND table_name = {}",
        literal(&table.database),
        literal(&table.name)
    )
}
