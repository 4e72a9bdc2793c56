//! [`Tables`]: what a projection makes of events in tables.

use tokio_postgres::Transaction;

use crate::projection::Batch;
use crate::task::Task;

/// What a projection makes of events in tables. Names without a schema are those of the version's own.
///
/// ```
/// use headwater_events::postgres::{Tables, tokio_postgres::Transaction};
/// use headwater_events::{Batch, Task};
///
/// struct Sales;
///
/// impl Tables for Sales {
///     fn create(&self) -> String {
///         "CREATE TABLE sales (product text PRIMARY KEY, count bigint NOT NULL)".to_owned()
///     }
///
///     fn apply<'a>(&'a mut self, transaction: &'a Transaction<'a>, batch: &'a Batch) -> Task<'a, ()> {
///         Box::pin(async move {
///             for event in &batch.events {
///                 let product: String = event.json()?;
///                 let add = "INSERT INTO sales VALUES ($1, 1)
///                     ON CONFLICT (product) DO UPDATE SET count = sales.count + 1";
///                 transaction.execute(add, &[&product]).await?;
///             }
///             Ok(())
///         })
///     }
/// }
/// ```
pub trait Tables: Send {
    /// The statements that make the tables, and views of them, which are run once for each version.
    fn create(&self) -> String;

    /// Changes the tables as the events ask for. The transaction ends behind it, and is never ended by it.
    ///
    /// # Errors
    /// `Unavailable`: the events come again; anything else is said of the events: they come one by one then, and the one that
    /// cannot be applied is parked. An error of PostgreSQL is one or the other.
    fn apply<'a>(&'a mut self, transaction: &'a Transaction<'a>, batch: &'a Batch) -> Task<'a, ()>;
}
