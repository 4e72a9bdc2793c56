//! `projection rebuild`.

use headwater::Headwater;
use headwater::events::{ask_for_rebuild, block_on, projections};

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
    let failure = Failure::failed(format!("there is no projection '{name}'"));
    Err(match headwater.jobs().iter().any(|job| job.name == name) {
        true => failure.with_hint(format!(
            "'{name}' is made in SQL: DROP it and CREATE it again to build it anew"
        )),
        false => failure.with_hint("`headwater projection list` shows those that there are"),
    })
}
