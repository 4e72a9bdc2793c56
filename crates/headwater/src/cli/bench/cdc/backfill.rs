//! A table that is there already, beside `COPY … TO STDOUT` by one session.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::super::figure::Figure;
use super::super::memory::{cpu_seconds, forget_peak, peak_mib};
use super::capturing::Capturing;
use super::suite::Bench;
use crate::cli::exit::{Failure, Outcome};

/// Rows of the table.
const ROWS: u32 = 1_000_000;
/// How often it is read by each side.
const TURNS: usize = 2;

pub(super) fn measure(bench: &Bench<'_>) -> Outcome<Vec<Figure>> {
    bench.run(&format!(
        "CREATE TABLE filled (id bigint PRIMARY KEY, customer int NOT NULL, status text, amount numeric(12,2), \
         at timestamptz, note text); \
         INSERT INTO filled SELECT n, n % 1000, 'in progress', n / 7.0, now(), md5(n::text) \
         FROM generate_series(1, {ROWS}) n"
    ))?;
    bench.run("VACUUM FREEZE filled")?;
    let (mut ours, mut plainly, mut cpu) = (Duration::ZERO, Duration::ZERO, 0.0);
    forget_peak();
    for turn in 0..TURNS {
        plainly += copy(bench)?;
        let before = cpu_seconds();
        let capturing = Capturing::of(bench, "filled", &format!("filled_{turn}"), true)?;
        let (took, capture) = capturing.reach(&bench.address.log_end()?)?;
        ours += took;
        capture.stop();
        cpu += cpu_seconds() - before;
        if capturing.records()? != u64::from(ROWS) {
            return Err(Failure::failed("a backfill has not all rows"));
        }
        capturing.remove()?;
    }
    let all = f64::from(ROWS) * TURNS as f64;
    let rate = |took: Duration| all / took.as_secs_f64();
    let figures = [
        Figure::ratio(
            "cdc: backfill, beside COPY TO STDOUT",
            rate(ours),
            rate(plainly),
            "rows/s",
            0.8,
        ),
        Figure::shown("cdc: backfill, rows a CPU second", all / cpu, "rows/s"),
        Figure::shown("cdc: backfill, memory", peak_mib(), "MiB"),
    ];
    Ok(figures.into_iter().map(Figure::tell).collect())
}

/// How long `psql` takes to copy it to nowhere.
fn copy(bench: &Bench<'_>) -> Outcome<Duration> {
    let mut command = bench.server.client("psql");
    command.args(["--quiet", "--command", "COPY filled TO STDOUT"]);
    let started = Instant::now();
    let status = command.stdout(Stdio::null()).status();
    match status.map_err(|e| Failure::io("cannot run psql", &e))? {
        status if status.success() => Ok(started.elapsed()),
        status => Err(Failure::failed(format!("psql failed: {status}"))),
    }
}
