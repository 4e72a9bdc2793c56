//! The outbox table, of which published rows are deleted. They are found by their key: whoever looks for them elsewhere waits for
//! the locks of rows that others are about to write.

use headwater_log::{Error, ErrorKind, Result};

use crate::mysql::{Position, Session, Table, constant, identifier, read};
use crate::outbox::prune::Prunable;

/// The columns of its key.
pub(super) struct Emptied(Table);

impl Emptied {
    /// # Errors
    /// `Invalid` if nothing identifies its rows.
    pub(super) fn new(table: &Table) -> Result<Self> {
        let columns: Vec<_> = table.key().into_iter().cloned().collect();
        if columns.is_empty() {
            let text = format!(
                "outbox table '{}.{}' has no primary key, which deleting its rows needs",
                table.database, table.name
            );
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        let mut keys = table.clone();
        keys.columns = columns;
        Ok(Self(keys))
    }

    /// As a session sees it.
    pub(super) fn by<'a>(&'a self, session: &'a mut Session) -> BySession<'a> {
        BySession {
            table: &self.0,
            session,
        }
    }
}

/// The table as a session sees it.
pub(super) struct BySession<'a> {
    table: &'a Table,
    session: &'a mut Session,
}

impl Prunable for BySession<'_> {
    type Place = Position;

    fn some(&mut self, most: usize) -> Result<Vec<String>> {
        let columns = &self.table.columns;
        let mut keys = Vec::new();
        read(self.session, self.table, &format!("LIMIT {most}"), |row| {
            let pairs = columns.iter().zip(&row);
            let values = pairs.map(|(column, value)| constant(column, value));
            let values = values.collect::<Result<Vec<String>>>()?;
            keys.push(format!("({})", values.join(", ")));
            Ok(())
        })?;
        Ok(keys)
    }

    fn place(&mut self) -> Result<Position> {
        Position::current(self.session)
    }

    fn delete(&mut self, keys: &[String]) -> Result<()> {
        let names = self.table.columns.iter().map(|c| identifier(&c.name));
        self.session.execute(&format!(
            "DELETE FROM {}.{} WHERE ({}) IN ({})",
            identifier(&self.table.database),
            identifier(&self.table.name),
            names.collect::<Vec<_>>().join(", "),
            keys.join(", ")
        ))
    }
}
