//! Law 1, the prefix law: after every epoch, what a query has emitted, summed up, is what DataFusion's batch engine says of
//! the input so far without the late rows; of windows that are emitted on close, of those that the watermark has
//! closed. Which rows are late, and how far the watermark is, a model says.

use std::collections::BTreeMap;

use datafusion_common::ScalarValue;
use headwater::testkit::TestDriver;
use headwater_log::Clock;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::late::{derived, instant, net, placed, spell};
use super::model::{Arrival, Judge, Late, Time, Windows};
use super::oracle::{self, Oracle, Row, assert_same, batch, missing, sorted, with_added};
use super::pipeline::{Class, Pipeline, RESULT, Target, options};
use super::seeds::{complaint, each_seed};
use super::stream::{Event, Stream};

/// One pipeline, the model of it, and the oracle.
struct Case {
    pipeline: Pipeline,
    oracle: Oracle,
    driver: TestDriver,
    stream: Stream,
    events: Vec<Event>,
    /// By row of the source what the windows see of it.
    seen: BTreeMap<i64, (Option<i64>, String)>,
    times: Vec<Time>,
    watermark: Option<i64>,
    judge: Judge,
    /// By row of a table what it was judged by.
    judged: BTreeMap<i64, Option<i64>>,
    /// What was emitted into a table.
    emitted: Vec<Row>,
    latest: BTreeMap<String, Option<Row>>,
}

impl Case {
    /// A case whose engine runs `altered` statements.
    fn random(rng: &mut StdRng, altered: impl Fn(&str) -> String) -> Self {
        let oracle = Oracle::new();
        let mut pipeline = Pipeline::random(rng, &oracle, Class::ALL);
        pipeline.statements = altered(&pipeline.statements);
        let lateness = pipeline.tables.iter().map(|t| t.lateness_ms).max().unwrap();
        Self {
            judge: Judge::new(pipeline.query.windows, lateness),
            times: pipeline.tables.iter().map(Time::new).collect(),
            driver: pipeline.start(&options(rng)),
            pipeline,
            oracle,
            stream: Stream::new(),
            events: Vec::new(),
            seen: BTreeMap::new(),
            judged: BTreeMap::new(),
            watermark: None,
            emitted: Vec::new(),
            latest: BTreeMap::new(),
        }
    }

    fn epoch(&mut self, rng: &mut StdRng) {
        self.driver.clock().advance(rng.random_range(0..3_000));
        if rng.random_bool(0.15) {
            self.driver.restart(&options(rng)).unwrap();
            self.times.iter_mut().for_each(Time::restart);
        }
        let mut events = Vec::new();
        for (i, table) in self.pipeline.tables.iter().enumerate() {
            let count = *[0, 3, 8, 15].choose(rng).unwrap();
            let (records, made) = self.stream.records(rng, (i, table), count);
            if count > 0 {
                self.driver.pipe(&table.name, records).unwrap();
            }
            events.extend(made);
        }
        let job = self.driver.jobs().pop().unwrap();
        let now = self.driver.clock().now().0 * 1_000;
        let made = self
            .driver
            .epoch(&job)
            .unwrap_or_else(|e| panic!("{e}\n{}", self.pipeline.statements));
        for (i, time) in self.times.iter_mut().enumerate() {
            let filled = events.iter().filter(|e| e.table == i);
            let filled: Vec<usize> = filled.map(|e| e.partition as usize).collect();
            time.looked(now, &filled);
        }
        if made.is_none() {
            assert!(
                events.is_empty(),
                "rows are left: {}",
                self.pipeline.statements
            );
            let due = self.times.iter().any(|t| t.is_due(now));
            assert!(
                !due,
                "a partition should be idle: {}",
                self.pipeline.statements
            );
            return;
        }
        let late = self.model(&events, now);
        self.events.extend(events);
        self.check_late(&late);
        self.check_result();
        assert_eq!(
            self.driver.epoch(&job).unwrap(),
            None,
            "{}",
            self.pipeline.statements
        );
    }

    /// What the epoch makes late, by the model.
    fn model(&mut self, events: &[Event], now: i64) -> Vec<Late> {
        self.look(events);
        let before: Vec<Time> = self.times.clone();
        let mut bounds: BTreeMap<(usize, u32, u64), Option<i64>> = BTreeMap::new();
        for (i, time) in self.times.iter_mut().enumerate() {
            let of_table: Vec<&Event> = events.iter().filter(|e| e.table == i).collect();
            let rows: Vec<(usize, Option<i64>)> = of_table
                .iter()
                .map(|e| {
                    (
                        e.partition as usize,
                        self.stream.time(&self.pipeline.tables[i], e),
                    )
                })
                .collect();
            let found = time.epoch(&rows, now);
            bounds.extend(
                of_table
                    .iter()
                    .zip(found)
                    .map(|(e, b)| ((i, e.partition, e.offset), b)),
            );
        }
        let (mut late, mut highest) = (Vec::new(), None);
        for (b, branch) in self.pipeline.query.branches.iter().enumerate() {
            for event in events.iter().filter(|e| e.table == branch.table) {
                let bound = bounds[&(event.table, event.partition, event.offset)];
                let mut bound = self.bound(event.table, bound, &before);
                highest = highest.max(bound);
                if let Some(removed) = event.removed {
                    // What replaces or deletes a row is judged by no less than the row was.
                    bound = bound.max(self.judged[&removed]);
                }
                if let Some(added) = event.added {
                    self.judged.insert(added, bound);
                }
                for (id, weight) in [(event.removed, -1), (event.added, 1)] {
                    let Some(rid) = id.map(|id| id * 2 + b as i64) else {
                        continue;
                    };
                    let Some((time, key)) = self.seen.get(&rid) else {
                        continue;
                    };
                    late.extend(self.judge.judge(&Arrival {
                        id: rid,
                        key: key.clone(),
                        time: *time,
                        weight,
                        bound,
                    }));
                }
            }
        }
        self.advance();
        // What a row was judged by is closed, whoever has woken up meanwhile.
        self.watermark = self.watermark.max(highest);
        self.judge.close(self.watermark);
        late
    }

    /// What a row of a table is judged by at the windows, given what it is judged by at its input.
    fn bound(&self, table: usize, bound: Option<i64>, before: &[Time]) -> Option<i64> {
        let others = before
            .iter()
            .enumerate()
            .filter(|(i, t)| *i != table && !t.is_idle());
        let slowest = others.map(|(_, t)| t.watermark()).min();
        let held = slowest.map_or(bound, |slowest| slowest.min(bound));
        held.max(self.watermark)
    }

    /// The watermark of the windows after the epoch.
    fn advance(&mut self) {
        let busy = self
            .times
            .iter()
            .filter(|t| !t.is_idle())
            .map(Time::watermark)
            .min();
        let highest = self.times.iter().map(Time::watermark).max();
        self.watermark = self.watermark.max(busy.or(highest).flatten());
    }

    /// Finds what the windows see of new rows.
    fn look(&mut self, events: &[Event]) {
        let ids: Vec<i64> = events.iter().filter_map(|e| e.added).collect();
        self.fill(&ids);
        let (_, batches) = self
            .oracle
            .run(&self.pipeline.query.oracle_source(&self.pipeline.tables));
        for rows in &batches {
            let schema = rows.schema();
            for row in oracle::rows(rows, &schema) {
                let (ScalarValue::Int64(Some(rid)), ScalarValue::Int64(time)) = (&row[0], &row[1])
                else {
                    panic!("no such columns: {row:?}");
                };
                self.seen.insert(*rid, (*time, format!("{:?}", &row[2..])));
            }
        }
    }

    /// Puts these rows, in the order of their arrival, into the oracle's tables.
    fn fill(&self, ids: &[i64]) {
        for (i, table) in self.pipeline.tables.iter().enumerate() {
            let rows = ids.iter().map(|id| (id, &self.stream.rows[id]));
            let rows = rows.filter(|(_, (t, _))| *t == i);
            let rows = rows.enumerate().map(|(at, (id, (_, row)))| {
                let own = row.iter().cloned();
                let added = [*id, at as i64].map(|v| ScalarValue::Int64(Some(v)));
                own.chain(added).collect()
            });
            let rows: Vec<Row> = rows.collect();
            self.oracle
                .table(&table.name, batch(&with_added(&table.schema()), &rows));
        }
    }

    fn check_late(&mut self, expected: &[Late]) {
        let found = self.driver.late(RESULT).unwrap();
        let sessions = matches!(self.pipeline.query.windows, Windows::Session { .. });
        let mut found: Vec<String> = match self.pipeline.tables[0].keyed {
            true => net(found.iter().map(|r| derived(r, sessions))),
            false => found.iter().map(|r| placed(r, sessions)).collect(),
        };
        let windows = |late: &Late| match sessions {
            true => String::new(),
            false => spell(&late.windows),
        };
        let mut wanted: Vec<String> = match self.pipeline.tables[0].keyed {
            true => net(expected.iter().map(|l| {
                let time = l.time.map_or_else(String::new, instant);
                (format!("{time} {}", windows(l)), l.weight)
            })),
            false => expected
                .iter()
                .map(|l| {
                    let event = self
                        .events
                        .iter()
                        .find(|e| e.added == Some(l.id / 2))
                        .unwrap();
                    let table = &self.pipeline.tables[event.table].name;
                    format!(
                        "{table} {} {} {}",
                        event.partition,
                        event.offset,
                        windows(l)
                    )
                })
                .collect(),
        };
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "late rows of {}", self.pipeline.statements);
    }

    fn check_result(&mut self) {
        let found = self.found();
        let through = self.judge.closed_through(self.watermark);
        let expected = if self.pipeline.target.on_close() && through.is_none() {
            Vec::new()
        } else {
            let ids: Vec<i64> = self.events.iter().filter_map(|e| e.added).collect();
            self.fill(&ids);
            self.oracle.table("missing", missing(&self.judge.missing));
            let through = through.filter(|_| self.pipeline.target.on_close());
            let (_, batches) = self
                .oracle
                .run(&self.pipeline.query.oracle(&self.pipeline.tables, through));
            batches
                .iter()
                .flat_map(|b| oracle::rows(b, &self.pipeline.result))
                .collect()
        };
        let lists = self.pipeline.query.lists();
        let what = || {
            format!(
                "{}\n{}",
                self.pipeline.statements,
                self.pipeline.query.oracle(&self.pipeline.tables, through)
            )
        };
        assert_same(&sorted(found, &lists), &sorted(expected, &lists), &what);
    }

    /// What was emitted, summed up.
    fn found(&mut self) -> Vec<Row> {
        match self.pipeline.target {
            Target::Append { .. } => {
                for rows in self.driver.read_rows(RESULT).unwrap() {
                    self.emitted
                        .extend(oracle::rows(rows.rows(), &self.pipeline.result));
                }
                self.emitted.clone()
            }
            Target::Upsert => {
                let width = self.pipeline.query.result_keys().len();
                for rows in self.driver.read_rows(RESULT).unwrap() {
                    for (i, row) in oracle::rows(rows.rows(), &self.pipeline.result)
                        .into_iter()
                        .enumerate()
                    {
                        let key = format!("{:?}", &row[..width]);
                        self.latest.insert(key, (rows.weight(i) > 0).then_some(row));
                    }
                }
                self.latest.values().flatten().cloned().collect()
            }
            Target::View { .. } => {
                let memory = self.driver.view(RESULT).unwrap();
                let memory: Vec<Row> = memory
                    .iter()
                    .flat_map(|b| oracle::rows(b, &self.pipeline.result))
                    .collect();
                let queried = self.driver.query("SELECT * FROM result");
                let queried =
                    queried.unwrap_or_else(|e| panic!("{e}\n{}", self.pipeline.statements));
                let queried = queried
                    .iter()
                    .flat_map(|b| oracle::rows(b, &self.pipeline.result))
                    .collect();
                let what = || {
                    format!(
                        "the view is not what is stored of it: {}",
                        self.pipeline.statements
                    )
                };
                assert_same(&sorted(memory.clone(), &[]), &sorted(queried, &[]), &what);
                memory
            }
        }
    }
}

fn law(seed: u64, altered: impl Fn(&str) -> String) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut case = Case::random(&mut rng, altered);
    for _ in 0..rng.random_range(3..8) {
        case.epoch(&mut rng);
    }
}

#[test]
fn what_windows_have_emitted_adds_up_to_the_query_over_the_rows_that_were_not_late() {
    each_seed(40, |seed| law(seed, str::to_owned));
}

#[test]
fn a_wrong_sum_is_noticed() {
    let wrong = |s: &str| s.replace("sum(uid) AS u", "sum(uid + 1) AS u");
    let said = complaint(10, |seed| law(seed, wrong));
    assert!(said.contains("uid + 1"), "{said}");
}

#[test]
fn a_wrong_watermark_is_noticed() {
    let wrong = |s: &str| s.replace("- INTERVAL '4' SECOND", "- INTERVAL '5' SECOND");
    let said = complaint(20, |seed| law(seed, wrong));
    assert!(said.contains("INTERVAL '5' SECOND"), "{said}");
}
