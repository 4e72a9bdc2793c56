//! Where a command's requests are answered: by the process that has the data directory open, which this one becomes if
//! there is none.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater::Options;

use super::control::{Asked, Client, Server};
use super::exit::{Code, Failure, Outcome};
use super::host::Host;
use super::request::{Replies, Request};
use super::style::say;

/// How long a process that has the lock may take until it serves, or to let go of it.
const PATIENCE: Duration = Duration::from_secs(10);
/// After so long it is said what is waited for.
const PATIENCE_QUIET: Duration = Duration::from_secs(1);
/// How long it is tried at all, while one process after the other has the lock.
const PATIENCE_WITH_ALL: Duration = Duration::from_secs(60);
/// How often it is looked whether it does.
const NAP: Duration = Duration::from_millis(20);

/// Something that answers requests about a data directory, or about memory.
pub(crate) struct Session {
    /// `None`: memory.
    dir: Option<PathBuf>,
    options: Options,
    client: Client,
    /// This process has it open, and serves others too.
    local: Option<Local>,
}

struct Local {
    host: Arc<Host>,
    server: Server,
}

/// Whether a data directory that is not there is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It is made.
    Make,
    /// It is a mistake.
    Refuse,
}

impl Session {
    /// A session over a directory.
    pub(crate) fn open(dir: &Path, missing: Missing, options: Options) -> Outcome<Self> {
        if missing == Missing::Refuse && !dir.exists() {
            let text = format!("there is no data directory '{}'", dir.display());
            return Err(Failure::failed(text)
                .with_hint("name one with --data; `topic create`, `sql` and `run -s` make one"));
        }
        let (client, local) = reach(dir, &options)?;
        Ok(Self {
            dir: Some(dir.to_owned()),
            options,
            client,
            local,
        })
    }

    /// A session over memory.
    pub(crate) fn memory(options: Options) -> Outcome<Self> {
        Self::inside(Host::memory(options.clone())?, options)
    }

    /// A session over the event stores of a PostgreSQL database.
    pub(crate) fn on_postgres(address: &str) -> Outcome<Self> {
        Self::inside(Host::on_postgres(address)?, Options::default())
    }

    fn inside(host: Host, options: Options) -> Outcome<Self> {
        let host = Arc::new(host);
        let answering = Arc::clone(&host);
        let server = Server::inside(move |request, replies| answering.answer(request, replies));
        Ok(Self {
            dir: None,
            options,
            client: Client::over(server.connect()?)?,
            local: Some(Local { host, server }),
        })
    }

    /// Asks, and hands on the answer as it comes.
    pub(crate) fn ask(&mut self, request: &Request, replies: Replies<'_>) -> Outcome {
        loop {
            if self.client.is_spent() {
                self.reconnect()?;
            }
            match self.client.ask(request, replies)? {
                Asked::Answered => return Ok(()),
                // Whoever declines ends soon, or serves longer than a moment.
                Asked::Declined => std::thread::sleep(NAP),
            }
        }
    }

    /// Whether this process has the directory open.
    pub(crate) fn is_local(&self) -> bool {
        self.local.is_some()
    }

    fn reconnect(&mut self) -> Outcome {
        match (&self.local, &self.dir) {
            (Some(local), _) => self.client = Client::over(local.server.connect()?)?,
            (None, Some(dir)) => (self.client, self.local) = reach(dir, &self.options)?,
            (None, None) => return Err(Failure::failed("memory was let go of")),
        }
        Ok(())
    }

    /// Does some work in it, and lets go.
    pub(crate) fn finish(mut self, work: impl FnOnce(&mut Self) -> Outcome) -> Outcome {
        let outcome = work(&mut self);
        let closed = self.close();
        outcome.and(closed)
    }

    /// Lets go. If this process has the directory open, others are answered to the end and the pipelines end at an
    /// epoch.
    pub(crate) fn close(self) -> Outcome {
        drop(self.client);
        match self.local {
            Some(Local { host, server }) => {
                drop(server);
                host.close()
            }
            None => Ok(()),
        }
    }
}

/// Connects to whoever has the directory open, or opens it.
fn reach(dir: &Path, options: &Options) -> Outcome<(Client, Option<Local>)> {
    let started = Instant::now();
    let mut held = (String::new(), started);
    let mut is_told = false;
    loop {
        if let Some(client) = Client::connect(dir)? {
            return Ok((client, None));
        }
        let failure = match open(dir, options) {
            Ok(local) => {
                let client = Client::over(local.server.connect()?)?;
                return Ok((client, Some(local)));
            }
            Err(failure) => failure,
        };
        // The message names who has the lock and does not serve yet, or not any more.
        if held.0 != failure.message {
            held = (failure.message.clone(), Instant::now());
        }
        let is_over = held.1.elapsed() > PATIENCE || started.elapsed() > PATIENCE_WITH_ALL;
        if failure.code != Code::Conflict || is_over {
            return Err(failure);
        }
        if !is_told && started.elapsed() > PATIENCE_QUIET {
            say(format_args!(
                "{}: waiting until it serves or ends",
                failure.message
            ));
            is_told = true;
        }
        std::thread::sleep(NAP);
    }
}

fn open(dir: &Path, options: &Options) -> Outcome<Local> {
    let host = Arc::new(Host::open(dir, options.clone())?);
    let answering = Arc::clone(&host);
    let server = Server::start(dir, move |request, replies| {
        answering.answer(request, replies)
    })?;
    Ok(Local { host, server })
}
