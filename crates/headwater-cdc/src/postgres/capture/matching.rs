//! Tables that are captured because their names match.

use headwater_log::{Error, ErrorKind, Result};

use super::settings::Settings;
use crate::capture::check_topics;
use crate::filter::Matching;
use crate::postgres::{Session, TableName};

/// The tables of a database that match now; partitions come with what they are parts of.
pub(super) fn tables_matching(
    session: &mut Session,
    matching: &Matching,
) -> Result<Vec<TableName>> {
    let sql = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p' \
               AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1, 2";
    let rows = session.query(sql)?.into_iter();
    let named = rows.filter_map(|row| match <[_; 2]>::try_from(row) {
        Ok([Some(schema), Some(name)]) => Some(TableName { schema, name }),
        _ => None,
    });
    Ok(named
        .filter(|t| matching.takes(&t.schema, &t.name))
        .collect())
}

impl Settings {
    /// The same with the tables that match now, behind those that are named.
    ///
    /// # Errors
    /// `NotFound` if there is no table at all; `Invalid`; what the server says.
    pub(crate) fn with_matching(&self, session: &mut Session) -> Result<Self> {
        let mut settings = self.clone();
        let Some(matching) = &self.matching else {
            return Ok(settings);
        };
        for table in tables_matching(session, matching)? {
            if !settings.tables.iter().any(|(name, _)| *name == table) {
                let topic = format!("{}{table}", matching.topic_prefix);
                settings.tables.push((table, topic));
            }
        }
        if settings.tables.is_empty() {
            let text = format!("no table of {} matches", self.address);
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        check_topics(&settings.tables)?;
        Ok(settings)
    }
}
