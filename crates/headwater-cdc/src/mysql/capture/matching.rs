//! Tables that are captured because their names match.

use headwater_log::{Error, ErrorKind, Result};

use super::settings::{Settings, TableName};
use crate::capture::check_topics;
use crate::filter::Matching;
use crate::mysql::Session;

/// The tables of a server that match now.
pub(super) fn tables_matching(
    session: &mut Session,
    matching: &Matching,
) -> Result<Vec<TableName>> {
    let sql = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' \
               AND table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema') ORDER BY 1, 2";
    let rows = session.query(sql)?.into_iter();
    let named = rows.filter_map(|row| match <[_; 2]>::try_from(row) {
        Ok([Some(database), Some(name)]) => Some(TableName { database, name }),
        _ => None,
    });
    Ok(named
        .filter(|t| matching.takes(&t.database, &t.name))
        .collect())
}

impl Settings {
    /// The same with the tables that match now, behind those that are named; `known` are those that were captured before, of which the log may have
    /// to say that they are gone.
    ///
    /// # Errors
    /// `NotFound` if there is no table at all; `Invalid`; what the server says.
    pub(crate) fn with_matching(&self, session: &mut Session, known: &[String]) -> Result<Self> {
        let mut settings = self.clone();
        let Some(matching) = &self.matching else {
            return Ok(settings);
        };
        let known = known.iter().filter_map(|name| {
            let (database, name) = name.split_once('.')?;
            Some(TableName::new(database, name))
        });
        let known = known.filter(|t| matching.takes(&t.database, &t.name));
        for table in tables_matching(session, matching)?.into_iter().chain(known) {
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
