//! What a store knows of its projections, whether they run or not.

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
    let mut infos: Vec<ProjectionInfo> = Vec::new();
    for (owner, value) in store.events().positions("projection/").await? {
        if let Some(id) = parse(&owner["projection/".len()..]) {
            let position = Some(decode(&owner, &value)?);
            infos.push(info(store, id, position, end).await?);
        }
    }
    let prefix = swap::owner("");
    for (owner, value) in store.events().positions(&prefix).await? {
        let Live { version, .. } = swap::parse(&owner, &value)?;
        let id = ProjectionId::new(&owner[prefix.len()..]).version(version);
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
