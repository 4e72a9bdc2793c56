//! A projection whose handler looks at each event.

use std::time::{Duration, Instant};

use crate::error::Result;
use crate::event::Recorded;
use crate::projection::{BoxError, Delivery, HandlerView, ProjectionId, Projector, Turn};
use crate::store::{Filter, Store};
use crate::task::block_on;

/// Follows all events from the first on for a while; gives how many came to the handler a second.
///
/// # Errors
/// Those of the store.
pub fn follow(store: &Store, time: Duration) -> Result<f64> {
    let mut bytes = 0;
    let handler = |event: &Recorded, _: &Delivery| -> std::result::Result<(), BoxError> {
        bytes += event.data.len();
        Ok(())
    };
    let id = ProjectionId::new("bench");
    let view = HandlerView::new(store.clone(), id.clone(), handler);
    let mut projector = Projector::new(store.clone(), id, Filter::all(), view);
    let started = Instant::now();
    while block_on(projector.turn())? == Turn::More && started.elapsed() < time {}
    let applied = projector.progress().status().applied as f64;
    Ok(applied / started.elapsed().as_secs_f64())
}
