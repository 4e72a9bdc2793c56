//! Snapshots that cannot be written.

use std::sync::Arc;

use headwater_log::{
    Clock, Commit, Log, ManualClock, MemDisk, Options, Record, Timestamp, TopicConfig,
    TopicPartition,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::world::{Collected, Lines, World, work};
use crate::driver::Control;

const LIMIT: u64 = 4 << 20;
/// More than two pages of them, and more bytes than the room that is left.
const KEYS: usize = 20_000;

/// A log whose room also for internal topics ends.
fn limited(clock: &Arc<ManualClock>) -> Log {
    let options = Options {
        disk_bytes_max: Some(LIMIT),
        ..Options::default()
    };
    let disk = Arc::new(MemDisk::new());
    Log::open(disk, Arc::clone(clock) as Arc<dyn Clock>, options).unwrap()
}

/// Fills an internal topic until a commit is refused, or so often.
fn fill(log: &Log, topic: &str, commits: usize) {
    let config = TopicConfig {
        internal: true,
        ..TopicConfig::default()
    };
    log.create_topic(topic, config).unwrap();
    for _ in 0..commits {
        let record = Record {
            value: Some(vec![b'x'; 10_000].into()),
            ..Record::default()
        };
        let commit = Commit::new().append(TopicPartition::new(topic, 0), [record]);
        if log.commit(commit).is_err() {
            return;
        }
    }
}

#[test]
fn what_a_snapshot_lost_that_could_not_be_written_is_in_the_next_one() {
    let clock = Arc::new(ManualClock::new(Timestamp(1_000)));
    let mut world = World::over(limited(&clock), clock, Lines::default());
    world.snapshot_interval_ms = 0;
    let sink = Collected::default();
    let control = Control::default();
    let mut pipeline = world.count("p", &sink, &control).unwrap();
    world.lines.add(["1 0".to_owned()]);
    work(&mut pipeline).unwrap();

    fill(&world.log, "crumb", 3);
    fill(&world.log, "ballast", usize::MAX);
    world.log.delete_topic("crumb").unwrap();
    world.log.clean_up().unwrap();
    let mut rng = StdRng::seed_from_u64(7);
    let keys: Vec<i64> = (0..KEYS).map(|_| rng.random()).collect();
    world.lines.add(keys.iter().map(|k| format!("{k} 0")));
    world.clock.advance(10);
    work(&mut pipeline).unwrap();
    world.lines.add(["1 0".to_owned()]);
    world.clock.advance(10);
    work(&mut pipeline).unwrap();
    let said = control.status().describe();
    assert!(
        said.contains("no snapshot: log has reached its limit"),
        "{said}"
    );

    world.log.delete_topic("ballast").unwrap();
    world.log.clean_up().unwrap();
    world.lines.add(["1 0".to_owned()]);
    world.clock.advance(10);
    work(&mut pipeline).unwrap();
    work(&mut pipeline).unwrap();
    assert_eq!(control.status().describe(), "running");
    drop(pipeline);

    let control = Control::default();
    let mut pipeline = world.count("p", &sink, &control).unwrap();
    assert_eq!(control.status().replayed, 0, "the snapshot is the newest");
    sink.rows.lock().unwrap().clear();
    let again = keys.iter().step_by(KEYS / 100);
    world.lines.add(again.clone().map(|k| format!("{k} 0")));
    work(&mut pipeline).unwrap();
    let replaced = sink.rows.lock().unwrap().clone();
    for key in again {
        assert!(replaced.contains(&(*key, -1)), "{key} was forgotten");
    }
}
