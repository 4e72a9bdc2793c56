//! [`Versions`]: the answer to an append that has happened before.

use headwater_log::Version;
use tokio_postgres::Row;

use crate::error::Result;
use crate::event::Position;
use crate::postgres::database::Ask;
use crate::postgres::session::Session;
use crate::postgres::sql::Sql;
use crate::store::{Append, Appended};

/// Asks for the answer to an append whose last event is at a place.
#[derive(Debug)]
pub(super) struct Versions<'a> {
    pub(super) append: &'a Append,
    /// `None`: it waits for its position.
    pub(super) position: Option<Position>,
}

impl Versions<'_> {
    /// What the statement is asked with.
    pub(super) fn parameters(&self) -> (Vec<&str>, i64) {
        let streams = self.append.writes.iter().map(|w| w.stream.as_str());
        let end = self.position.map_or(i64::MAX, |p| p.0.cast_signed());
        (streams.collect(), end)
    }

    pub(super) fn answer(&self, rows: &[Row]) -> Result<Appended> {
        let mut versions = Vec::with_capacity(rows.len());
        for (row, write) in rows.iter().zip(&self.append.writes) {
            let version: Option<i64> = row.try_get(0)?;
            let version = version.map(|v| Version(v.cast_unsigned()));
            versions.push(version.filter(|_| write.count() > 0));
        }
        Ok(Appended {
            position: self.position,
            versions,
            repeated: true,
        })
    }
}

impl Ask for Versions<'_> {
    type Answer = Appended;

    async fn ask(&self, session: &mut Session, sql: &Sql) -> Result<Appended> {
        let (streams, end) = self.parameters();
        let rows = session.query(&sql.versions, vec![&streams, &end]).await?;
        self.answer(&rows)
    }
}
