//! The power goes.

use headwater_log::simulation::Faults;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::world::World;
use crate::support::for_seeds;

fn power_off_at(change: u64) -> Faults {
    Faults {
        power_off_at: Some(change),
        ..Faults::default()
    }
}

#[test]
fn after_a_power_cut_only_what_was_to_go_is_missing_and_conditions_are_judged_as_before() {
    for_seeds(25, |rng, seed| {
        let mut world = World::new(seed, rng);
        for _ in 0..rng.random_range(2..6) {
            world
                .disk
                .set_faults(power_off_at(rng.random_range(1..800)));
            for _ in 0..150 {
                if !world.is_over() {
                    world.step(rng);
                }
            }
            world.crash(rng);
        }
    });
}

/// Cuts the power at every change of the disk that a duty makes; each time the log goes on afterwards, and loses power again.
fn at_every_place(seeds: u64, duty: impl Fn(&mut World, &mut StdRng)) {
    at_every_place_after(seeds, |_, _| {}, duty);
}

/// As [`at_every_place`], after something else that is not cut.
fn at_every_place_after(
    seeds: u64,
    before: impl Fn(&mut World, &mut StdRng),
    duty: impl Fn(&mut World, &mut StdRng),
) {
    for_seeds(seeds, |_, seed| {
        let mut cuts = 0;
        for cut in 1.. {
            let rng = &mut StdRng::seed_from_u64(seed);
            let mut world = World::played(seed, rng, 50);
            before(&mut world, rng);
            world.disk.set_faults(power_off_at(cut));
            duty(&mut world, rng);
            let is_done = !world.disk.is_off();
            world.crash(rng);
            (0..5).for_each(|_| world.step(rng));
            world.crash(rng);
            if is_done {
                break;
            }
            cuts += 1;
        }
        assert!(cuts > 0, "nothing was cut");
    });
}

#[test]
fn cut_at_every_place_of_a_checkpoint_with_flushes_and_merges_of_key_indexes() {
    at_every_place(2, |world, _| world.tolerate(|log| log.checkpoint()));
}

#[test]
fn cut_at_every_place_of_retention_and_compaction() {
    at_every_place(1, |world, _| world.tolerate(|log| log.clean_up()));
}

#[test]
fn cut_at_every_place_of_a_compaction_that_takes_expired_tombstones() {
    let before = |world: &mut World, rng: &mut StdRng| {
        world.unpin();
        world.bury(rng);
        world.tolerate(|log| log.clean_up());
        world.look();
        world.advance(4_000);
        (0..8).for_each(|_| world.commit_together(rng));
    };
    at_every_place_after(1, before, |world, _| world.tolerate(|log| log.clean_up()));
}

#[test]
fn cut_at_every_place_of_a_trim_and_the_checkpoint_behind_it() {
    at_every_place(2, |world, rng| {
        (0..3).for_each(|_| world.trim(rng));
        world.tolerate(|log| log.checkpoint());
    });
}

#[test]
fn cut_at_every_place_of_the_deletion_of_topics_and_the_checkpoint_behind_it() {
    at_every_place_after(2, World::fill_passing, |world, rng| {
        (0..2).for_each(|_| world.delete(rng));
        world.tolerate(|log| log.checkpoint());
    });
}
