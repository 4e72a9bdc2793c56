//! Jobs and producers without room: on a disk that is full, and below a limit that is reached.

#![expect(clippy::unwrap_used, reason = "tests")]

mod full_disk;
mod limit;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use headwater_connect::PrintTarget;
use headwater_log::{Clock, Disk, Log};

use super::{Answer, Headwater, Options, Running};
use crate::SystemClock;

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// A directory on a disk, which takes at most so many bytes.
fn open(disk: Arc<dyn Disk>, disk_bytes_max: Option<u64>, options: Options) -> Headwater {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let small = headwater_log::Options {
        disk_bytes_max,
        wal_file_bytes: 256 << 10,
        wal_bytes_max: 512 << 10,
        flush_bytes: 64 << 10,
        ..headwater_log::Options::default()
    };
    let log = Log::open(disk, Arc::clone(&clock), small).unwrap();
    let running = Running {
        // Only who has a reason saves its state.
        snapshot_interval_ms: 3_600_000,
        ..Running::on_threads(true)
    };
    Headwater::assemble(log, clock, options, running).unwrap()
}

fn options() -> Options {
    Options {
        threads: 1,
        print: PrintTarget::new(std::io::sink()),
        ..Options::default()
    }
}

/// Starts a job that fills the topic `kept` with the numbers up to this.
fn start_filling(hw: &Headwater, rows: i64) {
    hw.sql(&format!(
        "CREATE TABLE n (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '0',
            'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{rows}');
         CREATE TABLE kept (n BIGINT);
         INSERT INTO kept SELECT n FROM n;"
    ))
    .unwrap();
}

/// The job has written every number once, and says so.
fn check_filled(hw: &Headwater, rows: i64) {
    hw.wait().unwrap();
    assert_eq!(number(hw, "SELECT COUNT(DISTINCT n) FROM kept"), rows);
    assert_eq!(number(hw, "SELECT COUNT(*) FROM kept"), rows);
    let status = hw.jobs().into_iter().find_map(|job| job.status).unwrap();
    let figures = (status.rows_in, status.rows_out, status.trouble);
    assert_eq!(figures, (rows as u64, rows as u64, None));
}

/// What a job says that it tries again.
fn trouble(hw: &Headwater) -> String {
    let since = Instant::now();
    loop {
        let status = hw.jobs().into_iter().find_map(|job| job.status).unwrap();
        if let Some(trouble) = &status.trouble {
            assert!(status.describe().contains(trouble.as_str()));
            return trouble.clone();
        }
        assert!(since.elapsed() < PATIENCE, "{}", status.describe());
        hw.log().wait_for_commit(hw.log().last_commit(), PAUSE);
    }
}

fn number(hw: &Headwater, query: &str) -> i64 {
    let Some(Answer::Rows(rows)) = hw.sql(query).unwrap().pop() else {
        panic!("'{query}' gives a number");
    };
    let mut filled = rows.batches.iter().filter(|b| b.num_rows() > 0);
    let numbers = filled.next().unwrap().column(0);
    numbers.as_primitive::<Int64Type>().value(0)
}
