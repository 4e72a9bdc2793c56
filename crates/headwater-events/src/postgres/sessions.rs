//! [`Sessions`]: a few connections that are lent to whoever reads.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connect::Connector;
use super::failure::bug;
use super::session::Session;
use crate::error::Result;

/// A few connections.
#[derive(Debug, Clone)]
pub(super) struct Sessions {
    connector: Connector,
    idle: Arc<Mutex<Vec<Session>>>,
    permits: Arc<Semaphore>,
}

/// A connection that is lent. It comes back only if it is [kept](Self::keep): whatever is in the middle of something is closed.
#[derive(Debug)]
pub(super) struct Lent {
    pub(super) session: Session,
    idle: Arc<Mutex<Vec<Session>>>,
    _permit: OwnedSemaphorePermit,
}

impl Sessions {
    pub(super) fn new(connector: Connector, max: usize) -> Self {
        Self {
            connector,
            idle: Arc::default(),
            permits: Arc::new(Semaphore::new(max)),
        }
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Waits for a connection that nobody uses, or opens one; must be called on the reactor.
    pub(super) async fn lend(&self) -> Result<Lent> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| bug("the sessions are closed"))?;
        let session = match self.idle() {
            Some(session) => session,
            None => Session::open(&self.connector).await?,
        };
        Ok(Lent {
            session,
            idle: Arc::clone(&self.idle),
            _permit: permit,
        })
    }

    fn idle(&self) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|session| !session.client().is_closed());
        idle.pop()
    }
}

impl Lent {
    /// Gives it back: nothing is going on in it.
    pub(super) fn keep(self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(self.session);
    }
}
