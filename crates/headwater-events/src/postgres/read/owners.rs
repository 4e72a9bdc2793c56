//! The positions of owners.

use bytes::Bytes;

use crate::error::Result;
use crate::postgres::database::Ask;
use crate::postgres::session::Session;
use crate::postgres::sql::Sql;

/// Asks for the positions of owners whose names begin with this.
#[derive(Debug)]
pub(in crate::postgres) struct Owners(pub(in crate::postgres) String);

impl Ask for Owners {
    type Answer = Vec<(String, Bytes)>;

    async fn ask(&self, session: &mut Session, sql: &Sql) -> Result<Self::Answer> {
        let rows = session.query(&sql.positions, vec![&self.0]).await?;
        let mut owners = Vec::with_capacity(rows.len());
        for row in rows {
            let value: &[u8] = row.try_get(1)?;
            owners.push((row.try_get(0)?, Bytes::copy_from_slice(value)));
        }
        Ok(owners)
    }
}
