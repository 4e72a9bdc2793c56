//! What was dropped and not yet cleared away. A drop is one commit; the state of the pipeline is deleted after it, by this
//! process or, if it was killed in between, by the next one.

use headwater_log::{Commit, Log};

use super::record::DROPPED;
use crate::error::Result;

/// The pipelines that were dropped and whose state may still be there, and whether they kept views.
pub fn dropped(log: &Log) -> Vec<(String, bool)> {
    let positions = log.positions().into_iter();
    let of_dropped = positions.filter_map(|(owner, value)| {
        let name = owner.strip_prefix(DROPPED)?.to_owned();
        Some((name, &value[..] == b"view"))
    });
    of_dropped.collect()
}

/// Notes that the state of a dropped pipeline is gone.
///
/// # Errors
/// `Unavailable`.
pub fn forget_dropped(log: &Log, name: &str) -> Result<()> {
    let mut commit = Commit::new();
    commit.positions.push((format!("{DROPPED}{name}"), None));
    log.commit(commit)?;
    Ok(())
}
