//! The suite: a server that replicates, and one measurement after the other on it.

use std::path::Path;

use headwater_cdc::postgres::{Address, Session};

use super::super::figure::Figure;
use super::super::server::Server;
use super::{backfill, drain, large, steady, view};
use crate::cli::exit::Outcome;

/// Room for a backlog, so that checkpoints of the server do not come in between.
const SETTINGS: &[&str] = &[
    "wal_level=logical",
    "max_wal_size=16GB",
    "max_replication_slots=20",
    "max_wal_senders=20",
];

/// A server and who measures on it.
pub(super) struct Bench<'a> {
    pub(super) server: Server,
    pub(super) address: Address,
    /// Where logs of events are put.
    pub(super) dir: &'a Path,
}

impl Bench<'_> {
    /// Another session.
    pub(super) fn connect(&self) -> Outcome<Session> {
        Ok(Session::connect(&self.address)?)
    }

    /// Runs a statement.
    pub(super) fn run(&self, sql: &str) -> Outcome {
        self.connect()?.query(sql)?;
        Ok(())
    }
}

/// Measures captures of PostgreSQL in a folder.
pub(in crate::cli::bench) fn measure(dir: &Path) -> Outcome<Vec<Figure>> {
    let dir = dir.join("cdc");
    std::fs::create_dir(&dir)?;
    let server = Server::start(&dir, SETTINGS)?;
    let bench = Bench {
        address: server.url().parse()?,
        server,
        dir: &dir,
    };
    // First what tells how much memory a capture takes: what backlogs and tables leave with the allocator is not its.
    let mut figures = steady::measure(&bench)?;
    figures.extend(large::measure(&bench)?);
    figures.extend(view::measure(&bench)?);
    figures.extend(drain::measure(&bench)?);
    figures.extend(backfill::measure(&bench)?);
    Ok(figures)
}
