//! Which stores a database has.

use tokio_postgres::Config;

use super::connect::Connector;
use super::reactor::Reactor;
use super::sessions::Sessions;
use super::store::Postgres;
use crate::error::Result;

/// A schema with these two tables is a store.
const STORES: &str = "
    SELECT nspname::text FROM pg_namespace AS schema
    WHERE 2 = (SELECT count(*) FROM pg_class WHERE relnamespace = schema.oid AND relname IN ('events', 'migrations') AND relkind = 'r')
    ORDER BY nspname";

impl Postgres {
    /// The schemas of a database that are stores, by name.
    ///
    /// # Errors
    /// `Invalid` if the address is wrong, `Unavailable` if the server is not there.
    pub async fn stores(address: &str) -> Result<Vec<String>> {
        let connector = Connector::plain(address.parse::<Config>()?);
        let listing = async move {
            let sessions = Sessions::new(connector, 1);
            let lent = sessions.lend().await?;
            let rows = lent.session.client().query_typed(STORES, &[]).await?;
            rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
        };
        Reactor::start()?.run(listing).await
    }
}
