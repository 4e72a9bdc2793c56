//! Appending on PostgreSQL, in turns with plain INSERTs.

use headwater::events::bench::{flood, plain};
use headwater::events::block_on;
use headwater::events::postgres::{Postgres, PostgresOptions};

use super::super::figure::Figure;
use super::naive::Naive;
use super::suite::{TURN, TURNS};
use crate::cli::exit::Outcome;

pub(super) fn measure(address: &str) -> Outcome<Vec<Figure>> {
    let schema = format!("headwater_bench_{}", std::process::id());
    let options = PostgresOptions::schema(&schema);
    let postgres = block_on(Postgres::connect(address, options))?;
    let store = postgres.store();
    let mut naive = Naive::open(address)?;

    let (mut ours, mut plainly) = (0.0, 0.0);
    for _ in 0..TURNS {
        plainly += naive.insert(1, TURN)? / f64::from(TURNS);
        ours += flood(&store, 1, TURN, &|n| plain(n, 1))? / f64::from(TURNS);
    }
    let name = "events on PostgreSQL: one event, beyond an INSERT's time";
    let beyond = 1000.0 / ours - 1000.0 / plainly;
    let mut figures = vec![
        Figure::at_most(name, beyond, 2.0, "ms").tell(),
        compare(
            "events on PostgreSQL: one client, one event",
            ours,
            plainly,
            0.0,
        ),
    ];

    let (mut ours, mut plainly) = (0.0, 0.0);
    for _ in 0..TURNS {
        plainly += naive.insert(100, TURN)? / f64::from(TURNS);
        ours += 100.0 * flood(&store, 64, TURN, &|n| plain(n, 100))? / f64::from(TURNS);
    }
    let name = "events on PostgreSQL: batches of 100";
    figures.push(compare(name, ours, plainly, 20_000.0));
    let name = "events on PostgreSQL: 1024 appends in flight";
    let many = flood(&store, 1024, TURN * TURNS, &|n| plain(n, 1))?;
    figures.push(Figure::at_least(name, many, 0.0, "events/s").tell());
    naive.drop_table()?;
    drop(store);
    block_on(postgres.drop_store())?;
    Ok(figures)
}

fn compare(name: &str, ours: f64, plainly: f64, least: f64) -> Figure {
    Figure::beside(name, ours, plainly, "events/s", least).tell()
}
