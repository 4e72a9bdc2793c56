//! What happens next: pure functions of a definition, a saga's state and the time.

use std::time::Duration;

use headwater_log::Timestamp;
use serde_json::{Value, json};

use super::definition::{Definition, Step};
use super::event::{Phase, SagaEvent};
use super::participant::{Answer, Call};
use super::state::{Mode, PhaseState, PhaseStatus, SagaState};
use super::template::{self, Context};
use crate::error::{Error, Result};

/// What a saga needs now.
#[derive(Debug)]
pub(super) enum Next<'a> {
    /// This follows from what is recorded.
    Record(SagaEvent),
    /// A participant is to be called.
    Call(&'a Step, Phase),
    /// A participant was called; its answer is waited for.
    Answer {
        step: &'a Step,
        phase: Phase,
        deadline: Timestamp,
    },
    /// Nothing before this time.
    Wait(Timestamp),
    /// Nothing, or a person.
    Nothing,
}

/// What a saga needs at `now`.
pub(super) fn next<'a>(definition: &'a Definition, state: &SagaState, now: Timestamp) -> Next<'a> {
    match state.mode {
        Mode::Forward => forward(definition, state, now),
        Mode::Backward => backward(definition, state, now),
        Mode::Parked | Mode::Completed | Mode::Compensated => Next::Nothing,
    }
}

fn forward<'a>(definition: &'a Definition, state: &SagaState, now: Timestamp) -> Next<'a> {
    let open = |step: &&Step| state.step(&step.name).is_none_or(|s| !s.forward.is_over());
    let Some(step) = definition.steps.iter().find(open) else {
        return Next::Record(SagaEvent::Completed);
    };
    let phase = state.step(&step.name).map(|s| &s.forward);
    match phase.map(|p| &p.status) {
        Some(PhaseStatus::Refused(error) | PhaseStatus::Failed(error)) => {
            let reason = format!("step {:?}: {error}", step.name);
            Next::Record(SagaEvent::Compensating { reason })
        }
        _ => in_phase(step, Phase::Do, phase, now),
    }
}

fn backward<'a>(definition: &'a Definition, state: &SagaState, now: Timestamp) -> Next<'a> {
    let open = |step: &&Step| {
        step.undo.is_some()
            && state
                .step(&step.name)
                .is_some_and(|s| has_effect(&s.forward) && !s.backward.is_over())
    };
    let Some(step) = definition.steps.iter().rev().find(open) else {
        return Next::Record(SagaEvent::Compensated);
    };
    let phase = state.step(&step.name).map(|s| &s.backward);
    match phase.map(|p| &p.status) {
        Some(PhaseStatus::Refused(error) | PhaseStatus::Failed(error)) => {
            Next::Record(SagaEvent::Parked {
                step: step.name.clone(),
                reason: format!("step {:?} cannot be taken back: {error}", step.name),
            })
        }
        _ => in_phase(step, Phase::Undo, phase, now),
    }
}

/// Whether a step must be taken back: it had an effect, or nobody knows.
fn has_effect(forward: &PhaseState) -> bool {
    !forward.attempts.is_empty() && !matches!(forward.status, PhaseStatus::Refused(_))
}

fn in_phase<'a>(
    step: &'a Step,
    phase: Phase,
    state: Option<&PhaseState>,
    now: Timestamp,
) -> Next<'a> {
    let Some(state) = state else {
        return Next::Call(step, phase);
    };
    match &state.status {
        PhaseStatus::Retrying(time) if now < *time => Next::Wait(*time),
        PhaseStatus::Waiting | PhaseStatus::Retrying(_) => Next::Call(step, phase),
        _ => match state.attempts.last().map(|a| a.deadline) {
            Some(deadline) if now >= deadline => {
                let error = format!("no answer within {:?}", step.timeout);
                Next::Record(failed(step, phase, state, error, now))
            }
            Some(deadline) => Next::Answer {
                step,
                phase,
                deadline,
            },
            None => Next::Call(step, phase),
        },
    }
}

fn failed(
    step: &Step,
    phase: Phase,
    state: &PhaseState,
    error: String,
    now: Timestamp,
) -> SagaEvent {
    let again = state.tries < step.retry.attempts;
    SagaEvent::Failed {
        step: step.name.clone(),
        phase,
        error,
        retry_at: again.then(|| after(now, step.retry.pause(state.tries))),
    }
}

fn after(now: Timestamp, time: Duration) -> Timestamp {
    let ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    Timestamp(now.0.saturating_add(ms))
}

/// What follows, all at once: the events to record, and the call to make once they are.
#[derive(Debug, Default)]
pub(super) struct Advance {
    pub(super) events: Vec<SagaEvent>,
    pub(super) call: Option<Call>,
}

/// Goes on from `state` as far as it can without an answer.
pub(super) fn advance(
    definition: &Definition,
    state: &mut SagaState,
    now: Timestamp,
    can_call: &dyn Fn(&Step) -> bool,
) -> Advance {
    let mut advance = Advance::default();
    loop {
        let event = match next(definition, state, now) {
            Next::Record(event) => event,
            Next::Call(step, phase) if can_call(step) => match call(step, phase, state, now) {
                Ok(call) => {
                    let event = attempted(&call);
                    state.evolve(&event, now);
                    advance.events.push(event);
                    advance.call = Some(call);
                    return advance;
                }
                Err(path) => SagaEvent::Refused {
                    step: step.name.clone(),
                    phase,
                    error: format!("there is no {path}"),
                },
            },
            _ => return advance,
        };
        state.evolve(&event, now);
        advance.events.push(event);
    }
}

fn attempted(call: &Call) -> SagaEvent {
    SagaEvent::Attempted {
        step: call.step.clone(),
        phase: call.phase,
        attempt: call.attempt,
        key: call.key.clone(),
        input: call.input.clone(),
        deadline: call.deadline,
    }
}

/// The call of a step's participant, or the path of its input that leads nowhere.
fn call(step: &Step, phase: Phase, state: &SagaState, now: Timestamp) -> Result<Call, String> {
    let known = state.step(&step.name);
    let phase_state = known.map(|s| s.phase(phase));
    Ok(Call {
        saga: state.id.clone(),
        definition: state.definition.clone(),
        step: step.name.clone(),
        phase,
        action: action(step, phase),
        key: key(state, &step.name, phase),
        input: input(step, phase, state)?,
        attempt: 1 + phase_state.map_or(0, |p| p.attempts.len() as u32),
        deadline: after(now, step.timeout),
    })
}

/// The call that was recorded and not answered, to be made again as it was.
pub(super) fn repeat(step: &Step, phase: Phase, state: &SagaState) -> Option<Call> {
    let phase_state = state.step(&step.name)?.phase(phase);
    let last = phase_state.attempts.last()?;
    Some(Call {
        saga: state.id.clone(),
        definition: state.definition.clone(),
        step: step.name.clone(),
        phase,
        action: action(step, phase),
        key: key(state, &step.name, phase),
        input: phase_state.input.clone(),
        attempt: last.number,
        deadline: last.deadline,
    })
}

fn action(step: &Step, phase: Phase) -> String {
    match phase {
        Phase::Do => step.action.clone(),
        Phase::Undo => step.undo.clone().unwrap_or_default(),
    }
}

/// The key under which the participant has one effect.
fn key(state: &SagaState, step: &str, phase: Phase) -> String {
    let key = format!("{}/{step}/{}", state.id, phase.name());
    match state.step(step).map_or(0, |s| s.phase(phase).generation) {
        0 => key,
        generation => format!("{key}/{generation}"),
    }
}

/// The saga, step and phase that a key is of.
pub(super) fn parse_key(key: &str) -> Option<(&str, &str, Phase)> {
    let mut parts = key.split('/');
    let (saga, step, phase) = (parts.next()?, parts.next()?, parts.next()?);
    let phase = match phase {
        "do" => Phase::Do,
        "undo" => Phase::Undo,
        _ => return None,
    };
    Some((saga, step, phase))
}

fn input(step: &Step, phase: Phase, state: &SagaState) -> Result<Value, String> {
    let outputs = state.steps.iter().filter_map(|s| match &s.forward.status {
        PhaseStatus::Done(output) => Some((s.name.as_str(), output)),
        PhaseStatus::Skipped => Some((s.name.as_str(), &Value::Null)),
        _ => None,
    });
    let context = Context {
        saga: &state.id,
        input: &state.input,
        steps: outputs.collect(),
    };
    match (phase, &step.undo_input) {
        (Phase::Do, _) => template::render(&step.input, &context),
        (Phase::Undo, Some(template)) => template::render(template, &context),
        (Phase::Undo, None) => {
            let forward = state.step(&step.name).map(|s| &s.forward);
            let output = match forward.map(|f| &f.status) {
                Some(PhaseStatus::Done(output)) => output.clone(),
                _ => Value::Null,
            };
            let input = forward.map_or(Value::Null, |f| f.input.clone());
            Ok(json!({"input": input, "output": output}))
        }
    }
}

/// What an answer makes of a saga; `None`: nothing, for it came twice, too late, or to a call that is over.
pub(super) fn answered(
    definition: &Definition,
    state: &SagaState,
    answer: &Given<'_>,
    now: Timestamp,
) -> Option<SagaEvent> {
    let (step, phase) = match next(definition, state, now) {
        Next::Answer { step, phase, .. } | Next::Call(step, phase) => (step, phase),
        // Its time is over, which was not recorded yet: it has answered in time after all.
        Next::Record(SagaEvent::Failed { step, phase, .. }) => {
            (definition.step_named(&step)?, phase)
        }
        // It waits to be tried again.
        Next::Wait(_) => {
            let open = state
                .steps
                .iter()
                .find(|s| matches!(s.phase(mode_phase(state)).status, PhaseStatus::Retrying(_)))?;
            (definition.step_named(&open.name)?, mode_phase(state))
        }
        _ => return None,
    };
    let phase_state = state.step(&step.name)?.phase(phase);
    if key(state, &step.name, phase) != answer.key || phase_state.attempts.is_empty() {
        return None;
    }
    let is_trying = phase_state.status == PhaseStatus::Trying;
    let is_last = answer
        .attempt
        .is_none_or(|n| phase_state.attempts.last().is_some_and(|a| a.number == n));
    match answer.answer {
        Answer::Done(output) => Some(SagaEvent::Succeeded {
            step: step.name.clone(),
            phase,
            output: output.clone(),
        }),
        Answer::Refused(error) => Some(SagaEvent::Refused {
            step: step.name.clone(),
            phase,
            error: error.clone(),
        }),
        Answer::Failed(error) if is_trying && is_last => {
            Some(failed(step, phase, phase_state, error.clone(), now))
        }
        Answer::Failed(_) | Answer::Later => None,
    }
}

fn mode_phase(state: &SagaState) -> Phase {
    match state.mode {
        Mode::Forward => Phase::Do,
        _ => Phase::Undo,
    }
}

/// An answer and what it answers.
#[derive(Debug)]
pub(super) struct Given<'a> {
    /// The key of the call.
    pub(super) key: &'a str,
    /// Which attempt it answers; `None`: whichever.
    pub(super) attempt: Option<u32>,
    /// What was answered.
    pub(super) answer: &'a Answer,
}

/// What a person wants of a saga.
pub(super) fn operate(
    definition: &Definition,
    state: &SagaState,
    operation: &super::Operation,
    now: Timestamp,
) -> Result<SagaEvent> {
    use super::Operation;
    let cannot = |why: &str| Err(Error::invalid(format!("saga {:?} {why}", state.id)));
    if state.mode.is_final() {
        return cannot("has ended");
    }
    if let Operation::Compensate { reason } = operation {
        return match state.mode {
            Mode::Forward => Ok(SagaEvent::Compensating {
                reason: reason.clone(),
            }),
            _ => cannot("is being compensated already"),
        };
    }
    let Some((step, phase)) = current(definition, state, now) else {
        return cannot("has no step that could be retried or skipped");
    };
    Ok(match operation {
        Operation::Retry => SagaEvent::Retried { step, phase },
        _ => SagaEvent::Skipped { step, phase },
    })
}

/// The step that a saga is at.
fn current(definition: &Definition, state: &SagaState, now: Timestamp) -> Option<(String, Phase)> {
    let unparked = SagaState {
        mode: match state.mode {
            Mode::Parked => Mode::Backward,
            ref other => other.clone(),
        },
        ..state.clone()
    };
    let named = |step: &Step, phase| Some((step.name.clone(), phase));
    match next(definition, &unparked, now) {
        Next::Call(step, phase) | Next::Answer { step, phase, .. } => named(step, phase),
        Next::Record(SagaEvent::Failed { step, phase, .. }) => Some((step, phase)),
        Next::Record(SagaEvent::Parked { step, .. }) => Some((step, Phase::Undo)),
        Next::Wait(_) => {
            let phase = mode_phase(&unparked);
            let waits =
                |s: &&super::StepState| matches!(s.phase(phase).status, PhaseStatus::Retrying(_));
            let step = unparked.steps.iter().find(waits)?;
            Some((step.name.clone(), phase))
        }
        Next::Record(_) | Next::Nothing => None,
    }
}
