//! The outbox table: how it is made, and whether it has what is needed.

use headwater_log::{Error, ErrorKind, Result};

use super::field::{Field, Row};
use super::settings::{From, OutboxSettings};
use crate::postgres::{Cell, Session, TableName, identifier, literal};

/// Orders the rows of a table that is asked.
pub(super) const POSITION: &str = "position";
/// The transaction that wrote a row of a table that is asked.
pub(super) const XID: &str = "xid";

/// The statement that makes an outbox table. It can be read from the server's log and be asked.
///
/// ```
/// use headwater_cdc::{outbox::create_table, postgres::TableName};
///
/// let sql = create_table(&TableName::new("public", "outbox"));
/// assert!(sql.starts_with(r#"CREATE TABLE IF NOT EXISTS "public"."outbox""#));
/// ```
pub fn create_table(table: &TableName) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (\n  \
         id uuid PRIMARY KEY DEFAULT gen_random_uuid(),\n  \
         aggregatetype text NOT NULL,\n  \
         aggregateid text NOT NULL,\n  \
         type text NOT NULL,\n  \
         payload jsonb,\n  \
         {POSITION} bigint GENERATED ALWAYS AS IDENTITY,\n  \
         {XID} xid8 NOT NULL DEFAULT pg_current_xact_id()\n)",
        table.quoted()
    )
}

/// The columns of a table: names and ids of types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns(pub(super) Vec<(String, u32)>);

impl Columns {
    /// Looks the table up and checks that it has what is needed.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` with what mends it.
    pub(super) fn look_up(
        session: &mut Session,
        table: &TableName,
        settings: &OutboxSettings,
    ) -> Result<Self> {
        let sql = format!(
            "SELECT attname, atttypid FROM pg_attribute WHERE attrelid = to_regclass({}) \
             AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            literal(&table.quoted())
        );
        let mut columns = Vec::new();
        for row in session.query(&sql)? {
            if let [Some(name), Some(id)] = &row[..] {
                columns.push((name.clone(), id.parse().unwrap_or(0)));
            }
        }
        if columns.is_empty() {
            let text = format!("there is no table '{table}'");
            return Err(Error::new(ErrorKind::NotFound, text).with_hint(create_table(table)));
        }
        let found = Self(columns);
        for name in settings.router.columns() {
            if !found.has(name) {
                let text = format!("outbox table '{table}' has no column '{name}'");
                return Err(Error::new(ErrorKind::Invalid, text)
                    .with_hint("the options of the router say which columns it has"));
            }
        }
        if matches!(settings.from, From::Asking(..)) {
            found.check_asking(session, table)?;
        }
        Ok(found)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }

    /// What a table must have beyond to be asked.
    fn check_asking(&self, session: &mut Session, table: &TableName) -> Result<()> {
        let missing = |name: &str, of: &str| {
            let text =
                format!("outbox table '{table}' has no column '{name}', which asking it needs");
            let mend = format!("ALTER TABLE {} ADD COLUMN {name} {of}", table.quoted());
            Err(Error::new(ErrorKind::Invalid, text).with_hint(mend))
        };
        if !self.has(POSITION) {
            return missing(POSITION, "bigint GENERATED ALWAYS AS IDENTITY");
        }
        if !self.has(XID) {
            return missing(XID, "xid8 NOT NULL DEFAULT pg_current_xact_id()");
        }
        // Numbers that a session takes ahead would not be in the order of the events of a key.
        let sql = format!(
            "SELECT seqrelid::regclass::text FROM pg_sequence WHERE seqcache > 1 \
             AND seqrelid = pg_get_serial_sequence({}, '{POSITION}')::regclass",
            literal(&table.quoted())
        );
        match session.value(&sql)? {
            None => Ok(()),
            Some(name) => {
                let text = format!("sequence '{name}' gives sessions several numbers at once");
                Err(Error::new(ErrorKind::Invalid, text)
                    .with_hint(format!("ALTER SEQUENCE {name} CACHE 1")))
            }
        }
    }

    /// As they stand in a SELECT.
    pub(super) fn listed(&self) -> String {
        let names = self.0.iter().map(|(name, _)| identifier(name));
        names.collect::<Vec<_>>().join(", ")
    }

    /// The row that these cells are.
    pub(super) fn row(&self, cells: &[Cell]) -> Row {
        let mut row = Row::default();
        for ((name, id), cell) in self.0.iter().zip(cells) {
            row.push(name, Field::of_cell(cell, *id));
        }
        row
    }
}
