//! [`Connector`]: opens connections, encrypted or not.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, Socket};

use crate::error::Result;

/// What is set if the address does not say otherwise, so that a dead server is noticed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE: Duration = Duration::from_secs(15);

/// The next message of a connection, which lives as long as it is polled.
pub(super) type Messages = Box<
    dyn FnMut(&mut Context<'_>) -> Poll<Option<Result<AsyncMessage, tokio_postgres::Error>>> + Send,
>;

type Opening = Pin<Box<dyn Future<Output = Result<(Client, Messages)>> + Send>>;

/// Opens connections.
#[derive(Clone)]
pub(super) struct Connector {
    config: Config,
    open: Arc<dyn Fn() -> Opening + Send + Sync>,
}

impl Connector {
    pub(super) fn plain(config: Config) -> Self {
        Self::new(config, NoTls)
    }

    /// Encrypts, or not, as the address's `sslmode` says.
    pub(super) fn new<T>(mut config: Config, tls: T) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        set_defaults(&mut config);
        let its = config.clone();
        let open = move || -> Opening {
            let (config, tls) = (its.clone(), tls.clone());
            Box::pin(async move {
                let (client, connection) = config.connect(tls).await?;
                Ok((client, messages(connection)))
            })
        };
        Self {
            config,
            open: Arc::new(open),
        }
    }

    pub(super) async fn connect(&self) -> Result<(Client, Messages)> {
        (self.open)().await
    }
}

fn messages<S>(mut connection: Connection<Socket, S>) -> Messages
where
    S: tokio_postgres::tls::TlsStream + Unpin + Send + 'static,
{
    Box::new(move |context| connection.poll_message(context))
}

fn set_defaults(config: &mut Config) {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_keepalives_interval().is_none() {
        config
            .keepalives_idle(KEEPALIVE)
            .keepalives_interval(KEEPALIVE);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(2 * KEEPALIVE);
    }
    if config.get_application_name().is_none() {
        config.application_name("headwater");
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Tokio-postgres leaves the password out.
        f.debug_tuple("Connector").field(&self.config).finish()
    }
}
