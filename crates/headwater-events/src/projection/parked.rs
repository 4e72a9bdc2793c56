//! Events that a projection could not apply: they wait in a stream of their own until somebody replays them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::view::ProjectionId;
use crate::error::{Error, Result};
use crate::event::{NewEvent, Position, Recorded};
use crate::store::{Append, Expected, ReadStream, Store};

const PARKED: &str = "$parked";
const REPLAYED: &str = "$replayed";

/// An event that a projection could not apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Its place.
    pub position: Position,
    /// Its stream.
    pub stream: String,
    /// Its type.
    pub kind: String,
    /// What was said against it.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
}

fn stream(id: &ProjectionId) -> String {
    format!("$parked-{id}")
}

/// Parks an event; once, however often it is tried.
pub(super) async fn park(
    store: &Store,
    id: &ProjectionId,
    event: &Recorded,
    error: &Error,
    attempts: u32,
) -> Result<()> {
    let parked = Parked {
        position: event.position,
        stream: event.stream.clone(),
        kind: event.kind.clone(),
        error: error.to_string(),
        attempts,
    };
    let key = format!("{}/{}", stream(id), event.position.0);
    let new = NewEvent::json(PARKED, &parked)?;
    put(store, id, new.id(key)).await
}

/// Notes that a parked event was applied after all.
pub(super) async fn replayed(store: &Store, id: &ProjectionId, position: Position) -> Result<()> {
    put(store, id, NewEvent::json(REPLAYED, &position)?).await
}

async fn put(store: &Store, id: &ProjectionId, event: NewEvent) -> Result<()> {
    let append = Append::new().to(stream(id), Expected::Any, [event]);
    store.events().append(append).await.map(drop)
}

/// The events that are parked, in order.
pub(super) async fn parked(store: &Store, id: &ProjectionId) -> Result<Vec<Parked>> {
    let mut parked: BTreeMap<Position, Parked> = BTreeMap::new();
    for event in store.read(ReadStream::of(stream(id))).await? {
        match event.kind.as_str() {
            PARKED => {
                let one: Parked = event.json()?;
                parked.insert(one.position, one);
            }
            REPLAYED => {
                parked.remove(&event.json::<Position>()?);
            }
            _ => {}
        }
    }
    Ok(parked.into_values().collect())
}
