//! Sagas in a world where power goes at any write, calls and answers are lost, come twice, late or out of order, and timeouts race
//! with answers. Repeatable by seed; `HEADWATER_SAGA_SEEDS` sets how many are run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use headwater_events::contract::oracle::Dice;
use headwater_events::{
    Answer, Call, Definition, Filter, Mode, Phase, Position, Retry, SagaEvent, SagaState, SagaTurn,
    Sagas, Step, Store, block_on,
};
use headwater_log::simulation::{Faults, FaultyDisk};
use headwater_log::{Log, ManualClock, Options};
use serde_json::json;

use crate::support::{Seed, clock};

const SAGAS: u64 = 6;
const STEPS: [&str; 4] = ["a", "b", "c", "d"];
/// Something happens so often before it must have come to an end.
const ROUNDS_MAX: usize = 20_000;

/// The participants: whoever they are, they keep what they know, and each key has one effect.
#[derive(Default)]
struct World {
    /// What was answered under a key.
    answers: BTreeMap<String, Answer>,
    /// Effects by saga, step and phase: how often.
    effects: BTreeMap<(String, String, Phase), u32>,
    /// Steps that were taken back, although perhaps never done.
    cancelled: BTreeSet<(String, String)>,
    /// Answers on their way.
    mail: Vec<(String, Answer)>,
}

impl World {
    /// A call comes in; its answer, sooner or later, goes out, or not.
    fn call(&mut self, call: &Call, dice: &mut Dice) {
        if dice.one_in(6) {
            return;
        }
        let answer = match self.answers.get(&call.key) {
            Some(answer) => answer.clone(),
            None if dice.one_in(6) => Answer::Failed("busy".into()),
            None => self.work(call, dice),
        };
        for _ in 0..[0, 1, 1, 1, 2][dice.below(5) as usize] {
            self.mail.push((call.key.clone(), answer.clone()));
        }
    }

    fn work(&mut self, call: &Call, dice: &mut Dice) -> Answer {
        let step = (call.saga.clone(), call.step.clone());
        let refuses = match call.phase {
            Phase::Do => self.cancelled.contains(&step) || dice.one_in(12),
            Phase::Undo => dice.one_in(25),
        };
        let answer = match refuses {
            true => Answer::Refused("no".into()),
            false => {
                let was_done =
                    self.effects
                        .contains_key(&(step.0.clone(), step.1.clone(), Phase::Do));
                if call.phase == Phase::Do || was_done {
                    *self
                        .effects
                        .entry((step.0.clone(), step.1.clone(), call.phase))
                        .or_default() += 1;
                }
                if call.phase == Phase::Undo {
                    self.cancelled.insert(step);
                }
                Answer::Done(json!({"by": call.key}))
            }
        };
        self.answers.insert(call.key.clone(), answer.clone());
        answer
    }

    fn done(&self, saga: &str, step: &str, phase: Phase) -> bool {
        let key = (saga.to_owned(), step.to_owned(), phase);
        self.effects.contains_key(&key)
    }
}

struct Simulation {
    disk: FaultyDisk,
    clock: Arc<ManualClock>,
    sagas: Option<Sagas>,
    world: World,
    dice: Dice,
    crashes: u32,
}

fn definition() -> Definition {
    let retry = Retry {
        attempts: 3,
        first: Duration::from_millis(50),
        factor: 3.0,
        max: Duration::from_secs(2),
    };
    STEPS
        .iter()
        .fold(Definition::new("tour", 1), |definition, name| {
            let mut step = Step::new(*name, "world", "book").input(json!({"of": "$.saga"}));
            if *name != "c" {
                step = step.undo("cancel");
            }
            definition.step(step.timeout(Duration::from_secs(1)).retry(retry))
        })
}

impl Simulation {
    fn new(seed: u64) -> Self {
        Self {
            disk: FaultyDisk::new(seed),
            clock: clock(),
            sagas: None,
            world: World::default(),
            dice: Dice(seed),
            crashes: 0,
        }
    }

    /// A new process, unless the power goes at once again.
    fn boot(&mut self) {
        while self.sagas.is_none() {
            let power_off_at = self.dice.one_in(2).then(|| 1 + self.dice.below(60));
            self.disk.set_faults(Faults {
                power_off_at,
                ..Faults::default()
            });
            match self.try_boot() {
                Ok(sagas) => self.sagas = Some(sagas),
                Err(error) => self.crash(&error),
            }
        }
    }

    fn try_boot(&self) -> headwater_events::Result<Sagas> {
        let options = Options {
            threads: false,
            wal_file_bytes: 64 << 10,
            ..Options::default()
        };
        let log = Log::open(Arc::new(self.disk.clone()), self.clock.clone(), options)?;
        let sagas = Sagas::new(Store::on_log(log, "events")?, self.clock.clone());
        sagas.participant("world", |_: Call| async { Answer::Later });
        block_on(sagas.define(definition()))?;
        for n in 0..SAGAS {
            block_on(sagas.start("tour", &format!("s{n}"), json!({})))?;
        }
        Ok(sagas)
    }

    fn crash(&mut self, error: &headwater_events::Error) {
        assert!(
            self.disk.is_off(),
            "nothing but a loss of power goes wrong: {error}"
        );
        self.sagas = None;
        self.disk = self.disk.crash();
        self.crashes += 1;
    }

    /// Something happens; `false`: nothing will any more.
    fn happen(&mut self) -> bool {
        self.boot();
        let sagas = self.sagas.take().unwrap();
        if self.dice.one_in(60) {
            // The process is killed; the disk has what it was given.
            drop(sagas);
            return true;
        }
        let outcome = match self.dice.below(3) {
            0 if !self.world.mail.is_empty() => self.deliver(&sagas),
            _ => self.turn(&sagas),
        };
        match outcome {
            Ok(goes_on) => {
                self.sagas = Some(sagas);
                goes_on
            }
            Err(error) => {
                drop(sagas);
                self.crash(&error);
                true
            }
        }
    }

    fn deliver(&mut self, sagas: &Sagas) -> headwater_events::Result<bool> {
        let at = self.dice.below(self.world.mail.len() as u64) as usize;
        let (key, answer) = match self.dice.one_in(8) {
            true => self.world.mail[at].clone(),
            false => self.world.mail.swap_remove(at),
        };
        block_on(sagas.answer(&key, answer))?;
        Ok(true)
    }

    fn turn(&mut self, sagas: &Sagas) -> headwater_events::Result<bool> {
        match block_on(sagas.turn())? {
            SagaTurn::Call(call) => self.world.call(&call, &mut self.dice),
            SagaTurn::Recorded => {}
            SagaTurn::Idle(None) => return Ok(!self.world.mail.is_empty()),
            SagaTurn::Idle(Some(due)) => match self.dice.one_in(3) {
                true => self.clock.set(due),
                false => self.clock.advance(self.dice.below(400) as i64),
            },
        }
        Ok(true)
    }

    fn check(&mut self) {
        self.sagas = None;
        // It may have gone in a checkpoint, of which nobody was told.
        if self.disk.is_off() {
            self.disk = self.disk.crash();
        }
        self.disk.set_faults(Faults::default());
        self.sagas = Some(self.try_boot().unwrap());
        let sagas = self.sagas.as_ref().unwrap();
        for n in 0..SAGAS {
            let saga = block_on(sagas.show(&format!("s{n}"))).unwrap();
            self.check_saga(&saga);
        }
        for ((saga, step, phase), times) in &self.world.effects {
            assert_eq!(*times, 1, "effects of {saga} {step} {phase:?}");
        }
        check_journal(sagas);
    }

    fn check_saga(&self, saga: &SagaState) {
        let id = saga.id.as_str();
        let done = |step: &str| self.world.done(id, step, Phase::Do);
        let undone = |step: &str| self.world.done(id, step, Phase::Undo);
        match saga.mode {
            Mode::Completed => {
                for step in STEPS {
                    assert!(
                        done(step) && !undone(step),
                        "{id} {step} of a completed saga"
                    );
                }
            }
            Mode::Compensated => {
                for step in STEPS.iter().filter(|step| **step != "c") {
                    assert_eq!(
                        done(step),
                        undone(step),
                        "{id} {step} of a compensated saga"
                    );
                }
            }
            Mode::Parked => {
                let refused = |s: &headwater_events::StepState| {
                    !s.backward.attempts.is_empty() && !undone(&s.name)
                        || matches!(s.backward.status, headwater_events::PhaseStatus::Failed(_))
                };
                assert!(saga.steps.iter().any(refused), "{id} is parked for nothing");
            }
            Mode::Forward | Mode::Backward => panic!("{id} has not ended: {saga:?}"),
        }
    }
}

/// What is recorded as done is never tried again.
fn check_journal(sagas: &Sagas) {
    let filter = Filter::all().streams("$saga-").types([
        "$saga.attempted",
        "$saga.succeeded",
        "$saga.refused",
    ]);
    let page = block_on(sagas.store().read_all(Position(0), filter, usize::MAX)).unwrap();
    assert!(page.next >= page.end, "all of it");
    let mut over = BTreeSet::new();
    for event in page.events {
        use headwater_events::Event;
        let of = |step, phase| (event.stream.clone(), step, phase);
        match SagaEvent::decode(&event).unwrap() {
            SagaEvent::Attempted { step, phase, .. } => {
                assert!(
                    !over.contains(&of(step, phase)),
                    "a recorded step is done again"
                );
            }
            SagaEvent::Succeeded { step, phase, .. } | SagaEvent::Refused { step, phase, .. } => {
                assert!(over.insert(of(step, phase)), "a step ends twice");
            }
            _ => {}
        }
    }
}

#[test]
fn each_saga_ends_completed_compensated_or_parked_whatever_happens() {
    let seeds = std::env::var("HEADWATER_SAGA_SEEDS").ok();
    let seeds: u64 = seeds.and_then(|n| n.parse().ok()).unwrap_or(40);
    let first: u64 = rand::random();
    let (mut crashes, mut modes) = (0, BTreeMap::<String, u32>::new());
    for seed in (0..seeds).map(|n| first.wrapping_add(n)) {
        let _seed = Seed(seed);
        let mut simulation = Simulation::new(seed);
        let rounds = (0..ROUNDS_MAX).take_while(|_| simulation.happen()).count();
        assert!(rounds < ROUNDS_MAX, "it never ends");
        simulation.check();
        crashes += simulation.crashes;
        for saga in block_on(simulation.sagas.as_ref().unwrap().list()).unwrap() {
            *modes.entry(format!("{:?}", saga.mode)).or_default() += 1;
        }
    }
    assert!(crashes > 0, "power went now and then");
    assert!(modes.len() >= 2, "not all ended alike: {modes:?}");
}
