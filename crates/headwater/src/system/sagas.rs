//! `system.sagas`, `system.saga_steps` and `system.timers`: what the journals of sagas say.

use headwater_events::{AttemptResult, Phase, PhaseState, PhaseStatus, SagaState, Sagas, block_on};
use headwater_log::Timestamp;

use super::rows::{Cell, Kind};
use crate::engine::Headwater;
use crate::error::Result;

pub(super) const SAGAS: &[(&str, Kind)] = &[
    ("store", Kind::Text),
    ("saga", Kind::Text),
    ("definition", Kind::Text),
    ("version", Kind::Number),
    ("state", Kind::Text),
    ("step", Kind::Text),
    ("reason", Kind::Text),
    ("input", Kind::Text),
    ("started_at", Kind::Time),
    ("updated_at", Kind::Time),
];

pub(super) const STEPS: &[(&str, Kind)] = &[
    ("store", Kind::Text),
    ("saga", Kind::Text),
    ("step", Kind::Text),
    ("phase", Kind::Text),
    ("state", Kind::Text),
    ("attempts", Kind::Number),
    ("input", Kind::Text),
    ("output", Kind::Text),
    ("error", Kind::Text),
    ("first_at", Kind::Time),
    ("last_at", Kind::Time),
];

pub(super) const TIMERS: &[(&str, Kind)] = &[
    ("store", Kind::Text),
    ("saga", Kind::Text),
    ("step", Kind::Text),
    ("phase", Kind::Text),
    ("kind", Kind::Text),
    ("due_at", Kind::Time),
];

/// The sagas of every store.
fn all(headwater: &Headwater) -> Result<Vec<(String, SagaState)>> {
    let mut all = Vec::new();
    for topic in headwater.event_stores() {
        let store = headwater.event_store(&topic)?;
        let sagas = Sagas::new(store, std::sync::Arc::clone(&headwater.0.clock));
        let states = block_on(sagas.list())?.into_iter();
        // Definitions have streams of their own, which are no sagas.
        let started = states.filter(|state| state.version > 0);
        all.extend(started.map(|state| (topic.clone(), state)));
    }
    Ok(all)
}

pub(super) fn sagas(headwater: &Headwater) -> Result<Vec<Vec<Cell>>> {
    let row = |(store, saga): (String, SagaState)| {
        let at = saga.steps.last().filter(|_| !saga.mode.is_final());
        vec![
            store.into(),
            saga.id.clone().into(),
            saga.definition.clone().into(),
            u64::from(saga.version).into(),
            saga.mode.to_string().into(),
            at.map(|step| step.name.clone()).into(),
            saga.reason.clone().into(),
            saga.input.to_string().into(),
            saga.started_at.into(),
            saga.updated_at.into(),
        ]
    };
    Ok(all(headwater)?.into_iter().map(row).collect())
}

/// The phases of all steps that were begun.
fn phases(saga: &SagaState) -> impl Iterator<Item = (&str, Phase, &PhaseState)> {
    let both = |step| {
        let step: &headwater_events::StepState = step;
        let name = step.name.as_str();
        [
            (name, Phase::Do, &step.forward),
            (name, Phase::Undo, &step.backward),
        ]
    };
    let begun = |(_, _, state): &(&str, Phase, &PhaseState)| state.status != PhaseStatus::Waiting;
    saga.steps.iter().flat_map(both).filter(begun)
}

pub(super) fn steps(headwater: &Headwater) -> Result<Vec<Vec<Cell>>> {
    let mut rows = Vec::new();
    for (store, saga) in all(headwater)? {
        rows.extend(phases(&saga).map(|(step, phase, state)| {
            let times = state.attempts.iter().map(|attempt| attempt.at);
            let (first, last): (Option<Timestamp>, _) = (times.clone().min(), times.max());
            let (name, output, error) = status(state);
            vec![
                store.as_str().into(),
                saga.id.as_str().into(),
                step.into(),
                phase_name(phase).into(),
                name.into(),
                (state.attempts.len() as u64).into(),
                state.input.to_string().into(),
                output.into(),
                error.into(),
                first.into(),
                last.into(),
            ]
        }));
    }
    Ok(rows)
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Do => "do",
        Phase::Undo => "undo",
    }
}

/// Where a step is, what it gave, and what was last said against it.
fn status(state: &PhaseState) -> (&'static str, Option<String>, Option<String>) {
    let last = || {
        let failed = |result: &AttemptResult| match result {
            AttemptResult::Failed(why) | AttemptResult::Refused(why) => Some(why.clone()),
            AttemptResult::Done(_) => None,
        };
        let results = state.attempts.iter().rev();
        results.filter_map(|a| a.result.as_ref()).find_map(failed)
    };
    match &state.status {
        PhaseStatus::Waiting => ("waiting", None, None),
        PhaseStatus::Trying => ("trying", None, last()),
        PhaseStatus::Retrying(_) => ("retrying", None, last()),
        PhaseStatus::Done(output) => ("done", Some(output.to_string()), None),
        PhaseStatus::Skipped => ("skipped", None, last()),
        PhaseStatus::Refused(why) => ("refused", None, Some(why.clone())),
        PhaseStatus::Failed(why) => ("failed", None, Some(why.clone())),
    }
}

pub(super) fn timers(headwater: &Headwater) -> Result<Vec<Vec<Cell>>> {
    let mut rows = Vec::new();
    for (store, saga) in all(headwater)? {
        if saga.mode.is_final() {
            continue;
        }
        for (step, phase, state) in phases(&saga) {
            let (kind, due) = match (&state.status, state.attempts.last()) {
                (PhaseStatus::Retrying(at), _) => ("retry", *at),
                (PhaseStatus::Trying, Some(attempt)) => ("timeout", attempt.deadline),
                _ => continue,
            };
            rows.push(vec![
                store.as_str().into(),
                saga.id.as_str().into(),
                step.into(),
                phase_name(phase).into(),
                kind.into(),
                due.into(),
            ]);
        }
    }
    Ok(rows)
}
