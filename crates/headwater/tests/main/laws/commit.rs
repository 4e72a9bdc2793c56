//! Law 4, the commit law, for whole pipelines: whatever is cut off whenever, a commit is whole or absent, an acknowledged
//! one is never lost, and no reader ever saw one that is later absent. So what a pipeline has put out in the end is what
//! an undisturbed one makes of the same input: nothing lost, nothing twice.

use headwater::ErrorKind;
use headwater::testkit::{Faults, OutputRecord, TestDriver, TestRecord};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::oracle::Oracle;
use super::pipeline::{Class, Pipeline, RESULT, options};
use super::script::{Outcome, Plain, assert_records, epochs, plain, plain_record};
use super::seeds::{complaint, each_seed};
use super::stream::Stream;

/// A pipeline on a disk that fails, and what it has promised.
struct Case {
    pipeline: Pipeline,
    driver: TestDriver,
    stream: Stream,
    /// The input that was acknowledged, in order.
    acknowledged: Vec<Plain>,
    /// What was written when the disk failed: it may be there or not, but whole.
    unknown: Vec<Plain>,
    /// Output that a reader has seen.
    seen: Vec<OutputRecord>,
}

impl Case {
    fn new(rng: &mut StdRng, oracle: &Oracle) -> Self {
        let class = Class {
            one_partition: true,
            idle: false,
        };
        let pipeline = Pipeline::random(rng, oracle, class);
        Self {
            driver: pipeline.start(&options(rng)),
            pipeline,
            stream: Stream::new(),
            acknowledged: Vec::new(),
            unknown: Vec::new(),
            seen: Vec::new(),
        }
    }

    fn table(&self) -> &str {
        &self.pipeline.tables[0].name
    }

    /// Lets something go wrong soon.
    fn endanger(&self, rng: &mut StdRng) {
        let mut faults = Faults::default();
        match rng.random_range(0..6) {
            0 => {}
            1 => faults.sync_fails_at = Some(rng.random_range(1..12)),
            _ => faults.power_off_at = Some(rng.random_range(1..60)),
        }
        self.driver.disk().set_faults(faults);
    }

    /// Works until something goes wrong, or for a while.
    fn work(&mut self, rng: &mut StdRng) -> headwater::Result<()> {
        for _ in 0..rng.random_range(1..5) {
            self.driver.clock().advance(rng.random_range(0..4_000));
            let count = rng.random_range(0..9);
            let (records, _) = self
                .stream
                .records(rng, (0, &self.pipeline.tables[0]), count);
            self.produce(records)?;
            if rng.random_bool(0.3) {
                self.driver.log().checkpoint()?;
            }
            if rng.random_bool(0.7) {
                epochs(&mut self.driver)?;
            }
            self.look()?;
        }
        Ok(())
    }

    fn produce(&mut self, records: Vec<TestRecord>) -> headwater::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let table = self.table().to_owned();
        let written = self.driver.pipe(&table, records.clone());
        let records = records.into_iter().map(|r| plain_record(0, &r.into()));
        match written {
            Ok(_) => self.acknowledged.extend(records),
            Err(_) => self.unknown = records.collect(),
        }
        written.map(drop)
    }

    /// A reader looks at the output; what it saw before it sees again.
    fn look(&mut self) -> headwater::Result<()> {
        let found = self.driver.records(RESULT)?;
        let gone = self.seen.iter().find(|r| !found.contains(r));
        let what = &self.pipeline.statements;
        assert_eq!(gone, None, "a reader saw what is no more: {what}");
        self.seen = found;
        Ok(())
    }

    /// The power comes back.
    fn restart(&mut self, rng: &mut StdRng) {
        let what = self.pipeline.statements.clone();
        self.driver
            .restart(&options(rng))
            .unwrap_or_else(|e| panic!("{e}\n{what}"));
        let found = self.driver.records(self.table()).unwrap();
        let found: Vec<Plain> = found.iter().map(plain).collect();
        let unknown = std::mem::take(&mut self.unknown);
        if found.len() > self.acknowledged.len() {
            self.acknowledged.extend(unknown);
        }
        assert_records(&found, &self.acknowledged, &what);
        self.look().unwrap();
    }

    /// In the end there is what an undisturbed pipeline makes of the input, `altered` on its way to that.
    fn check(&mut self, rng: &mut StdRng, altered: impl Fn(&mut Vec<OutputRecord>)) {
        epochs(&mut self.driver).unwrap();
        let mut twin = self.pipeline.start(&options(rng));
        let mut input = self.driver.records(self.table()).unwrap();
        altered(&mut input);
        twin.pipe(
            self.table(),
            input
                .into_iter()
                .map(|r| TestRecord::from(r.record).partition(r.partition)),
        )
        .unwrap();
        epochs(&mut twin).unwrap();
        let (found, expected) = (Outcome::of(&self.driver), Outcome::of(&twin));
        let what = &self.pipeline.statements;
        let lists = self.pipeline.query.unordered();
        assert_records(&found.content(&lists), &expected.content(&lists), what);
        assert_records(&found.sorted_late(), &expected.sorted_late(), what);
    }
}

fn law(seed: u64, oracle: &Oracle, altered: impl Fn(&mut Vec<OutputRecord>)) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut case = Case::new(&mut rng, oracle);
    for _ in 0..rng.random_range(3..9) {
        case.endanger(&mut rng);
        if let Err(e) = case.work(&mut rng) {
            let kind = e.kind();
            let fails = [ErrorKind::Unavailable, ErrorKind::Closed].contains(&kind);
            assert!(fails, "{e}\n{}", case.pipeline.statements);
        }
        case.restart(&mut rng);
    }
    case.check(&mut rng, altered);
}

#[test]
fn whatever_fails_nothing_acknowledged_is_lost_and_nothing_is_put_out_twice() {
    let oracle = Oracle::new();
    each_seed(20, |seed| law(seed, &oracle, |_| {}));
}

#[test]
fn what_is_put_out_twice_is_noticed() {
    let oracle = Oracle::new();
    // A twin that has one record less puts out what the pipeline would have put out before it put it out twice.
    let said = complaint(10, |seed| law(seed, &oracle, |input| drop(input.pop())));
    assert!(said.contains("not expected"), "{said}");
}
