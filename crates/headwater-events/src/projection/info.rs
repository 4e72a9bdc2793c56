//! What a store knows of its projections, whether they run or not.

use std::collections::BTreeMap;

use super::parked::{Parked, parked};
use super::swap::{self, Live};
use super::view::{ProjectionId, decode};
use crate::error::Result;
use crate::event::Position;
use crate::store::Store;

/// What a store knows of a projection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectionInfo {
    /// Which one.
    pub id: ProjectionId,
    /// The position that it has stored in the store; `None`: it keeps it with its view.
    pub position: Option<Position>,
    /// The end of the store.
    pub end: Position,
    /// Whether it is the version that has effects.
    pub live: bool,
    /// The events that it could not apply.
    pub parked: Vec<Parked>,
}

/// The projections that have run on a store, by name and version.
///
/// # Errors
/// `Unavailable`, `Corrupt`.
pub async fn projections(store: &Store) -> Result<Vec<ProjectionInfo>> {
    let end = store.end().await?;
    let lives = lives(store).await?;
    let mut infos: Vec<ProjectionInfo> = Vec::new();
    for (owner, value) in store.events().positions("projection/").await? {
        let Some(id) = parse(&owner["projection/".len()..]) else {
            continue;
        };
        let live = lives.get(&id.name);
        if live.is_none_or(|live| is_of(live, store)) {
            let position = Some(decode(&owner, &value)?);
            infos.push(info(store, id, position, end).await?);
        }
    }
    for (name, live) in lives.iter().filter(|(_, live)| is_of(live, store)) {
        let id = ProjectionId::new(name.as_str()).version(live.version);
        match infos.iter_mut().find(|i| i.id == id) {
            Some(info) => info.live = true,
            None => {
                let mut info = info(store, id, None, end).await?;
                info.live = true;
                infos.push(info);
            }
        }
    }
    infos.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(infos)
}

/// The live versions of projections, by name; other stores of the same log may be among them.
async fn lives(store: &Store) -> Result<BTreeMap<String, Live>> {
    let prefix = swap::owner("");
    let stored = store.events().positions(&prefix).await?.into_iter();
    stored
        .map(|(owner, value)| {
            let live = swap::parse(&owner, &value)?;
            Ok((owner[prefix.len()..].to_owned(), live))
        })
        .collect()
}

/// Whether a projection is made of the events of a store, as far as that is known.
fn is_of(live: &Live, store: &Store) -> bool {
    live.store.is_none() || store.name().is_none() || live.store.as_deref() == store.name()
}

fn parse(text: &str) -> Option<ProjectionId> {
    let (name, version) = text.rsplit_once('@')?;
    Some(ProjectionId::new(name).version(version.parse().ok()?))
}

async fn info(
    store: &Store,
    id: ProjectionId,
    position: Option<Position>,
    end: Position,
) -> Result<ProjectionInfo> {
    Ok(ProjectionInfo {
        parked: parked(store, &id).await?,
        id,
        position,
        end,
        live: false,
    })
}
