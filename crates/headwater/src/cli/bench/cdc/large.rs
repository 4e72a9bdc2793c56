//! One transaction far larger than what may be held in memory.

use std::time::Instant;

use super::super::figure::Figure;
use super::super::memory::{forget_peak, peak_mib};
use super::capturing::Capturing;
use super::suite::Bench;
use crate::cli::exit::{Failure, Outcome};

/// Rows of the transaction, of a kibibyte each.
const ROWS: u32 = 1 << 20;

pub(super) fn measure(bench: &Bench<'_>) -> Outcome<Vec<Figure>> {
    bench.run("CREATE TABLE large (id bigint PRIMARY KEY, body text)")?;
    let capturing = Capturing::of(bench, "large", "large", false)?;
    drop(capturing.reach(&bench.address.log_end()?)?);
    bench.run(&format!(
        "INSERT INTO large SELECT n, repeat(md5(n::text), 31) FROM generate_series(1, {ROWS}) n"
    ))?;
    forget_peak();
    let started = Instant::now();
    let (_, capture) = capturing.reach(&bench.address.log_end()?)?;
    let rate = f64::from(ROWS) / 1024.0 / started.elapsed().as_secs_f64();
    let memory = peak_mib();
    capture.stop();
    if capturing.records()? != u64::from(ROWS) {
        return Err(Failure::failed("a capture has not the whole transaction"));
    }
    capturing.remove()?;
    let name = "cdc: memory through a transaction of 1 GiB";
    let figures = [
        Figure::at_most(name, memory, 200.0, "MiB"),
        Figure::shown("cdc: a transaction of 1 GiB", rate, "MiB/s"),
    ];
    Ok(figures.into_iter().map(Figure::tell).collect())
}
