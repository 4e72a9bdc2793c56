//! The suite: a store on the log, and one on PostgreSQL if a database is named.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use headwater::SystemClock;
use headwater::events::Store;
use headwater_log::{Log, Options};

use super::super::disk::RawFile;
use super::super::figure::Figure;
use super::super::log::make_wal;
use super::super::server::Server;
use super::{embedded, postgres, reading};
use crate::cli::args::BenchArgs;
use crate::cli::exit::Outcome;
use crate::cli::style::say;

/// How long each turn of a measurement takes.
pub(super) const TURN: Duration = Duration::from_millis(500);
/// Turns of each side.
pub(super) const TURNS: u32 = 4;

/// Measures event stores; that on PostgreSQL if it is asked for, on a server that is started for it if none is named.
pub(in crate::cli::bench) fn measure(dir: &Path, args: &BenchArgs) -> Outcome<Vec<Figure>> {
    let log = Log::open_dir(
        &dir.join("events"),
        Arc::new(SystemClock),
        Options::default(),
    )?;
    make_wal(&log)?;
    let store = Store::on_log(log.clone(), "events")?;
    let mut figures = embedded::measure(&store, &mut RawFile::make(dir)?)?;
    figures.extend(reading::measure(&store, args.streams)?);
    drop(store);
    log.close()?;
    match args.postgres.as_deref() {
        Some("") => {
            let server = Server::start(dir, &[])?;
            figures.extend(postgres::measure(&server.address())?);
        }
        Some(address) => figures.extend(postgres::measure(address)?),
        None => say(format_args!(
            "events: PostgreSQL is not measured; ask for it with --postgres"
        )),
    }
    Ok(figures)
}
