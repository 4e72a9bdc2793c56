//! Restarts, and what is away for a while.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use headwater_log::{Clock, ManualClock, Timestamp};

use super::world::{Collected, Lines, World, work};
use crate::driver::{Control, Ending, Phase, supervise};
use crate::error::ErrorKind;

fn numbers(range: std::ops::Range<i64>) -> impl Iterator<Item = String> {
    range.map(|n| format!("{n} 0"))
}

#[test]
fn what_came_while_nobody_read_is_read_by_a_pipeline_that_began_at_the_latest() {
    let world = World::new(Lines {
        from_latest: true,
        ..Lines::default()
    });
    let sink = Collected::default();
    world.lines.add(numbers(0..3));
    let mut first = world.select("p", &["k"], &sink);
    work(&mut first).unwrap();
    drop(first);
    world.lines.add(numbers(3..5));
    let mut second = world.select("p", &["k"], &sink);
    work(&mut second).unwrap();
    assert_eq!(*sink.rows.lock().unwrap(), [(3, 1), (4, 1)]);
}

#[test]
fn an_input_that_is_away_is_waited_for_and_the_status_says_so() {
    let world = World::new(Lines::default());
    let sink = Collected::default();
    let mut pipeline = world.select("p", &["k"], &sink);
    world.lines.is_away.store(true, Ordering::SeqCst);
    world.lines.add(numbers(0..2));
    work(&mut pipeline).unwrap();
    let status = pipeline.control().status();
    assert_eq!(
        status.describe(),
        "running, tries again: the lines are away"
    );
    world.lines.is_away.store(false, Ordering::SeqCst);
    world.clock.advance(10_000);
    work(&mut pipeline).unwrap();
    assert_eq!(pipeline.control().status().describe(), "running");
    assert_eq!(*sink.rows.lock().unwrap(), [(0, 1), (1, 1)]);
}

#[test]
fn an_input_that_stays_away_ends_the_pipeline() {
    let world = World::new(Lines::default());
    let mut pipeline = world.select("p", &["k"], &Collected::default());
    world.lines.is_away.store(true, Ordering::SeqCst);
    let mut ended = Ok(());
    for _ in 0..100 {
        ended = ended.and_then(|()| work(&mut pipeline));
        world.clock.advance(1_000);
    }
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Unavailable);
}

/// A clock that goes on whenever it is looked at.
#[derive(Debug)]
struct Hasty(ManualClock);

impl Clock for Hasty {
    fn now(&self) -> Timestamp {
        self.0.advance(50);
        self.0.now()
    }
}

#[test]
fn a_pipeline_whose_sink_was_away_goes_on_where_it_was() {
    let world = World::new(Lines::default());
    let (sink, control) = (Collected::default(), Control::default());
    *sink.failures.lock().unwrap() = 2;
    world.lines.add(numbers(0..2));
    let pipeline = world.count("p", &sink, &control).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(Hasty(ManualClock::new(Timestamp(0))));
    let mut opened = 0;
    let ended = supervise(pipeline, &clock, 60_000, || {
        opened += 1;
        world.lines.add(numbers(1..3));
        if opened == 2 {
            control.stop();
        }
        world.count("p", &sink, &control)
    });
    assert_eq!((ended.unwrap(), opened), (Ending::Stopped, 2));
    // What was committed and could not be delivered is not delivered later: this sink has no memory of its own.
    let mut pipeline = world.count("p", &sink, &Control::default()).unwrap();
    sink.rows.lock().unwrap().clear();
    world.lines.add(numbers(1..2));
    work(&mut pipeline).unwrap();
    let mut rows = sink.rows.lock().unwrap().clone();
    rows.retain(|(k, _)| *k == 1);
    assert_eq!(rows, [(1, -1), (1, 1)]);
}

#[test]
fn a_pipeline_whose_sink_stays_away_ends() {
    let world = World::new(Lines::default());
    let (sink, control) = (Collected::default(), Control::default());
    *sink.failures.lock().unwrap() = usize::MAX;
    let pipeline = world.count("p", &sink, &control).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(Hasty(ManualClock::new(Timestamp(0))));
    let ended = supervise(pipeline, &clock, 2_000, || {
        world.lines.add(numbers(0..1));
        world.count("p", &sink, &control)
    });
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(matches!(control.status().phase, Phase::Failed(why) if why.contains("away")));
}

#[test]
fn an_epoch_that_became_durable_while_its_pipeline_failed_is_counted_once() {
    let mut world = World::new(Lines::default());
    let limits = &mut world.limits;
    (limits.chunk_bytes, limits.step_bytes, limits.epoch_bytes) = (1, 1, 1);
    world.lines.add(numbers(0..3));
    let (sink, control) = (Collected::default(), Control::default());
    sink.refused.store(3, Ordering::SeqCst);
    let mut pipeline = world.count("p", &sink, &control).unwrap();
    let error = work(&mut pipeline).unwrap_err();
    assert!(error.to_string().contains("the sink is full"), "{error}");
    assert_eq!(control.status().rows_in, 1, "the second is on its way");
    drop(pipeline);
    assert_eq!(control.status().rows_in, 2);

    sink.refused.store(0, Ordering::SeqCst);
    let mut pipeline = world.count("p", &sink, &control).unwrap();
    work(&mut pipeline).unwrap();
    let status = control.status();
    assert_eq!((status.rows_in, status.rows_out, status.epoch), (3, 3, 3));
}
