//! Sagas whose calls the test answers itself, at a time that it sets.

use std::sync::Arc;
use std::time::Duration;

use headwater_log::{Log, ManualClock, Timestamp};
use serde_json::Value;

use crate::saga::{
    Answer, Answered, Call, Definition, Operation, Participant, SagaState, SagaTurn, Sagas, Started,
};
use crate::store::Store;
use crate::task::block_on;

/// Sagas whose calls the test answers itself, at a time that it sets.
///
/// ```
/// use headwater_events::kit::SagaDesk;
/// use headwater_events::{Answer, Definition, Mode, Step};
/// use serde_json::json;
/// let order = Definition::new("order", 1)
///     .step(Step::new("reserve", "stock", "reserve").undo("release"))
///     .step(Step::new("pay", "bank", "charge"));
/// let desk = SagaDesk::new(order);
/// desk.start("o1", json!({}));
/// desk.expect("reserve", Answer::Done(json!({"id": 7})));
/// desk.expect("charge", Answer::Refused("no money".into()));
/// desk.expect("release", Answer::Done(json!(null)));
/// assert_eq!(desk.call(), None);
/// assert_eq!(desk.show("o1").mode, Mode::Compensated);
/// ```
#[derive(Debug)]
pub struct SagaDesk {
    clock: Arc<ManualClock>,
    log: Log,
    definition: Definition,
    sagas: Sagas,
}

/// Answers nothing: the test does.
fn nobody() -> impl Participant {
    |_: Call| async { Answer::Later }
}

impl SagaDesk {
    /// Sagas by one definition.
    ///
    /// # Panics
    /// If it cannot be run by.
    #[track_caller]
    pub fn new(definition: Definition) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp(1_700_000_000_000)));
        let log = Log::memory(clock.clone());
        let sagas = process(&log, &clock, &definition);
        block_on(sagas.define(definition.clone())).expect("a definition to run by");
        Self {
            clock,
            log,
            definition,
            sagas,
        }
    }

    /// The sagas.
    pub fn sagas(&self) -> &Sagas {
        &self.sagas
    }

    /// The log that they are in.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The process dies and another goes on with what is recorded; it has no definition of its own.
    pub fn restart(&mut self) {
        self.sagas = process(&self.log, &self.clock, &self.definition);
    }

    /// Starts a saga.
    ///
    /// # Panics
    /// If it cannot be started.
    #[track_caller]
    pub fn start(&self, id: &str, input: Value) -> Started {
        let started = self.sagas.start(&self.definition.name, id, input);
        block_on(started).expect("a saga that can be started")
    }

    /// Time goes by.
    pub fn advance(&self, time: Duration) {
        let ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        self.clock.advance(ms);
    }

    /// The next call; `None`: there is nothing to be done at this time.
    ///
    /// # Panics
    /// If the store fails.
    #[track_caller]
    pub fn call(&self) -> Option<Call> {
        loop {
            match block_on(self.sagas.turn()).expect("a turn") {
                SagaTurn::Call(call) => return Some(call),
                SagaTurn::Recorded => {}
                SagaTurn::Idle(_) => return None,
            }
        }
    }

    /// Answers the call of a key.
    ///
    /// # Panics
    /// If the key is of no saga.
    #[track_caller]
    pub fn answer(&self, key: &str, answer: Answer) -> Answered {
        block_on(self.sagas.answer(key, answer)).expect("the key of a saga")
    }

    /// The next call is for this action; answers it.
    ///
    /// # Panics
    /// If it is not, or the answer changes nothing.
    #[track_caller]
    pub fn expect(&self, action: &str, answer: Answer) -> Call {
        let call = self
            .call()
            .unwrap_or_else(|| panic!("no call to {action:?}"));
        assert_eq!(call.action, action, "another call");
        assert_eq!(self.answer(&call.key, answer), Answered::Recorded);
        call
    }

    /// Does what a person wants.
    ///
    /// # Panics
    /// If it cannot be done.
    #[track_caller]
    pub fn operate(&self, id: &str, operation: Operation) {
        block_on(self.sagas.operate(id, operation)).expect("what can be done");
    }

    /// A saga as its journal says.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn show(&self, id: &str) -> SagaState {
        block_on(self.sagas.show(id)).expect("a saga")
    }
}

fn process(log: &Log, clock: &Arc<ManualClock>, definition: &Definition) -> Sagas {
    let store = Store::on_log(log.clone(), "events").expect("a store in memory");
    let sagas = Sagas::new(store, clock.clone());
    for step in &definition.steps {
        sagas.participant(step.participant.as_str(), nobody());
    }
    sagas
}
