//! Figures of the event store on the log, for work on this crate alone: `cargo run --release -p headwater-events
//! --example bench_events -- DIR [one|many|states|streams N]`. `headwater bench events` is the complete one.
#![expect(clippy::print_stdout, reason = "it is a program")]

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater_events::Store;
use headwater_events::bench::{fill, flood, load, load_scattered, one_by_one, plain, scatter};
use headwater_log::{Log, ManualClock, Options, Timestamp};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Done<T = ()> = Result<T, Box<dyn std::error::Error>>;

const TURN: Duration = Duration::from_millis(500);
const TURNS: u32 = 4;

fn main() -> Done {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("which directory?")?;
    let what = args.next().unwrap_or_else(|| "states".into());
    let dir = Path::new(&dir);
    std::fs::create_dir_all(dir)?;
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    let log = Log::open_dir(&dir.join("log"), clock, Options::default())?;
    let store = Store::on_log(log.clone(), "events")?;
    match what.as_str() {
        "one" => one(&store, dir)?,
        "many" => many(&store)?,
        "states" => states(&store)?,
        "streams" => streams(&store, args.next().ok_or("how many streams?")?.parse()?)?,
        other => return Err(format!("there is no {other:?}").into()),
    }
    Ok(log.close()?)
}

/// One client beside the raw disk, in turns.
fn one(store: &Store, dir: &Path) -> Done {
    make_wal(store)?;
    let raw = raw_file(dir)?;
    let (mut ours, mut theirs) = (0.0, 0.0);
    for _ in 0..TURNS {
        theirs += syncs(&raw)? / f64::from(TURNS);
        ours += one_by_one(store, TURN, &|n| plain(n, 1))? / f64::from(TURNS);
    }
    println!(
        "one client: {ours:.0}/s beside {theirs:.0}/s: {:.2}",
        ours / theirs
    );
    Ok(())
}

/// Writes until the write-ahead log has its files.
fn make_wal(store: &Store) -> Done {
    flood(store, 64, TURN * 4, &|n| plain(n, 100))?;
    Ok(())
}

/// Many appends in flight.
fn many(store: &Store) -> Done {
    make_wal(store)?;
    let (mut one, mut hundred) = (0.0, 0.0);
    for _ in 0..TURNS {
        one += flood(store, 1024, TURN, &|n| plain(n, 1))? / f64::from(TURNS);
        hundred += 100.0 * flood(store, 64, TURN, &|n| plain(n, 100))? / f64::from(TURNS);
    }
    println!("1024 in flight: {one:.0}/s, batches of 100: {hundred:.0} events/s");
    Ok(())
}

fn raw_file(dir: &Path) -> io::Result<File> {
    let file = File::create(dir.join("raw"))?;
    file.write_all_at(&vec![0; 64 << 20], 0)?;
    file.sync_all()?;
    Ok(file)
}

/// Raw writes of what an append writes with a sync, a second.
fn syncs(file: &File) -> io::Result<f64> {
    let (started, mut count) = (Instant::now(), 0_u64);
    while started.elapsed() < TURN {
        file.write_all_at(&[0x5a; 400], count * 400 % (64 << 20))?;
        file.sync_data()?;
        count += 1;
    }
    Ok(count as f64 / started.elapsed().as_secs_f64())
}

fn states(store: &Store) -> Done {
    fill(store, 10)?;
    fill(store, 1000)?;
    for _ in 0..TURNS {
        let (few, many) = (load(store, 10)?, load(store, 1000)?);
        println!("states: 10 events {few:.1} us, 1000 events {many:.0} us");
    }
    Ok(())
}

fn streams(store: &Store, streams: u64) -> Done {
    fill(store, 10)?;
    scatter(store, 0..streams, 0)?;
    for _ in 0..TURNS {
        let (few, scattered) = (load(store, 10)?, load_scattered(store, 0)?);
        println!("among {streams}: 10 events {few:.1} us, scattered {scattered:.1} us");
    }
    Ok(())
}
