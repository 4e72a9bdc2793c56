//! `system.projections`: how far projections and materialised views are, and what they could not apply.

use headwater_events::{ProjectionInfo, block_on, projections};

use super::rows::{Cell, Kind};
use crate::engine::{Headwater, JobInfo};
use crate::error::Result;
use crate::{Phase, Status};

pub(super) const COLUMNS: &[(&str, Kind)] = &[
    ("store", Kind::Text),
    ("name", Kind::Text),
    ("version", Kind::Number),
    ("kind", Kind::Text),
    ("state", Kind::Text),
    ("position", Kind::Number),
    ("lag", Kind::Number),
    ("parked", Kind::Number),
    ("error", Kind::Text),
];

pub(super) fn rows(headwater: &Headwater) -> Result<Vec<Vec<Cell>>> {
    let mut rows = Vec::new();
    for topic in headwater.event_stores() {
        let store = headwater.event_store(&topic)?;
        let infos = block_on(projections(&store))?;
        rows.extend(infos.iter().map(|info| of_projection(&topic, info)));
    }
    let end = headwater.log().last_commit().0;
    rows.extend(headwater.jobs().iter().map(|job| of_job(job, end)));
    Ok(rows)
}

fn of_projection(store: &str, info: &ProjectionInfo) -> Vec<Cell> {
    let state = if info.live {
        "live"
    } else {
        "building or retired"
    };
    let lag = info.position.map(|at| info.end.0.saturating_sub(at.0));
    let error = info.parked.last().map(|parked| parked.error.clone());
    vec![
        store.into(),
        info.id.name.clone().into(),
        u64::from(info.id.version).into(),
        "projection".into(),
        state.into(),
        info.position.map(|at| at.0).into(),
        lag.into(),
        (info.parked.len() as u64).into(),
        error.into(),
    ]
}

/// A job of SQL reads several topics: where it is, is the commit up to which it has read them all. What it cannot decode is kept in
/// topics.
fn of_job(job: &JobInfo, end: u64) -> Vec<Cell> {
    let (state, error) = match job.status.as_ref().map(|status| &status.phase) {
        _ if job.is_suspended => ("suspended", None),
        None => ("stopped", None),
        Some(Phase::Failed(why)) => ("failed", Some(why.to_string())),
        Some(Phase::Ended(_)) => ("ended", None),
        Some(_) => ("running", None),
    };
    let rejected = |status: &Status| status.rejected;
    let position = job.status.as_ref().map(|status| status.caught_up);
    let lag = position.map(|commit| end.saturating_sub(commit));
    vec![
        Cell::Nothing,
        job.name.clone().into(),
        Cell::Nothing,
        "job".into(),
        state.into(),
        position.into(),
        lag.into(),
        job.status.as_ref().map(rejected).into(),
        error.into(),
    ]
}
