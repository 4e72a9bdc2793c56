//! Syncs that fail, disks that are full, bits that turn over.

use headwater_log::simulation::Faults;
use headwater_log::{ErrorKind, ReadKey};
use rand::Rng;

use super::world::World;
use crate::support::for_seeds;

#[test]
fn after_a_sync_that_fails_in_whatever_duty_nothing_is_lost_and_nothing_comes_back() {
    for_seeds(20, |rng, seed| {
        let mut world = World::played(seed, rng, 40);
        world.disk.set_faults(Faults {
            sync_fails_at: Some(rng.random_range(1..200)),
            ..Faults::default()
        });
        for _ in 0..200 {
            if !world.is_over() {
                world.step(rng);
            }
        }
        world.disk.set_faults(Faults::default());
        world.crash(rng);
        (0..20).for_each(|_| world.step(rng));
        world.crash(rng);
    });
}

#[test]
fn on_a_full_disk_no_duty_loses_anything_and_all_go_on_when_there_is_room() {
    for_seeds(12, |rng, seed| {
        let mut world = World::played(seed, rng, 40);
        for _ in 0..3 {
            let room = world.disk.used_bytes() + rng.random_range(0..30_000);
            world.disk.set_faults(Faults {
                room_bytes: Some(room),
                ..Faults::default()
            });
            (0..40).for_each(|_| world.step(rng));
            world.disk.set_faults(Faults::default());
            (0..10).for_each(|_| world.step(rng));
        }
        world.read();
        world.crash(rng);
    });
}

#[test]
fn a_bit_that_turns_over_after_compaction_is_reported_or_harmless() {
    let counts = std::cell::Cell::new((0, 0));
    for_seeds(60, |rng, seed| {
        let mut world = World::played(seed, rng, 60);
        world.tolerate(|log| log.clean_up());
        world.tolerate(|log| log.clean_up()); // the first may have found no room in the write-ahead log
        world.crash(rng);
        let before: Vec<_> = world.shelves.iter().map(|s| s.rows.clone()).collect();
        world.close();
        let flipped = world.disk.flip_a_bit().unwrap();
        let (refused, harmless) = counts.get();
        if let Err(e) = world.open(rng).and_then(|()| read_all(&world)) {
            assert_eq!(e.kind(), ErrorKind::Corrupt, "{flipped:?}: {e}");
            return counts.set((refused + 1, harmless));
        }
        world.read();
        for (shelf, before) in world.shelves.iter().zip(&before) {
            assert_eq!(shelf.rows, *before, "{flipped:?}");
        }
        counts.set((refused, harmless + 1));
    });
    let (refused, harmless) = counts.get();
    assert!(
        refused > 0 && harmless > 0,
        "{refused} refused, {harmless} harmless"
    );
}

/// Reads all there is, by offsets and by keys.
fn read_all(world: &World) -> headwater_log::Result<()> {
    for shelf in &world.shelves {
        let bounds = world.log().bounds(&shelf.of)?;
        let mut at = bounds.start;
        while at < bounds.end {
            let fetched = world.log().fetch(&shelf.of, at, 5_000)?;
            let Some(last) = fetched.batches.last() else {
                break;
            };
            at = last.next_offset();
        }
        let keys = shelf.rows.iter().filter_map(|row| row.key.as_ref());
        for key in keys.filter(|_| shelf.config.key_index) {
            world.log().read_key(&shelf.of, key, ReadKey::default())?;
        }
    }
    Ok(())
}
