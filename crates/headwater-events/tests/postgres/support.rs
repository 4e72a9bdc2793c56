//! What the tests on PostgreSQL share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use headwater_events::block_on;
use headwater_events::postgres::{Postgres, PostgresOptions};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls};

use super::server::Server;

/// The name of a schema that nobody else has.
pub(crate) fn fresh() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("store {}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A process's view of the store in a schema.
pub(crate) fn open(server: &Server, schema: &str) -> Postgres {
    open_at(&server.url("postgres"), PostgresOptions::schema(schema))
}

/// As [`open`], with options.
pub(crate) fn open_at(address: &str, options: PostgresOptions) -> Postgres {
    block_on(Postgres::connect(address, options)).unwrap()
}

/// Options of a process that waits long, so that only what should be is unavailable.
pub(crate) fn patient(schema: &str) -> PostgresOptions {
    PostgresOptions {
        patience: Duration::from_secs(120),
        ..PostgresOptions::schema(schema)
    }
}

/// Somebody else who uses the server.
pub(crate) struct Other {
    pub(crate) runtime: Runtime,
    pub(crate) client: Client,
}

impl Other {
    pub(crate) fn connect(server: &Server, database: &str) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let address = server.url(database);
        let connecting = async move { tokio_postgres::connect(&address, NoTls).await };
        let (client, connection) = runtime.block_on(connecting).unwrap();
        // What ends it is seen by whoever uses it.
        runtime.spawn(async move { drop(connection.await) });
        Self { runtime, client }
    }

    pub(crate) fn run(&self, statements: &str) {
        self.runtime
            .block_on(self.client.batch_execute(statements))
            .unwrap();
    }

    /// The only value that a query gives.
    pub(crate) fn value<T: for<'a> tokio_postgres::types::FromSql<'a>>(&self, query: &str) -> T {
        let row = self.runtime.block_on(self.client.query_one(query, &[]));
        row.unwrap().get(0)
    }
}
