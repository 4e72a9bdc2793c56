//! Jobs on a disk that is full for a while.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use headwater_connect::PrintTarget;
use headwater_log::simulation::{Faults, FaultyDisk};
use headwater_log::{Clock, Log};

use super::{Answer, Headwater, Options, Running};
use crate::SystemClock;

const ROWS: i64 = 100_000;
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

fn open(disk: &FaultyDisk) -> Headwater {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let small = headwater_log::Options {
        wal_file_bytes: 256 << 10,
        wal_bytes_max: 512 << 10,
        flush_bytes: 64 << 10,
        ..headwater_log::Options::default()
    };
    let log = Log::open(Arc::new(disk.clone()), Arc::clone(&clock), small).unwrap();
    let options = Options {
        threads: 1,
        print: PrintTarget::new(std::io::sink()),
        ..Options::default()
    };
    Headwater::assemble(log, clock, options, Running::on_threads(true)).unwrap()
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
    rows.batches[0].column(0).as_primitive::<Int64Type>().value(0)
}

#[test]
fn a_job_on_a_full_disk_says_so_and_goes_on_when_there_is_room() {
    let disk = FaultyDisk::new(7);
    let hw = open(&disk);
    let room = disk.used_bytes() + (768 << 10);
    disk.set_faults(Faults {
        room_bytes: Some(room),
        ..Faults::default()
    });
    hw.sql(&format!(
        "CREATE TABLE n (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '0',
            'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{ROWS}');
         CREATE TABLE kept (n BIGINT);
         INSERT INTO kept SELECT n FROM n;"
    ))
    .unwrap();
    let said = trouble(&hw);
    assert!(
        said.contains("no room on the disk") || said.contains("full"),
        "{said}"
    );
    let there = number(&hw, "SELECT COUNT(*) FROM kept");
    assert!(there < ROWS, "what is there can be read: {there}");

    disk.set_faults(Faults::default());
    hw.wait().unwrap();
    assert_eq!(number(&hw, "SELECT COUNT(DISTINCT n) FROM kept"), ROWS);
    assert_eq!(number(&hw, "SELECT COUNT(*) FROM kept"), ROWS);
    let status = hw.jobs().into_iter().find_map(|job| job.status).unwrap();
    let figures = (status.rows_in, status.rows_out, status.trouble);
    assert_eq!(figures, (ROWS as u64, ROWS as u64, None));
    hw.close().unwrap();
}
