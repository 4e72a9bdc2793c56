//! Sagas: steps, retries, timeouts, compensation, people, definitions, services and threads.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use headwater_events::kit::SagaDesk;
use headwater_events::{
    Answer, Answered, Call, Definition, ErrorKind, Mode, Operation, Phase, PhaseStatus, Retry,
    SagaRunner, Sagas, Started, Step, Store, block_on,
};
use headwater_log::{Log, ManualClock};
use serde_json::{Value, json};

use crate::support::Now;

pub(crate) fn order() -> Definition {
    let retry = Retry {
        attempts: 3,
        first: Duration::from_millis(100),
        factor: 2.0,
        max: Duration::from_secs(1),
    };
    let step = |name: &str, action: &str| {
        let step = Step::new(name, "world", action).undo(format!("un{action}"));
        step.timeout(Duration::from_secs(5)).retry(retry)
    };
    let step = |name, action, input| step(name, action).input(input);
    Definition::new("order", 1)
        .step(step("reserve", "reserve", json!({"item": "$.input.item"})))
        .step(step("pay", "charge", json!({"for": "$.steps.reserve.id"})))
        .step(step("ship", "ship", json!({"of": "$.saga"})))
}

fn desk() -> SagaDesk {
    SagaDesk::new(order())
}

fn start(desk: &SagaDesk, id: &str) -> Started {
    desk.start(id, json!({"item": "lamp"}))
}

fn advance(desk: &SagaDesk, ms: u64) {
    desk.advance(Duration::from_millis(ms));
}

pub(crate) fn sagas(log: &Log, clock: &Arc<ManualClock>) -> Sagas {
    let store = Store::on_log(log.clone(), "events").unwrap();
    let sagas = Sagas::new(store, clock.clone());
    sagas.participant("world", |_: Call| async { Answer::Later });
    sagas
}

fn done(value: Value) -> Answer {
    Answer::Done(value)
}

fn refused() -> Answer {
    Answer::Refused("no".into())
}

fn failed() -> Answer {
    Answer::Failed("busy".into())
}

#[test]
fn steps_follow_each_other_with_what_they_need() {
    let desk = desk();
    assert_eq!(start(&desk, "o1"), Started::Now);
    assert_eq!(start(&desk, "o1"), Started::Before);
    let reserve = desk.expect("reserve", done(json!({"id": 7})));
    assert_eq!(reserve.input, json!({"item": "lamp"}));
    assert_eq!(
        (reserve.key.as_str(), reserve.attempt),
        ("o1/reserve/do", 1)
    );
    let charge = desk.expect("charge", done(Value::Null));
    assert_eq!(charge.input, json!({"for": 7}));
    let ship = desk.expect("ship", done(json!("on its way")));
    assert_eq!(ship.input, json!({"of": "o1"}));
    assert_eq!(desk.call(), None);
    let saga = desk.show("o1");
    assert_eq!((saga.mode, saga.steps.len()), (Mode::Completed, 3));
    assert_eq!(desk.sagas().counts(), (0, 0));
}

#[test]
fn what_was_done_is_taken_back_in_reverse_order() {
    let desk = desk();
    start(&desk, "o1");
    desk.expect("reserve", done(json!({"id": 7})));
    desk.expect("charge", done(json!({"charge": 1})));
    desk.expect("ship", refused());
    let uncharge = desk.expect("uncharge", done(Value::Null));
    let expected = json!({"input": {"for": 7}, "output": {"charge": 1}});
    assert_eq!((uncharge.input, uncharge.phase), (expected, Phase::Undo));
    desk.expect("unreserve", done(Value::Null));
    assert_eq!(desk.call(), None);
    let saga = desk.show("o1");
    assert_eq!(saga.mode, Mode::Compensated);
    assert_eq!(saga.reason.as_deref(), Some("step \"ship\": no"));
}

#[test]
fn a_step_that_fails_is_tried_again_under_one_key_and_later_each_time() {
    let desk = desk();
    start(&desk, "o1");
    let first = desk.expect("reserve", failed());
    assert_eq!(desk.call(), None, "not at once");
    advance(&desk, 100);
    let second = desk.expect("reserve", failed());
    assert_eq!((&second.key, second.attempt), (&first.key, 2));
    advance(&desk, 199);
    assert_eq!(desk.call(), None);
    advance(&desk, 1);
    desk.expect("reserve", failed());
    // That was the third. Nobody knows whether it had an effect, so it is taken back.
    desk.expect("unreserve", done(Value::Null));
    assert_eq!(desk.call(), None);
    assert_eq!(desk.show("o1").mode, Mode::Compensated);
}

#[test]
fn a_call_without_an_answer_times_out_and_a_late_answer_still_counts() {
    let desk = desk();
    start(&desk, "o1");
    let first = desk.call().unwrap();
    advance(&desk, 4_999);
    assert_eq!(desk.call(), None);
    advance(&desk, 1);
    assert_eq!(desk.call(), None, "it is recorded that the time is over");
    assert!(matches!(
        desk.show("o1").steps[0].forward.status,
        PhaseStatus::Retrying(_)
    ));
    // The answer to the first attempt comes while the second one waits.
    assert_eq!(
        desk.answer(&first.key, done(json!({"id": 7}))),
        Answered::Recorded
    );
    assert_eq!(
        desk.answer(&first.key, done(json!({"id": 8}))),
        Answered::Ignored
    );
    let charge = desk.call().unwrap();
    assert_eq!(charge.input, json!({"for": 7}));
    desk.answer(&charge.key, refused());
    desk.expect("unreserve", done(Value::Null));
    assert_eq!(
        desk.answer(&charge.key, done(Value::Null)),
        Answered::Ignored
    );
    assert_eq!(desk.show("o1").mode, Mode::Backward);
}

#[test]
fn a_compensation_that_fails_parks_the_saga_until_a_person_decides() {
    let desk = desk();
    start(&desk, "o1");
    desk.expect("reserve", done(json!({"id": 7})));
    desk.expect("charge", done(Value::Null));
    desk.expect("ship", refused());
    let first = desk.expect("uncharge", refused());
    assert_eq!(desk.call(), None);
    let parked = desk.show("o1");
    assert_eq!(parked.mode, Mode::Parked);
    assert_eq!(parked.current().map(|step| &step.name[..]), Some("pay"));
    assert!(
        parked
            .reason
            .is_some_and(|why| why.contains("cannot be taken back"))
    );
    assert_eq!(desk.sagas().counts(), (1, 1));
    desk.operate("o1", Operation::Retry);
    let second = desk.expect("uncharge", refused());
    assert_ne!(
        first.key, second.key,
        "what was refused under one key would be again"
    );
    assert_eq!(desk.call(), None);
    assert_eq!(desk.show("o1").mode, Mode::Parked);
    desk.operate("o1", Operation::Skip);
    desk.expect("unreserve", done(Value::Null));
    assert_eq!(desk.call(), None);
    let ended = desk.show("o1");
    assert_eq!((&ended.mode, ended.current()), (&Mode::Compensated, None));
    assert!(
        ended
            .reason
            .is_some_and(|why| why.starts_with("step \"ship\"")),
        "why it was taken back, not why it was once parked"
    );
    let error = block_on(desk.sagas().operate("o1", Operation::Retry)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn a_person_can_skip_a_step_or_have_everything_taken_back() {
    let desk = desk();
    start(&desk, "o1");
    desk.expect("reserve", done(json!({"id": 7})));
    let charge = desk.call().unwrap();
    desk.operate("o1", Operation::Skip);
    let ship = desk.call().unwrap();
    assert_eq!(ship.action, "ship");
    let reason = "the customer called".to_owned();
    desk.operate("o1", Operation::Compensate { reason });
    // Neither is known to have happened, and both may have.
    desk.expect("unship", done(Value::Null));
    desk.expect("uncharge", done(Value::Null));
    desk.expect("unreserve", done(Value::Null));
    assert_eq!(
        desk.answer(&charge.key, done(Value::Null)),
        Answered::Ignored
    );
    assert_eq!(desk.call(), None);
    let saga = desk.show("o1");
    assert_eq!(saga.mode, Mode::Compensated);
    assert_eq!(saga.reason.as_deref(), Some("the customer called"));
}

#[test]
fn a_retry_does_not_wait_for_its_time() {
    let desk = desk();
    start(&desk, "o1");
    desk.expect("reserve", failed());
    assert_eq!(desk.call(), None);
    desk.operate("o1", Operation::Retry);
    let again = desk.call().unwrap();
    assert_eq!((again.key.as_str(), again.attempt), ("o1/reserve/do", 2));
}

#[test]
fn a_new_process_makes_a_lost_call_again_and_no_recorded_step() {
    let mut desk = desk();
    start(&desk, "o1");
    desk.expect("reserve", done(json!({"id": 7})));
    let lost = desk.call().unwrap();
    desk.restart();
    let again = desk.call().unwrap();
    assert_eq!(again, lost, "the same attempt");
    assert_eq!(desk.call(), None, "once");
    desk.answer(&again.key, done(Value::Null));
    desk.restart();
    desk.expect("ship", done(Value::Null));
    assert_eq!(desk.call(), None);
    assert_eq!(desk.show("o1").mode, Mode::Completed);
    let attempts: Vec<_> = desk
        .show("o1")
        .steps
        .iter()
        .map(|s| s.forward.attempts.len())
        .collect();
    assert_eq!(attempts, [1, 1, 1]);
}

#[test]
fn a_saga_goes_on_by_the_definition_that_it_began_with() {
    let mut desk = desk();
    start(&desk, "o1");
    desk.expect("reserve", done(json!({"id": 7})));
    desk.restart();
    let mut changed = order();
    changed.steps.truncate(1);
    let error = block_on(desk.sagas().define(changed.clone())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    changed.version = 2;
    block_on(desk.sagas().define(changed)).unwrap();
    start(&desk, "o2");
    let mut actions: Vec<_> = [desk.call().unwrap(), desk.call().unwrap()]
        .into_iter()
        .map(|call| (call.saga, call.action))
        .collect();
    actions.sort();
    let of = |saga: &str, action: &str| (saga.to_owned(), action.to_owned());
    assert_eq!(actions, [of("o1", "charge"), of("o2", "reserve")]);
    let listed = block_on(desk.sagas().list()).unwrap();
    let listed: Vec<_> = listed.iter().map(|s| (s.id.as_str(), s.version)).collect();
    assert_eq!(listed, [("o1", 1), ("o2", 2)]);
}

#[test]
fn a_value_that_is_not_there_is_a_refusal() {
    let desk = desk();
    block_on(desk.sagas().start("order", "o1", json!({}))).unwrap();
    assert_eq!(desk.call(), None);
    let saga = desk.show("o1");
    assert_eq!(saga.mode, Mode::Compensated);
    let reason = saga.reason.unwrap();
    assert!(reason.contains("there is no $.input.item"), "{reason}");
}

#[test]
fn definitions_that_cannot_run_are_refused_with_a_reason() {
    let check = |text: &str, expected: &str| {
        let error = Definition::from_toml(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(expected), "{error}");
    };
    check("name = 'a'\nversion = 1\nsteps = []", "it has no steps");
    check("name = 'a'", "missing field");
    let step = |more: &str| {
        format!("name='a'\nversion=1\n[[steps]]\nname='s'\nparticipant='p'\ndo='x'\n{more}")
    };
    check(&step("timeout='5 years'"), "is no duration");
    check(
        &step("input='$.steps.later.x'"),
        "no value for \"$.steps.later.x\"",
    );
    check(&step("retries=3"), "unknown field");
    check(&step("retry={attempts=0}"), "at least once");
    check(
        &step("[[steps]]\nname='s'\nparticipant='p'\ndo='x'"),
        "two steps are named",
    );
    Definition::from_toml(&step("")).unwrap();
}

#[test]
fn threads_run_sagas_to_their_end() {
    let clock = Arc::new(Now);
    let store = Store::on_log(Log::memory(clock.clone()), "events").unwrap();
    let sagas = Arc::new(Sagas::new(store.clone(), clock));
    let calls = Arc::new(Mutex::new(Vec::new()));
    let seen = calls.clone();
    sagas.participant("world", move |call: Call| {
        let failed_before = call.attempt > 1;
        let odd = call
            .saga
            .ends_with(|c: char| c.to_digit(10).is_some_and(|d| d % 2 == 1));
        seen.lock().unwrap().push(call.key);
        std::future::ready(match call.action.as_str() {
            "charge" if !failed_before => failed(),
            "ship" if odd => refused(),
            _ => done(json!({"id": 1})),
        })
    });
    let mut definition = order();
    for step in &mut definition.steps {
        step.retry.first = Duration::from_millis(1);
    }
    block_on(sagas.define(definition)).unwrap();
    let runner = SagaRunner::spawn(sagas.clone(), 4).unwrap();
    for n in 0..20 {
        let input = json!({"item": n});
        block_on(sagas.start("order", &format!("o{n}"), input)).unwrap();
    }
    let mut news = store.subscribe(
        headwater_events::Position(0),
        headwater_events::Filter::all().types(["$saga.completed", "$saga.compensated"]),
    );
    for _ in 0..20 {
        block_on(news.next()).unwrap();
    }
    drop(runner);
    for saga in block_on(sagas.list()).unwrap() {
        let odd = saga.input["item"].as_u64().unwrap() % 2 == 1;
        let expected = if odd {
            Mode::Compensated
        } else {
            Mode::Completed
        };
        assert_eq!(saga.mode, expected, "{}", saga.id);
    }
    let charges = |key: &&String| key.ends_with("/pay/do");
    assert_eq!(calls.lock().unwrap().iter().filter(charges).count(), 40);
}
