//! Reading by key finds what is known by looking at everything.

use bytes::Bytes;
use headwater_log::{Direction, Log, ReadKey};

use super::shelf::{Row, Shelf};
use super::world::{KEYS, World, arb_key};

impl World {
    /// Reads by key what is known by looking at everything.
    pub(super) fn read(&mut self) {
        self.look();
        if self.disk.is_off() {
            return;
        }
        let log = self.log.as_ref().unwrap();
        let indexed = self.shelves.iter_mut().filter(|s| s.config.key_index);
        for shelf in indexed {
            for key in (0..KEYS + 3).map(arb_key) {
                check_key(log, shelf, &key);
                check_newest(log, shelf, &key);
            }
        }
    }
}

/// What reading a key gives is what looking at everything gives; versions that were not known are known then.
fn check_key(log: &Log, shelf: &mut Shelf, key: &Bytes) {
    let found = log.read_key(&shelf.of, key, ReadKey::default()).unwrap();
    let of_key = shelf
        .rows
        .iter_mut()
        .filter(|r| r.key.as_ref() == Some(key));
    let mut rows: Vec<&mut Row> = of_key.collect();
    let offsets = |found: u64, row: u64| assert_eq!(found, row, "{key:?} of {}", shelf.of);
    offsets(found.len() as u64, rows.len() as u64);
    let mut next = 0;
    for (found, row) in found.iter().zip(&mut rows) {
        offsets(found.offset.0, row.offset);
        assert!(found.version.0 >= next, "versions of {key:?} do not ascend");
        next = found.version.0 + 1;
        let known = row.version.get_or_insert(found.version.0);
        assert_eq!(
            *known, found.version.0,
            "version of {key:?} of {}",
            shelf.of
        );
    }
}

fn check_newest(log: &Log, shelf: &Shelf, key: &Bytes) {
    let newest = shelf.newest(key);
    let version = log.key_version(&shelf.of, key).unwrap();
    assert_eq!(version.map(|v| v.0), newest.and_then(|row| row.version));
    let backward = ReadKey {
        direction: Direction::Backward,
        limit: 1,
        ..ReadKey::default()
    };
    let found = log.read_key(&shelf.of, key, backward).unwrap();
    let value = found.first().map(|found| &found.record.value);
    assert_eq!(value, newest.map(|row| &row.value));
}
