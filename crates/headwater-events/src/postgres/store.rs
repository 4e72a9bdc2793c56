//! [`Postgres`]: a store in a schema of a database, and what else can be done there.

use std::sync::Arc;

use bytes::Bytes;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, Socket, Transaction};

use super::append::{Funnel, append_in};
use super::connect::Connector;
use super::database::Database;
use super::news::{News, listen};
use super::options::PostgresOptions;
use super::reactor::Reactor;
use super::read::Owners;
use crate::error::Result;
use crate::event::{Position, Recorded};
use crate::store::{Append, Appended, EventStore, Page, ReadAll, ReadStream, Store};
use crate::task::Task;

/// A store in a schema of a PostgreSQL database, for many processes at once. Cheap to clone.
///
/// Its connections are direct ones, or come from a pooler that gives each client a session of its own.
#[derive(Debug, Clone)]
pub struct Postgres {
    pub(super) database: Arc<Database>,
    news: Arc<News>,
    funnel: Arc<Funnel>,
    // The last: what is above ends before its threads do.
    pub(super) reactor: Arc<Reactor>,
}

impl Postgres {
    /// Opens the store at an address such as `postgres://user:password@host/database`; its tables are made if they are not there.
    ///
    /// # Errors
    /// `Invalid` if the address or the rights are wrong, `Unsupported` if the server is older than PostgreSQL 13 or the
    /// tables are newer than this program, `Unavailable` if the server is not there.
    pub async fn connect(address: &str, options: PostgresOptions) -> Result<Self> {
        let config = address.parse::<Config>()?;
        Self::open(Connector::plain(config), options).await
    }

    /// As [`connect`](Self::connect), with encryption as the address's `sslmode` asks for it.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_tls<T>(address: &str, options: PostgresOptions, tls: T) -> Result<Self>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let config = address.parse::<Config>()?;
        Self::open(Connector::new(config, tls), options).await
    }

    async fn open(connector: Connector, options: PostgresOptions) -> Result<Self> {
        let reactor = Reactor::start()?;
        let opening = async move {
            let database = Arc::new(Database::open(connector, options).await?);
            let news = Arc::new(News::new());
            let funnel = Funnel::start(Arc::clone(&database), Arc::clone(&news));
            let funnel = Arc::new(funnel);
            let listening = listen(
                Arc::clone(&database),
                Arc::clone(&news),
                Arc::downgrade(&funnel),
            );
            tokio::spawn(listening);
            Ok((database, news, funnel))
        };
        let (database, news, funnel) = reactor.run(opening).await?;
        Ok(Self {
            database,
            news,
            funnel,
            reactor: Arc::new(reactor),
        })
    }

    /// A handle on it.
    pub fn store(&self) -> Store {
        Store::new(Arc::new(self.clone())).named(&self.database.options.schema)
    }

    /// Appends in a transaction of the caller's, of isolation READ COMMITTED on a connection to the same database: the events are there if and when it is
    /// committed. Until then others can append to other streams and read everything. The answer has no position: events are
    /// given theirs after the transaction, at once if some process has the store open; see [`sequence`](Self::sequence).
    ///
    /// # Errors
    /// `Conflict`: the transaction can go on without the events; `Unsupported` if there is a condition over a query; `Invalid`,
    /// `Unavailable`.
    pub async fn append_in(
        &self,
        transaction: &Transaction<'_>,
        append: Append,
    ) -> Result<Appended> {
        append.check_types()?;
        append_in(transaction, &self.database.sql, &append).await
    }

    /// Drops the schema with all events. Whoever has the store open gets errors from then on.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn drop_store(&self) -> Result<()> {
        let session = super::view::open(self).await?;
        let drop = format!("DROP SCHEMA {} CASCADE", self.database.sql.schema);
        Ok(session.client().batch_execute(&drop).await?)
    }

    /// Gives positions to all events of transactions that are committed by now; gives the place where the store ends then, so that
    /// whoever waits for the place before it has them all.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn sequence(&self) -> Result<Position> {
        let funnel = Arc::clone(&self.funnel);
        self.reactor
            .run(async move { funnel.sequence().await })
            .await
    }
}

impl EventStore for Postgres {
    fn append(&self, append: Append) -> Task<'_, Appended> {
        Box::pin(async move {
            append.check()?;
            let funnel = Arc::clone(&self.funnel);
            self.reactor
                .run(async move { funnel.append(append).await })
                .await
        })
    }

    fn read(&self, read: ReadStream) -> Task<'_, Vec<Recorded>> {
        let database = Arc::clone(&self.database);
        Box::pin(self.reactor.run(async move { database.ask(read).await }))
    }

    fn read_all(&self, read: ReadAll) -> Task<'_, Page> {
        let database = Arc::clone(&self.database);
        Box::pin(self.reactor.run(async move { database.ask(read).await }))
    }

    fn wait(&self, from: Position) -> Task<'_, Position> {
        Box::pin(self.news.wait(from))
    }

    fn positions<'a>(&'a self, prefix: &'a str) -> Task<'a, Vec<(String, Bytes)>> {
        let database = Arc::clone(&self.database);
        let owners = Owners(prefix.to_owned());
        Box::pin(self.reactor.run(async move { database.ask(owners).await }))
    }
}
