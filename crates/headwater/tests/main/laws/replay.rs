//! Law 3, the replay law: the state at a snapshot and the recorded epochs since then give the state that was lost. A
//! pipeline that is killed and started again at random ends like its undisturbed twin, also where it reads the clock.

use std::time::Duration;

use headwater::testkit::{TestDriver, TestOptions};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::oracle::Oracle;
use super::pipeline::{Class, Pipeline, RESULT, options};
use super::script::{Outcome, Plain, Step, assert_records, epochs, plain, script, step};
use super::seeds::{complaint, each_seed};
use super::table::Table;

/// Queries over the table `t` whose rows depend on when they are read; `p` is its processing time.
const BY_THE_CLOCK: [&str; 7] = [
    "CREATE TABLE result AS SELECT uid, PROCTIME() AS at FROM t;",
    "CREATE TABLE result AS SELECT uid, now() AS at, CURRENT_DATE AS day FROM t WHERE now() > TIMESTAMP '2024-01-01 00:00:03';",
    "CREATE MATERIALIZED VIEW result AS SELECT uid % 3 AS k, max(LOCALTIMESTAMP) AS newest, count(*) AS n FROM t GROUP BY uid % 3;",
    "CREATE TABLE result AS SELECT window_start, window_end, count(*) AS n, sum(uid) AS u \
     FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(p), INTERVAL '2' SECOND)) GROUP BY window_start, window_end;",
    "CREATE TABLE result AS SELECT window_start, window_end, uid % 2 AS k, sum(uid) AS u \
     FROM TABLE(HOP(TABLE t, DESCRIPTOR(p), INTERVAL '2' SECOND, INTERVAL '6' SECOND)) GROUP BY uid % 2, window_start, window_end;",
    "CREATE MATERIALIZED VIEW result AS SELECT window_start, window_end, uid % 2 AS k, sum(uid) AS u \
     FROM TABLE(SESSION(TABLE t, DESCRIPTOR(p), INTERVAL '2' SECOND)) GROUP BY uid % 2, window_start, window_end;",
    "CREATE TABLE result AS SELECT uid % 2 AS k, SESSION_START(p, INTERVAL '3' SECOND) AS s, count(*) AS n \
     FROM t GROUP BY uid % 2, SESSION(p, INTERVAL '3' SECOND);",
];

/// What a run leaves: the records of the result and of its late rows in their order, and the rows of the view.
fn left(driver: &mut TestDriver) -> (Vec<Plain>, Vec<Plain>, Option<String>) {
    let outcome = Outcome::of(driver);
    let bytes = |r: &[_]| r.iter().map(plain).collect::<Vec<_>>();
    let view = driver.view(RESULT).ok();
    (
        bytes(&outcome.result),
        bytes(&outcome.late),
        view.map(|v| format!("{v:?}")),
    )
}

/// Plays a script, with restarts between its steps if `disturbed`.
fn play(
    rng: &mut StdRng,
    driver: &mut TestDriver,
    steps: &[Step],
    (disturbed, shards): (bool, Option<usize>),
) -> headwater::Result<()> {
    for s in steps {
        if disturbed && matches!(s, Step::Advance(_)) && rng.random_bool(0.5) {
            // Within an epoch, the order of what several shards put out depends on how many they are.
            let options = TestOptions {
                shards,
                ..options(rng)
            };
            match rng.random_bool(0.8) {
                true => driver.restart(&options)?,
                false => driver.stop_and_restart(&options)?,
            }
            // It says that it is there again, which its twin need not.
            epochs(driver)?;
        }
        step(driver, s)?;
    }
    Ok(())
}

/// Runs the steps undisturbed, and `killed_steps` with restarts: both leave the same.
fn check(
    rng: &mut StdRng,
    (steps, killed_steps): (&[Step], &[Step]),
    start: impl Fn(&TestOptions) -> TestDriver,
    what: &str,
) {
    let first = options(rng);
    let run = |rng: &mut StdRng, steps: &[Step], disturbed| {
        let mut driver = start(&first);
        let played = play(rng, &mut driver, steps, (disturbed, first.shards));
        played.unwrap_or_else(|e| panic!("{e}\n{what}"));
        left(&mut driver)
    };
    let undisturbed = run(rng, steps, false);
    let killed = run(rng, killed_steps, true);
    assert_records(&killed.0, &undisturbed.0, what);
    assert_eq!(killed.0, undisturbed.0, "in another order: {what}");
    assert_eq!(killed.1, undisturbed.1, "late rows of {what}");
    assert_eq!(killed.2, undisturbed.2, "the view of {what}");
}

/// The law for one pipeline; the one that is killed goes through `altered` steps.
fn law(seed: u64, oracle: &Oracle, altered: impl Fn(&mut Vec<Step>)) {
    let class = Class {
        // A restart waits again for partitions that were idle, which a twin that was not restarted does not.
        idle: false,
        ..Class::ALL
    };
    let mut rng = StdRng::seed_from_u64(seed);
    let pipeline = Pipeline::random(&mut rng, oracle, class);
    let steps = script(&mut rng, &pipeline.tables, 6);
    let mut killed = steps.clone();
    altered(&mut killed);
    let start = |o: &TestOptions| pipeline.start(o);
    check(&mut rng, (&steps, &killed), start, &pipeline.statements);
}

#[test]
fn a_pipeline_that_is_killed_and_started_again_ends_like_an_undisturbed_one() {
    let oracle = Oracle::new();
    each_seed(20, |seed| law(seed, &oracle, |_| {}));
}

#[test]
fn an_epoch_that_is_not_replayed_is_noticed() {
    let oracle = Oracle::new();
    let loses = |steps: &mut Vec<Step>| {
        let piped = steps.iter().position(|s| matches!(s, Step::Pipe(..)));
        piped.map(|at| steps.remove(at));
    };
    let said = complaint(10, |seed| law(seed, &oracle, loses));
    assert!(
        said.contains("expected") || said.contains("late rows"),
        "{said}"
    );
}

#[test]
fn what_was_read_from_the_clock_is_read_from_the_epochs_when_they_are_replayed() {
    each_seed(14, |seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut table = Table::random(&mut rng, "t", false);
        table.idle_ms = Some(0);
        let query = BY_THE_CLOCK.choose(&mut rng).unwrap();
        let ddl = table
            .ddl()
            .replacen(", WATERMARK", ", p AS PROCTIME(), WATERMARK", 1);
        let statements = format!("{ddl} {query}");
        let mut steps = script(&mut rng, std::slice::from_ref(&table), 6);
        steps.extend([Step::Advance(20_000), Step::Epochs]);
        let start = |options: &TestOptions| {
            let driver = TestDriver::with_options(&statements, options);
            driver.unwrap_or_else(|e| panic!("{e}\n{statements}"))
        };
        check(&mut rng, (&steps, &steps), start, &statements);
    });
}

#[test]
fn an_epoch_whose_commit_was_lost_is_made_again() {
    let oracle = Oracle::new();
    let class = Class {
        one_partition: true,
        idle: false,
    };
    each_seed(15, |seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        let pipeline = Pipeline::random(&mut rng, &oracle, class);
        let steps = script(&mut rng, &pipeline.tables, 6);
        let what = &pipeline.statements;
        let mut twin = pipeline.start(&options(&mut rng));
        let mut killed = pipeline.start(&options(&mut rng));
        for s in &steps {
            step(&mut twin, s).unwrap();
            if matches!(s, Step::Epochs) && rng.random_bool(0.5) {
                let job = killed.jobs().pop().unwrap();
                killed.unsettled_epoch(&job).unwrap();
                killed.clock().advance(rng.random_range(0..50));
                let options = TestOptions {
                    snapshot_interval: Duration::ZERO,
                    ..options(&mut rng)
                };
                killed
                    .restart(&options)
                    .unwrap_or_else(|e| panic!("{e}\n{what}"));
            } else {
                step(&mut killed, s).unwrap();
            }
        }
        epochs(&mut killed).unwrap();
        let (twin, killed) = (Outcome::of(&twin), Outcome::of(&killed));
        let lists = pipeline.query.unordered();
        assert_records(&killed.content(&lists), &twin.content(&lists), what);
        assert_records(&killed.sorted_late(), &twin.sorted_late(), what);
    });
}
