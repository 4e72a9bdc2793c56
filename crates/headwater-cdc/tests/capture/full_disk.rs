//! A disk that gets full: it is said, the server keeps what there was no room for, and it comes when there is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater_cdc::postgres::Session;
use headwater_cdc::{Capture, Phase, Place};
use headwater_log::simulation::{Faults, FaultyDisk};
use headwater_log::{Log, ManualClock, Options, Timestamp};

use super::bench::{LONG, catch_up, content, fold, records, run, settings};
use crate::replication::start;

fn open(disk: &FaultyDisk) -> Log {
    let options = Options {
        wal_file_bytes: 256 << 10,
        wal_bytes_max: 1 << 20,
        flush_bytes: 128 << 10,
        checkpoint_bytes: 256 << 10,
        ..Options::default()
    };
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    Log::open(Arc::new(disk.clone()), clock, options).unwrap()
}

fn until(capture: &Capture, is_so: impl Fn(&Phase) -> bool) {
    let until = Instant::now() + LONG;
    while !is_so(&capture.status().phase) {
        assert!(capture.failure().is_none(), "{:?}", capture.failure());
        assert!(Instant::now() < until, "{:?}", capture.status());
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

#[test]
fn what_a_full_disk_has_no_room_for_the_server_keeps_until_there_is() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text)",
    );
    let settings = settings(&address, &["t"]);
    let disk = FaultyDisk::new(1);
    let log = open(&disk);
    catch_up(&log, &settings);
    let write = |session: &mut Session| {
        for _ in 0..40 {
            run(
                session,
                "INSERT INTO t (body) SELECT md5(random()::text) || repeat('x', 2000) FROM generate_series(1, 50)",
            );
        }
    };
    let capture = Capture::start(&log, settings.clone()).unwrap();
    for _ in 0..2 {
        disk.set_faults(Faults {
            room_bytes: Some(disk.used_bytes() + (300 << 10)),
            ..Faults::default()
        });
        write(&mut session);
        until(&capture, |phase| match phase {
            Phase::Waiting(why) => why.contains("no room on the disk") && why.contains("make room"),
            _ => false,
        });
        let Some(Place::PostgreSql(durable)) = capture.status().durable else {
            panic!("{:?}", capture.status());
        };
        let beyond =
            format!("SELECT 1 FROM pg_replication_slots WHERE confirmed_flush_lsn > '{durable}'");
        assert_eq!(session.value(&beyond).unwrap(), None);
        disk.set_faults(Faults::default());
        assert!(capture.wait_for(&address.log_end().unwrap(), LONG).unwrap());
        assert_eq!(fold(&log, "t"), content(&mut session, "t", &["id"]));
        let rows = session.value("SELECT count(*) FROM t").unwrap().unwrap();
        assert_eq!(records(&log, "t").len().to_string(), rows);
    }
    // The power goes while it is full: what was confirmed is there.
    disk.set_faults(Faults {
        room_bytes: Some(disk.used_bytes() + (300 << 10)),
        ..Faults::default()
    });
    write(&mut session);
    until(&capture, |phase| matches!(phase, Phase::Waiting(_)));
    let left = disk.crash();
    capture.stop();
    drop(log);
    left.set_faults(Faults::default());
    let log = open(&left);
    catch_up(&log, &settings);
    assert_eq!(fold(&log, "t"), content(&mut session, "t", &["id"]));
}
