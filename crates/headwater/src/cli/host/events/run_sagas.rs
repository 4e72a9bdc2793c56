//! `saga run`.

use std::sync::Arc;
use std::time::Duration;

use headwater::events::{
    Definition, Mode, ParticipantAddress, SagaRunner, Sagas, Started, block_on,
};
use headwater::{Headwater, SystemClock};

use super::sagas::{list, literal};
use crate::cli::events::{SAGAS, SagaStart};
use crate::cli::exit::{Code, Failure, Outcome};
use crate::cli::host::printed_rows::ask;
use crate::cli::host::topics::nearest;
use crate::cli::interrupt;
use crate::cli::request::{Progress, Replies, Reply};

/// Threads that call participants.
const CALLERS: usize = 8;
/// How often it is looked whether sagas have ended, and whether whoever asked is still there.
const NAP: Duration = Duration::from_millis(20);

/// What is to be run.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) store: String,
    pub(super) definition: String,
    pub(super) starts: Vec<SagaStart>,
    pub(super) stay: bool,
}

/// Runs sagas until those of the store have ended or wait for a person; with `stay` until whoever asked has had enough.
pub(super) fn run(headwater: &Headwater, wanted: Wanted, replies: Replies<'_>) -> Outcome {
    let definition = Definition::from_toml(&wanted.definition).map_err(|error| Failure {
        code: Code::Config,
        ..Failure::from(error)
    })?;
    check_participants(&definition)?;
    if headwater.is_on_postgres() {
        check_reachable(&definition)?;
    }
    let name = definition.name.clone();
    let store = headwater.event_store(&wanted.store)?;
    let all = Arc::new(Sagas::new(store, Arc::new(SystemClock)));
    let open = |name: &str| headwater.event_store(name);
    let answers = all.connect(headwater.log(), open, &definition)?;
    block_on(all.define(definition))?;
    for start in &wanted.starts {
        if block_on(all.start(&name, &start.id, start.input.clone()))? == Started::Before {
            let before = block_on(all.show(&start.id))?;
            let with = match (before.definition == name, before.input == start.input) {
                (true, true) => "",
                (true, false) => " with another input, which counts",
                (false, _) => " by another definition, which counts",
            };
            let now = match before.mode.is_final() {
                true => "it has ended",
                false => "it goes on",
            };
            let text = format!("saga '{}' was started before{with}: {now}", start.id);
            replies(Reply::Note(text))?;
        }
    }
    let runner = SagaRunner::spawn(Arc::clone(&all), CALLERS)?.with_replies(answers)?;
    let waited = wait(&all, &name, wanted.stay, replies);
    drop(runner);
    waited?;
    tell_parked(&all, &wanted, replies)?;
    match wanted.starts.as_slice() {
        [] => list(headwater, &wanted.store, false, replies),
        started => tell(headwater, &wanted.store, started, replies),
    }
}

/// Says which of the sagas that were run wait for a person, and what that person can do.
fn tell_parked(sagas: &Sagas, wanted: &Wanted, replies: Replies<'_>) -> Outcome {
    let of_store = match wanted.store.as_str() {
        SAGAS => String::new(),
        store => format!(" --store {store}"),
    };
    let started = wanted.starts.iter();
    let states = match wanted.starts.as_slice() {
        [] => block_on(sagas.list())?,
        _ => started
            .map(|start| block_on(sagas.show(&start.id)))
            .collect::<Result<_, _>>()?,
    };
    for saga in states.iter().filter(|saga| saga.mode == Mode::Parked) {
        let id = &saga.id;
        replies(Reply::Note(format!(
            "saga '{id}' is parked: `headwater saga retry{of_store} {id}` tries again what failed, `saga skip` goes on without it"
        )))?;
    }
    Ok(())
}

/// Here nothing but the definition says where participants are.
fn check_participants(definition: &Definition) -> Outcome {
    let known = &definition.participants;
    let mut steps = definition.steps.iter();
    let Some(step) = steps.find(|step| !known.contains_key(&step.participant)) else {
        return Ok(());
    };
    let (step, participant) = (&step.name, &step.participant);
    let text = format!(
        "step '{step}' of saga '{}': participant '{participant}' has no address",
        definition.name
    );
    let names: Vec<String> = known.keys().cloned().collect();
    Err(
        Failure::new(Code::Config, text).with_hint(match nearest(participant, &names) {
            Some(near) => format!("did you mean '{near}'?"),
            None => {
                "[participants] says where each is: { stream = … }, { url = … } or { topic = … }"
                    .to_owned()
            }
        }),
    )
}

/// Without a data directory there are no topics.
fn check_reachable(definition: &Definition) -> Outcome {
    let mut participants = definition.participants.iter();
    let is_topic =
        |address: &ParticipantAddress| matches!(address, ParticipantAddress::Topic { .. });
    match participants.find(|(_, address)| is_topic(address)) {
        None => Ok(()),
        Some((name, _)) => {
            let text = format!("participant '{name}' reads a topic, and the saga is in a database");
            let hint = "a saga on PostgreSQL has entities of stores there, { stream = … }, and HTTP endpoints, { url = … }";
            Err(Failure::new(Code::Config, text).with_hint(hint))
        }
    }
}

/// Waits until nothing is to be done any more.
fn wait(sagas: &Sagas, definition: &str, stay: bool, replies: Replies<'_>) -> Outcome {
    loop {
        let is_over = !stay && sagas.is_at_rest(definition);
        if is_over || interrupt::is_asked() {
            return Ok(());
        }
        replies(Reply::Idle(Progress::default()))?;
        std::thread::sleep(NAP);
    }
}

/// Tells what has become of the sagas that were started.
fn tell(
    headwater: &Headwater,
    store: &str,
    started: &[SagaStart],
    replies: Replies<'_>,
) -> Outcome {
    let ids: Vec<String> = started.iter().map(|start| literal(&start.id)).collect();
    let query = format!(
        "SELECT saga, definition, version, state, step, reason, `input`, started_at, updated_at \
         FROM system.sagas WHERE store = {} AND saga IN ({}) ORDER BY started_at, saga",
        literal(store),
        ids.join(", ")
    );
    ask(headwater, &query, &["input"], replies)
}
