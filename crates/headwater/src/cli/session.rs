//! Where a command's requests are answered: here, or by the process that has the data directory open.

use std::path::Path;
use std::sync::Arc;

use super::control::Client;
use super::exit::Outcome;
use super::host::Host;
use super::request::{Replies, Request};

/// Something that answers requests about a data directory.
pub(crate) enum Session {
    /// This process has the directory open.
    Local(Arc<Host>),
    /// Another process has.
    Remote(Client),
}

impl Session {
    /// Goes through the directory's control socket if somebody serves it, else opens the directory.
    pub(crate) fn open(dir: &Path) -> Outcome<Self> {
        match Client::connect(dir)? {
            Some(client) => Ok(Self::Remote(client)),
            None => Host::open(dir).map(|host| Self::Local(Arc::new(host))),
        }
    }

    /// Asks, and hands on the answer as it comes.
    pub(crate) fn ask(&mut self, request: Request, replies: Replies<'_>) -> Outcome {
        match self {
            Self::Local(host) => host.answer(request, replies),
            Self::Remote(client) => client.ask(&request, replies),
        }
    }
}
