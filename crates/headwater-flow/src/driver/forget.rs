//! The end of a pipeline for good: nothing that it kept for a next run is left.

use headwater_log::{Commit, Log};

use super::journal::{journal_owner, journal_topic};
use super::store::{snapshot_owner, state_topic};
use crate::error::Result;

/// Deletes the journal, the snapshots and the position of a pipeline that does not run, and releases what it pinned. Its
/// output stays. Does nothing if there is nothing of it.
///
/// # Errors
/// Those of the log; what is left then can be deleted by another call.
pub fn forget(log: &Log, pipeline: &str) -> Result<()> {
    let owners = [journal_owner(pipeline), snapshot_owner(pipeline)];
    let known = owners.into_iter().filter(|o| log.position(o).is_some());
    let positions: Vec<_> = known.map(|owner| (owner, None)).collect();
    if !positions.is_empty() {
        log.commit(Commit {
            positions,
            ..Commit::default()
        })?;
    }
    for topic in [journal_topic(pipeline), state_topic(pipeline)] {
        if log.topic(&topic).is_some() {
            log.delete_topic(&topic)?;
        }
    }
    let prefix = format!("{}/", journal_owner(pipeline));
    let mut pins: Vec<String> = log.pins().into_iter().map(|p| p.owner).collect();
    pins.retain(|owner| owner.starts_with(&prefix));
    pins.dedup();
    pins.iter().try_for_each(|owner| Ok(log.unpin(owner)?))
}
