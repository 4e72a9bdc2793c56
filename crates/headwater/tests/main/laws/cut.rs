//! Law 2, the cut law: for input of one partition, the result does not depend on how it was cut into epochs; nor, for given
//! epochs, on threads or shards.

use headwater::testkit::{Limits, TestDriver, TestOptions, TestRecord};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::oracle::Oracle;
use super::pipeline::{Class, Pipeline, Target, options};
use super::script::{Outcome, assert_records, by_commit, epochs, plain, script, step};
use super::seeds::{complaint, each_seed};
use super::stream::Stream;

/// Records on which the cuts are tried.
const RECORDS: usize = 45;

/// Bounds so small that steps and epochs are full before the input is.
fn limits(rng: &mut StdRng) -> Limits {
    let bytes = |rng: &mut StdRng| *[1, 300, 1_000, 1 << 20].choose(rng).unwrap();
    Limits {
        chunk_bytes: bytes(rng),
        step_bytes: bytes(rng),
        epoch_bytes: bytes(rng),
        ..Limits::default()
    }
}

/// Runs a pipeline over records that come and are taken in at random.
fn run_cut(
    rng: &mut StdRng,
    pipeline: &Pipeline,
    records: &[TestRecord],
    options: &TestOptions,
) -> TestDriver {
    let mut driver = pipeline.start(options);
    let table = &pipeline.tables[0].name;
    let mut rest = records;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rng.random_range(1..=rest.len().min(12)));
        driver.pipe(table, now.iter().cloned()).unwrap();
        rest = later;
        if rng.random_bool(0.6) {
            epochs(&mut driver).unwrap_or_else(|e| panic!("{e}\n{}", pipeline.statements));
        }
    }
    epochs(&mut driver).unwrap_or_else(|e| panic!("{e}\n{}", pipeline.statements));
    driver
}

/// The law for one pipeline, whose second run gets `altered` records.
fn law(seed: u64, oracle: &Oracle, altered: impl Fn(&mut Vec<TestRecord>)) {
    let class = Class {
        one_partition: true,
        ..Class::ALL
    };
    let mut rng = StdRng::seed_from_u64(seed);
    let pipeline = Pipeline::random(&mut rng, oracle, class);
    let (mut records, _) = Stream::new().records(&mut rng, (0, &pipeline.tables[0]), RECORDS);
    let run = |rng: &mut StdRng, records: &[TestRecord]| {
        let options = TestOptions {
            limits: limits(rng),
            ..options(rng)
        };
        let driver = run_cut(rng, &pipeline, records, &options);
        (options.shards, Outcome::of(&driver))
    };
    let (shards, one) = run(&mut rng, &records);
    altered(&mut records);
    let (others, other) = run(&mut rng, &records);
    let what = &pipeline.statements;
    let lists = pipeline.query.unordered();
    assert_records(&one.content(&lists), &other.content(&lists), what);
    assert_records(&one.sorted_late(), &other.sorted_late(), what);
    // A view puts the changes of an epoch in the order of its key.
    let in_order = matches!(pipeline.target, Target::Append { .. });
    if in_order && shards == others && shards == Some(1) && lists.is_empty() {
        let bytes = |o: &Outcome| o.result.iter().map(plain).collect::<Vec<_>>();
        assert_records(&bytes(&one), &bytes(&other), what);
    }
}

#[test]
fn one_partition_gives_the_same_however_it_is_cut_into_epochs() {
    let oracle = Oracle::new();
    each_seed(25, |seed| law(seed, &oracle, |_| {}));
}

#[test]
fn a_record_lost_at_a_cut_is_noticed() {
    let oracle = Oracle::new();
    let said = complaint(10, |seed| {
        law(seed, &oracle, |records| drop(records.remove(RECORDS / 2)));
    });
    assert!(said.contains("not expected"), "{said}");
}

#[test]
fn a_record_taken_in_on_both_sides_of_a_cut_is_noticed() {
    let oracle = Oracle::new();
    let said = complaint(10, |seed| {
        law(seed, &oracle, |records| {
            records.insert(RECORDS / 2, records[RECORDS / 2].clone())
        });
    });
    assert!(said.contains("not expected"), "{said}");
}

#[test]
fn threads_and_shards_change_no_epoch() {
    let oracle = Oracle::new();
    each_seed(20, |seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        let pipeline = Pipeline::random(&mut rng, &oracle, Class::ALL);
        let steps = script(&mut rng, &pipeline.tables, 5);
        let run = |rng: &mut StdRng| {
            let options = options(rng);
            let mut driver = pipeline.start(&options);
            for s in &steps {
                step(&mut driver, s).unwrap_or_else(|e| panic!("{e}\n{}", pipeline.statements));
            }
            (options.shards, Outcome::of(&driver))
        };
        let ((shards, one), (others, other)) = (run(&mut rng), run(&mut rng));
        for (one, other) in [(&one.result, &other.result), (&one.late, &other.late)] {
            let (by_one, by_other) = (by_commit(one), by_commit(other));
            let what = &pipeline.statements;
            assert_records(&by_one.concat(), &by_other.concat(), what);
            assert_eq!(by_one, by_other, "the same records in other epochs: {what}");
            if shards == others {
                let bytes = |r: &[_]| r.iter().map(plain).collect::<Vec<_>>();
                assert_eq!(bytes(one), bytes(other), "in another order: {what}");
            }
        }
    });
}
