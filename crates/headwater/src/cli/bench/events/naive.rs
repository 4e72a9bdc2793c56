//! What people write first: a table with a unique stream and version, and INSERTs.

use std::time::{Duration, Instant};

use headwater::events::bench::data_of;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls, Statement};

use crate::cli::exit::{Failure, Outcome};

const TABLE: &str = "
    DROP SCHEMA IF EXISTS headwater_bench_naive CASCADE;
    CREATE SCHEMA headwater_bench_naive;
    CREATE TABLE headwater_bench_naive.events (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        stream text NOT NULL, version bigint NOT NULL, type text NOT NULL, data json NOT NULL,
        UNIQUE (stream, version))";
const DROP: &str = "DROP SCHEMA headwater_bench_naive CASCADE";
const INSERT: &str = "INSERT INTO headwater_bench_naive.events (stream, version, type, data)
    VALUES ($1, $2, 'order.placed', $3::text::json)";

/// A connection and its table.
pub(super) struct Naive {
    runtime: Runtime,
    client: Client,
    insert: Statement,
    next: i64,
}

impl Naive {
    pub(super) fn open(address: &str) -> Outcome<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|e| Failure::io("cannot start a runtime", &e))?;
        let (client, insert) = runtime
            .block_on(async {
                let (client, connection) = tokio_postgres::connect(address, NoTls).await?;
                // What ends it is seen by whoever uses it.
                tokio::spawn(async move { drop(connection.await) });
                client.batch_execute(TABLE).await?;
                let insert = client.prepare(INSERT).await?;
                Ok((client, insert))
            })
            .map_err(failed)?;
        Ok(Self {
            runtime,
            client,
            insert,
            next: 0,
        })
    }

    /// Inserts for a while, so many rows a transaction, one round trip each; gives rows a second.
    pub(super) fn insert(&mut self, rows: usize, time: Duration) -> Outcome<f64> {
        let (started, mut done) = (Instant::now(), 0);
        while started.elapsed() < time {
            self.transact(rows)?;
            done += rows;
        }
        Ok(done as f64 / started.elapsed().as_secs_f64())
    }

    fn transact(&mut self, rows: usize) -> Outcome {
        let Self {
            runtime,
            client,
            insert,
            next,
        } = self;
        let stream = format!("order-{next}");
        let data = data_of(next.cast_unsigned());
        *next += 1;
        let done = runtime.block_on(async {
            if rows == 1 {
                client.execute(insert, &[&stream, &0_i64, &data]).await?;
                return Ok(());
            }
            let transaction = client.transaction().await?;
            for version in 0..rows as i64 {
                let row: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
                    [&stream, &version, &data];
                transaction.execute(&*insert, &row).await?;
            }
            transaction.commit().await
        });
        done.map_err(failed)
    }

    pub(super) fn drop_table(self) -> Outcome {
        let dropped = self.runtime.block_on(self.client.batch_execute(DROP));
        dropped.map_err(failed)
    }
}

fn failed(error: tokio_postgres::Error) -> Failure {
    let said = error.as_db_error().map(|e| e.message().to_owned());
    let text = said.unwrap_or_else(|| error.to_string());
    Failure::failed(format!("PostgreSQL: {text}"))
}
