//! Decisions, one after the other.

use super::*;

/// The next decision but for asking for new partitions.
fn next(s: &mut Schedule, now: i64) -> Action {
    loop {
        match s.next(now) {
            Action::Discover { .. } => {}
            other => return other,
        }
    }
}

fn schedule() -> Schedule {
    Schedule::new(
        Limits {
            step_bytes: 10,
            epoch_bytes: 20,
            ..Limits::default()
        },
        &[(1, None)],
        0,
    )
}

#[test]
fn idle_input_is_committed_at_once() {
    let mut s = schedule();
    assert_eq!(
        next(&mut s, 0),
        Action::Poll {
            input: 0,
            partition: 0
        }
    );
    s.ready(0, 0, 3, 0);
    assert_eq!(
        next(&mut s, 0),
        Action::Poll {
            input: 0,
            partition: 0
        }
    );
    s.pending(0, 0, None);
    assert_eq!(next(&mut s, 0), Action::Step);
    s.stepped();
    assert_eq!(next(&mut s, 0), Action::Finish);
    s.finished();
    assert_eq!(next(&mut s, 0), Action::Wait(None));
}

#[test]
fn backlog_makes_epochs_of_several_steps() {
    let mut s = schedule();
    let mut steps = 0;
    loop {
        match next(&mut s, 0) {
            Action::Poll { .. } => s.ready(0, 0, 5, 0),
            Action::Step => {
                steps += 1;
                s.stepped();
            }
            other => break assert_eq!((other, steps), (Action::Finish, 2)),
        }
    }
}

#[test]
fn the_end_of_input_gets_an_epoch_of_its_own() {
    let mut s = schedule();
    s.ended(0, 0);
    assert_eq!(next(&mut s, 0), Action::Finish);
    s.finished();
    assert_eq!(next(&mut s, 0), Action::End(Ending::Finished));
}

#[test]
fn a_due_timer_starts_an_epoch() {
    let mut s = schedule();
    s.pending(0, 0, None);
    s.set_timer(Some(50));
    assert_eq!(
        next(&mut s, 0),
        Action::Wait(Some(Duration::from_millis(50)))
    );
    assert_eq!(next(&mut s, 50), Action::Finish);
}

#[test]
fn a_stop_finishes_what_was_begun() {
    let mut s = schedule();
    s.ready(0, 0, 3, 0);
    s.stop();
    assert_eq!(next(&mut s, 0), Action::Step);
    s.stepped();
    assert_eq!(next(&mut s, 0), Action::Finish);
    s.finished();
    assert_eq!(next(&mut s, 0), Action::End(Ending::Stopped));
}

#[test]
fn an_input_that_grows_waits_for_its_first_partition() {
    let every = Some(Duration::from_secs(1));
    let mut s = Schedule::new(Limits::default(), &[(0, every)], 0);
    assert_eq!(s.next(0), Action::Wait(Some(Duration::from_secs(1))));
    s.signalled();
    assert_eq!(s.next(999), Action::Wait(Some(Duration::from_millis(1))));
    assert_eq!(s.next(1_000), Action::Discover { input: 0 });
    s.grown(0, 1);
    assert_eq!(
        s.next(1_000),
        Action::Poll {
            input: 0,
            partition: 0
        }
    );
    s.ended(0, 0);
    assert_eq!(s.next(1_000), Action::Finish);
    s.finished();
    assert_eq!(s.next(1_000), Action::Wait(Some(Duration::from_secs(1))));
}

#[test]
fn an_epoch_under_way_gets_no_new_partitions() {
    let mut s = schedule();
    s.ready(0, 0, 3, 0);
    s.signalled();
    assert!(!matches!(s.next(0), Action::Discover { .. }));
    s.pending(0, 0, None);
    assert_eq!(s.next(0), Action::Step);
    s.stepped();
    assert_eq!(s.next(0), Action::Finish);
    s.finished();
    assert_eq!(s.next(0), Action::Discover { input: 0 });
    assert_eq!(s.next(0), Action::Wait(None));
}

#[test]
fn a_partition_that_fails_is_left_alone_until_its_time() {
    let mut s = schedule();
    s.failing(0, 0, 50);
    s.signalled();
    assert_eq!(
        next(&mut s, 0),
        Action::Wait(Some(Duration::from_millis(50)))
    );
    assert!(matches!(next(&mut s, 50), Action::Poll { .. }));
}

#[test]
fn partitions_take_turns_whatever_their_input() {
    let mut s = Schedule::new(Limits::default(), &[(2, None), (0, None), (3, None)], 0);
    let mut polled = Vec::new();
    for _ in 0..7 {
        let Action::Poll { input, partition } = next(&mut s, 0) else {
            panic!("there may be input");
        };
        polled.push((input, partition));
        s.ready(input, partition, 1, 0);
    }
    assert_eq!(
        polled,
        [(0, 1), (2, 0), (2, 1), (2, 2), (0, 0), (0, 1), (2, 0)]
    );
    for (input, partition) in [(0, 0), (0, 1), (2, 0), (2, 2)] {
        s.pending(input, partition, Some(10));
    }
    for _ in 0..2 {
        let polled = next(&mut s, 5);
        assert_eq!(
            polled,
            Action::Poll {
                input: 2,
                partition: 1
            }
        );
    }
    s.pending(2, 1, None);
    assert!(matches!(
        next(&mut s, 10),
        Action::Poll {
            input: 2,
            partition: 2
        }
    ));
}
