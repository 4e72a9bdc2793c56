//! Jobs on a disk that is full for a while.

use std::sync::Arc;

use headwater_log::simulation::{Faults, FaultyDisk};

use super::{check_filled, number, open, options, start_filling, trouble};

const ROWS: i64 = 100_000;

#[test]
fn a_job_on_a_full_disk_says_so_and_goes_on_when_there_is_room() {
    let disk = FaultyDisk::new(7);
    let hw = open(Arc::new(disk.clone()), None, options());
    let room = disk.used_bytes() + (768 << 10);
    disk.set_faults(Faults {
        room_bytes: Some(room),
        ..Faults::default()
    });
    start_filling(&hw, ROWS);
    let said = trouble(&hw);
    assert!(
        said.contains("no room on the disk") || said.contains("full"),
        "{said}"
    );
    let there = number(&hw, "SELECT COUNT(*) FROM kept");
    assert!(there < ROWS, "what is there can be read: {there}");

    disk.set_faults(Faults::default());
    check_filled(&hw, ROWS);
    hw.close().unwrap();
}
