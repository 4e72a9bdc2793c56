//! The outbox table as a queue: read by its numbers and emptied.

use headwater_log::{Error, ErrorKind, Result};

use super::row::row;
use super::table::{POSITION, column, look_up, quoted, session};
use crate::mysql::{Address, Column, Session, Table, TableName, constant, identifier, read};
use crate::outbox::field::Row;
use crate::outbox::queue::{Name, Queue};
use crate::outbox::router::Router;

/// The table.
pub(in crate::outbox) struct TableQueue {
    session: Session,
    name: TableName,
    table: Table,
    /// The number of a row, and the id of its event.
    number: (usize, Column),
    id: (usize, Column),
}

impl TableQueue {
    /// Connects, and looks at the table.
    ///
    /// # Errors
    /// `Unavailable`; `NotFound` and `Invalid` with what mends it.
    pub(in crate::outbox) fn open(
        address: &Address,
        name: &TableName,
        router: &Router,
    ) -> Result<Self> {
        let mut session = session(address)?;
        let table = look_up(&mut session, name, router)?;
        let owned = |name: &str| column(&table, name).map(|(at, column)| (at, column.clone()));
        let Some(number) = owned(POSITION).filter(|(_, c)| c.key == Some(0)) else {
            let text = format!(
                "outbox table '{name}' has no primary key '{POSITION}', which emptying it needs"
            );
            let mend = format!(
                "ALTER TABLE {} ADD COLUMN {POSITION} BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY",
                quoted(name)
            );
            return Err(Error::new(ErrorKind::Invalid, text).with_hint(mend));
        };
        let id = owned(&router.id).ok_or_else(|| {
            Error::new(ErrorKind::Bug, "a table without the column that was found")
        })?;
        Ok(Self {
            session,
            name: name.clone(),
            number,
            id,
            table,
        })
    }
}

impl Queue for TableQueue {
    fn identity(&mut self) -> Result<String> {
        let name = match self.session.is_mariadb() {
            true => "@@server_uid",
            false => "@@server_uuid",
        };
        // Older servers of MariaDB have no name for ever.
        let server = self.session.value(&format!("SELECT {name}"));
        let server = match server {
            Err(e) if e.kind() == ErrorKind::Unsupported => None,
            server => server?,
        };
        Ok(format!("{} {}", server.unwrap_or_default(), self.name))
    }

    fn lowest(&mut self, most: usize) -> Result<Vec<(Name, Row)>> {
        let rest = format!("ORDER BY {} LIMIT {most}", identifier(POSITION));
        let mut rows = Vec::new();
        let (table, number, id) = (&self.table, &self.number, &self.id);
        read(&mut self.session, table, &rest, |values| {
            let name = Name {
                number: constant(&number.1, &values[number.0])?,
                id: constant(&id.1, &values[id.0])?,
            };
            rows.push((name, row(table, &values)));
            Ok(())
        })?;
        Ok(rows)
    }

    fn delete(&mut self, names: &[Name]) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let list = |of: fn(&Name) -> &str| names.iter().map(of).collect::<Vec<_>>().join(", ");
        self.session.execute(&format!(
            "DELETE FROM {} WHERE {} IN ({}) AND {} IN ({})",
            quoted(&self.name),
            identifier(POSITION),
            list(|name| &name.number),
            identifier(&self.id.1.name),
            list(|name| &name.id)
        ))
    }
}
