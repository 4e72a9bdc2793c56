//! What does not decode is kept once, in the commit of the epoch that read it.

use headwater_log::{LogBatch, Offset, TopicPartition};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::world::{Collected, Lines, World, work};
use crate::driver::Action;

/// Values of the records that were kept, in order.
fn kept(world: &World) -> Vec<String> {
    let of = TopicPartition::new("lines$errors", 0);
    if world.log.topic(&of.topic).is_none() {
        return Vec::new();
    }
    let fetched = world.log.fetch(&of, Offset(0), usize::MAX).unwrap();
    let records = fetched.batches.iter().flat_map(LogBatch::records);
    let value = |record: headwater_log::Record| record.value.unwrap();
    records
        .map(|r| String::from_utf8(value(r.unwrap().1).to_vec()).unwrap())
        .collect()
}

#[test]
fn rejects_are_part_of_the_epochs_own_commit() {
    let world = World::new(Lines::default());
    let collected = Collected::default();
    let mut pipeline = world.select("p", &["k"], &collected);
    world.lines.add(["bad 0".to_owned()]);
    work(&mut pipeline).unwrap();
    world
        .lines
        .add(["1 1", "bad 1", "2 2", "bad 2"].map(str::to_owned));
    let before = world.log.last_commit();
    work(&mut pipeline).unwrap();
    assert_eq!(world.log.last_commit().0, before.0 + 1);
    assert_eq!(kept(&world), ["bad 0", "bad 1", "bad 2"]);
    assert_eq!(*collected.rows.lock().unwrap(), [(1, 1), (2, 1)]);
    assert_eq!(pipeline.control().status().rejected, 3);
}

/// Pipelines that need different columns reject different records; each is kept once, whoever comes first.
#[test]
fn records_are_kept_once_by_all_pipelines_together() {
    for seed in 0..20 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut world = World::new(Lines::default());
        world.limits.chunk_bytes = 7;
        world.limits.step_bytes = 40;
        world.limits.epoch_bytes = 90;
        let sink = Collected::default();
        let mut pipelines = vec![
            world.select("k", &["k"], &sink),
            world.select("v", &["v"], &sink),
            world.select("both", &["k", "v"], &sink),
        ];
        let mut expected = Vec::new();
        let mut number = 0;
        for _ in 0..rng.random_range(200..600) {
            if rng.random_bool(0.2) {
                let lines: Vec<String> = (0..rng.random_range(1..20))
                    .map(|_| {
                        number += 1;
                        let word = |bad: bool| match bad {
                            true => format!("x{number}"),
                            false => number.to_string(),
                        };
                        let bad = [rng.random_bool(0.2), rng.random_bool(0.2)];
                        let line = format!("{} {}", word(bad[0]), word(bad[1]));
                        if bad[0] || bad[1] {
                            expected.push(line.clone());
                        }
                        line
                    })
                    .collect();
                world.lines.add(lines);
            }
            let chosen = rng.random_range(0..pipelines.len());
            pipelines[chosen].wake();
            for _ in 0..rng.random_range(1..30) {
                pipelines[chosen].turn().unwrap();
            }
            if rng.random_bool(0.05) {
                let names = [("k", &["k"][..]), ("v", &["v"]), ("both", &["k", "v"])];
                // What is on its way arrives; what is not committed is lost with the process.
                drop(pipelines.remove(chosen));
                let (name, columns) = names[chosen];
                pipelines.insert(chosen, world.select(name, columns, &sink));
            }
        }
        for pipeline in &mut pipelines {
            work(pipeline).unwrap();
        }
        let mut found = kept(&world);
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "seed {seed}");
    }
}

#[test]
fn a_second_driver_of_a_pipeline_is_told_so() {
    let world = World::new(Lines::default());
    let sink = Collected::default();
    let mut first = world.select("p", &["k"], &sink);
    let mut second = world.select("p", &["k"], &sink);
    work(&mut first).unwrap();
    world.lines.add(["bad 1".to_owned()]);
    let error = loop {
        match second.turn() {
            Ok(Action::End(_)) => panic!("it went on"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), crate::ErrorKind::Conflict);
    assert!(kept(&world).is_empty());
}
