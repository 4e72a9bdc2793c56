//! Which version of a projection is live, and how a rebuilt one takes its place.
//!
//! One record says it, `projection-live/<name>`: the version, and the place from which its effects count. Both versions are brought to
//! one place first, so that each event has its effects once: those before it were had by the old one, those after it will
//! be by the new one.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::projector::{Projector, Turn};
use super::view::{ProjectionId, View};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Position;
use crate::store::{Append, Condition, Store};

/// What one version of a projection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has effects, from this place on.
    Live(Position),
    /// It is built beside the live one.
    Building,
    /// A newer one has taken its place.
    Retired,
}

/// The version that is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Live {
    pub(super) version: u32,
    pub(super) since: Position,
    /// The name of the store whose events it is made of, if that has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) store: Option<String>,
}

pub(super) fn owner(name: &str) -> String {
    format!("projection-live/{name}")
}

async fn live(store: &Store, name: &str) -> Result<(Option<Bytes>, Option<Live>)> {
    let owner = owner(name);
    let found = store.events().positions(&owner).await?;
    let value = found.into_iter().find(|(o, _)| *o == owner).map(|(_, v)| v);
    let live = match &value {
        Some(value) => Some(parse(&owner, value)?),
        None => None,
    };
    Ok((value, live))
}

/// The version that is live; `None`: none has run.
pub(super) async fn live_version(store: &Store, name: &str) -> Result<Option<u32>> {
    let (_, live) = live(store, name).await?;
    Ok(live.map(|live| live.version))
}

pub(super) fn parse(owner: &str, value: &Bytes) -> Result<Live> {
    serde_json::from_slice(value).map_err(|e| {
        Error::new(
            ErrorKind::Corrupt,
            format!("position of {owner:?} is wrong"),
        )
        .with_source(e)
    })
}

/// What this version is; the first one that ever runs is live.
pub(super) async fn standing(store: &Store, id: &ProjectionId) -> Result<Standing> {
    let (value, live) = live(store, &id.name).await?;
    match live {
        Some(live) if live.version == id.version => Ok(Standing::Live(live.since)),
        Some(live) if live.version > id.version => Ok(Standing::Retired),
        Some(_) => Ok(Standing::Building),
        None => {
            let first = Live {
                version: id.version,
                since: Position(0),
                store: store.name().map(str::to_owned),
            };
            set(store, &id.name, value, first).await?;
            Ok(Standing::Live(Position(0)))
        }
    }
}

async fn set(store: &Store, name: &str, expected: Option<Bytes>, live: Live) -> Result<()> {
    let value = serde_json::to_vec(&live)
        .map_err(|e| Error::new(ErrorKind::Bug, "live version as JSON").with_source(e))?;
    let owner = owner(name);
    let condition = Condition::Position {
        owner: owner.clone(),
        expected,
    };
    let append = Append::new().position(owner, value).when(condition);
    store.append(append).await.map(drop)
}

/// Puts a rebuilt version of a projection in the place of the one that is live. Both catch up to one place; from there on the new one has
/// the effects, and the old one is retired.
///
/// # Errors
/// `Invalid` if they are not versions of one projection, the old one is not live or the new one not newer; `Unavailable`: it
/// can be tried again, until then the old one is live.
pub async fn swap<A: View, B: View>(old: &mut Projector<A>, new: &mut Projector<B>) -> Result<()> {
    let (before, after) = (old.at().await?, new.at().await?);
    let fits = old.id.name == new.id.name
        && new.id.version > old.id.version
        && matches!(before.standing, Standing::Live(_));
    if !fits {
        let message = format!(
            "projection \"{}\" cannot take the place of \"{}\"",
            new.id, old.id
        );
        return Err(Error::invalid(message)
            .with_hint("a newer version takes the place of the live one of the same name"));
    }
    let place = before.next.max(after.next).max(old.store().end().await?);
    advance(old, place).await?;
    advance(new, place).await?;
    let (expected, _) = live(old.store(), &old.id.name).await?;
    let next = Live {
        version: new.id.version,
        since: place,
        store: old.store().name().map(str::to_owned),
    };
    set(old.store(), &old.id.name, expected, next).await?;
    old.set_standing(Standing::Retired);
    new.set_standing(Standing::Live(place));
    Ok(())
}

async fn advance<V: View>(projector: &mut Projector<V>, place: Position) -> Result<()> {
    while projector.turn_until(Some(place)).await? == Turn::More {}
    projector.store_position().await
}
