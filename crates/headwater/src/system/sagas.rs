//! `system.sagas`, `system.saga_steps` and `system.timers`: what the journals of sagas say.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use headwater_events::{
    AttemptResult, Phase, PhaseState, PhaseStatus, SagaList, SagaState, block_on,
};
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

/// What was read of the journals of sagas, by store: a question reads on where the one before has stopped.
#[derive(Debug, Default)]
pub(crate) struct Journals(Mutex<BTreeMap<String, Arc<Mutex<Journal>>>>);

/// What was read of the journals of one store.
#[derive(Debug, Default)]
struct Journal {
    sagas: SagaList,
    /// Which topic it was: one that was deleted may be there again.
    topic: Option<u64>,
}

impl Journals {
    fn of(&self, store: &str) -> Arc<Mutex<Journal>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(store.to_owned()).or_default())
    }
}

/// The rows that the sagas of every store give.
fn rows(
    headwater: &Headwater,
    mut of: impl FnMut(&str, &SagaState, &mut Vec<Vec<Cell>>),
) -> Result<Vec<Vec<Cell>>> {
    let mut rows = Vec::new();
    for name in headwater.event_stores() {
        let journal = headwater.0.journals.of(&name);
        let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
        catch_up(&mut journal, headwater, &name)?;
        // Definitions have streams of their own, which are no sagas.
        let started = journal.sagas.sagas().iter().filter(|s| s.version > 0);
        started.for_each(|saga| of(&name, saga, &mut rows));
    }
    Ok(rows)
}

/// Reads what is new.
fn catch_up(journal: &mut Journal, headwater: &Headwater, name: &str) -> Result<()> {
    let store = headwater.event_store(name)?;
    let topic = headwater.log().topic(name).map(|topic| topic.id);
    if journal.topic != topic || journal.sagas.read_to() > block_on(store.end())? {
        *journal = Journal {
            topic,
            ..Journal::default()
        };
    }
    Ok(block_on(journal.sagas.catch_up(&store))?)
}

pub(super) fn sagas(headwater: &Headwater) -> Result<Vec<Vec<Cell>>> {
    rows(headwater, |store, saga, rows| {
        rows.push(vec![
            store.into(),
            saga.id.clone().into(),
            saga.definition.clone().into(),
            u64::from(saga.version).into(),
            saga.mode.to_string().into(),
            saga.current().map(|step| step.name.clone()).into(),
            saga.reason.clone().into(),
            saga.input.to_string().into(),
            saga.started_at.into(),
            saga.updated_at.into(),
        ]);
    })
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
    rows(headwater, |store, saga, rows| {
        rows.extend(phases(saga).map(|(step, phase, state)| {
            let times = state.attempts.iter().map(|attempt| attempt.at);
            let (first, last): (Option<Timestamp>, _) = (times.clone().min(), times.max());
            let (name, output, error) = status(state);
            vec![
                store.into(),
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
    })
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
    rows(headwater, |store, saga, rows| {
        if saga.mode.is_final() {
            return;
        }
        for (step, phase, state) in phases(saga) {
            let (kind, due) = match (&state.status, state.attempts.last()) {
                (PhaseStatus::Retrying(at), _) => ("retry", *at),
                (PhaseStatus::Trying, Some(attempt)) => ("timeout", attempt.deadline),
                _ => continue,
            };
            rows.push(vec![
                store.into(),
                saga.id.as_str().into(),
                step.into(),
                phase_name(phase).into(),
                kind.into(),
                due.into(),
            ]);
        }
    })
}
