//! A backlog of small transactions, drained by a capture and by `pg_recvlogical` in turns, each from a slot of its own.

use std::process::Stdio;
use std::time::{Duration, Instant};

use headwater_cdc::Place;
use headwater_cdc::postgres::Replication;

use super::super::figure::Figure;
use super::super::memory::{cpu_seconds, forget_peak, peak_mib};
use super::capturing::Capturing;
use super::suite::Bench;
use crate::cli::exit::{Failure, Outcome};

/// Changes of the backlog.
const CHANGES: u32 = 500_000;
/// Changes of one transaction.
const TOGETHER: u32 = 10;
/// How often each side drains it.
const TURNS: usize = 3;

const TABLE: &str = "CREATE TABLE drained (id bigint PRIMARY KEY, customer int NOT NULL, status text, \
     amount numeric(12,2), at timestamptz)";

pub(super) fn measure(bench: &Bench<'_>) -> Outcome<Vec<Figure>> {
    bench.run(TABLE)?;
    let captures: Vec<Capturing> = (0..TURNS)
        .map(|turn| Capturing::of(bench, "drained", &format!("drained_{turn}"), false))
        .collect::<Outcome<_>>()?;
    for capturing in &captures {
        drop(capturing.reach(&bench.address.log_end()?)?);
    }
    for turn in 0..TURNS {
        Replication::connect(&bench.address)?.create_slot(&plain_slot(turn), false)?;
    }
    let end = write(bench)?;
    let (mut ours, mut plainly, mut cpu) = (Duration::ZERO, Duration::ZERO, 0.0);
    forget_peak();
    for (turn, capturing) in captures.iter().enumerate() {
        plainly += receive(bench, turn, &end)?;
        let before = cpu_seconds();
        let (took, capture) = capturing.reach(&end)?;
        ours += took;
        capture.stop();
        cpu += cpu_seconds() - before;
        if capturing.records()? != u64::from(CHANGES) {
            return Err(Failure::failed("a capture has not all changes"));
        }
    }
    let all = f64::from(CHANGES) * TURNS as f64;
    let rate = |took: Duration| all / took.as_secs_f64();
    let figures = [
        Figure::ratio(
            "cdc: drain of a backlog, beside pg_recvlogical to /dev/null",
            rate(ours),
            rate(plainly),
            "changes/s",
            0.9,
        ),
        Figure::shown("cdc: drain, changes a CPU second", all / cpu, "changes/s"),
        Figure::shown("cdc: drain, memory", peak_mib(), "MiB"),
    ];
    captures.into_iter().try_for_each(Capturing::remove)?;
    for turn in 0..TURNS {
        headwater_cdc::postgres::drop_slot(&bench.address, &plain_slot(turn))?;
    }
    Ok(figures.into_iter().map(Figure::tell).collect())
}

fn plain_slot(turn: usize) -> String {
    format!("plain_{turn}")
}

/// Makes the backlog; gives where it ends.
fn write(bench: &Bench<'_>) -> Outcome<Place> {
    let mut session = bench.connect()?;
    session.query("SET synchronous_commit = off")?;
    session.query(&format!(
        "DO $$ BEGIN FOR i IN 0..{last} LOOP \
         INSERT INTO drained SELECT n, n % 1000, 'in progress', n / 7.0, now() \
         FROM generate_series(i * {TOGETHER}, i * {TOGETHER} + {TOGETHER} - 1) n; COMMIT; END LOOP; END $$",
        last = CHANGES / TOGETHER - 1
    ))?;
    Ok(bench.address.log_end()?)
}

/// How long `pg_recvlogical` takes.
fn receive(bench: &Bench<'_>, turn: usize, end: &Place) -> Outcome<Duration> {
    let slot = plain_slot(turn);
    let mut command = bench.server.client("pg_recvlogical");
    command.args([
        "--start",
        "--no-loop",
        "--file",
        "/dev/null",
        "--slot",
        &slot,
    ]);
    command.args(["--endpos", &end.to_string(), "--option", "proto_version=1"]);
    command.args(["--option", "publication_names=drained"]);
    let started = Instant::now();
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    match status.map_err(|e| Failure::io("cannot run pg_recvlogical", &e))? {
        status if status.success() => Ok(started.elapsed()),
        status => Err(Failure::failed(format!("pg_recvlogical failed: {status}"))),
    }
}
