//! `projection rebuild`.

use headwater::events::{ask_for_rebuild, block_on, projections};
use headwater::{ErrorKind, Headwater};

use crate::cli::exit::{Failure, Outcome};
use crate::cli::request::{Replies, Reply};

/// Has a projection built anew by whoever runs it.
pub(super) fn rebuild(headwater: &Headwater, name: &str, replies: Replies<'_>) -> Outcome {
    for topic in headwater.event_stores() {
        let store = headwater.event_store(&topic)?;
        let known = block_on(projections(&store))?;
        if known.iter().any(|info| info.id.name == name) {
            let version = block_on(ask_for_rebuild(&store, name))?;
            return replies(Reply::Line(format!(
                "projection '{name}' of '{topic}' is built anew as version {version} by whoever runs it"
            )));
        }
    }
    rebuild_view(headwater, name, replies)
}

/// Builds a projection that is made in SQL anew, here and now.
fn rebuild_view(headwater: &Headwater, name: &str, replies: Replies<'_>) -> Outcome {
    let changes = match headwater.rebuild_view(name) {
        Ok(done) => done.changes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(unknown(headwater, name)),
        Err(error) => return Err(error.into()),
    };
    let rows = match changes {
        0 => "and is as it was".to_owned(),
        _ => format!("which added or took away {changes} rows"),
    };
    replies(Reply::Line(format!("'{name}' was built anew, {rows}")))
}

fn unknown(headwater: &Headwater, name: &str) -> Failure {
    let failure = Failure::failed(format!("there is no projection '{name}'"));
    match headwater.jobs().iter().any(|job| job.name == name) {
        true => failure.with_hint(format!(
            "'{name}' is a job: STOP JOB '{name}' and start it again to have it begin anew"
        )),
        false => failure.with_hint("`headwater projection list` shows those that there are"),
    }
}
