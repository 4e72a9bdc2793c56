//! Rebuilds that somebody asks for, from wherever: whoever runs the projection builds the next version beside the running one and puts
//! it in its place.

use super::progress::Progress;
use super::projector::{Projector, Turn};
use super::swap::{live_version, swap};
use super::view::{ProjectionId, View};
use crate::error::{Error, ErrorKind, Result};
use crate::event::NewEvent;
use crate::store::{Append, Expected, ReadStream, Store};

/// Type of the event that asks for a version; its data are the number.
const ASKED: &str = "$projection.rebuild";

fn stream(name: &str) -> String {
    format!("$projection-{name}")
}

/// Asks whoever runs a projection to build it anew, from the first event on, as the version after the one that is live; gives that
/// version. Asking again before it is done changes nothing.
///
/// # Errors
/// `NotFound` if no such projection has run; `Unavailable`.
pub async fn ask_for_rebuild(store: &Store, name: &str) -> Result<u32> {
    let Some(live) = live_version(store, name).await? else {
        let message = format!("projection {name:?} has not run");
        return Err(Error::new(ErrorKind::NotFound, message));
    };
    let version = live + 1;
    let event = NewEvent::json(ASKED, &version)?.id(format!("{}@{version}", stream(name)));
    let append = Append::new().to(stream(name), Expected::Any, [event]);
    store.events().append(append).await?;
    Ok(version)
}

/// The newest version that was asked for.
async fn asked_for(store: &Store, name: &str) -> Result<Option<u32>> {
    let newest = ReadStream::of(stream(name)).backward().limit(1);
    let newest = store.read(newest).await?;
    newest.first().map(|event| event.json()).transpose()
}

/// A projection that is built anew when [somebody asks for it](ask_for_rebuild): the new version beside the running one, until it has
/// caught up and takes its place.
///
/// ```
/// use headwater_events::{BoxError, Delivery, Filter, HandlerView, Projector, Rebuilding, Recorded};
/// use headwater_events::{ask_for_rebuild, block_on};
/// # let log = headwater_log::Log::memory(std::sync::Arc::new(headwater_log::ManualClock::new(headwater_log::Timestamp(0))));
/// # let store = headwater_events::Store::on_log(log, "events")?;
/// let made = store.clone();
/// let make = move |id: &headwater_events::ProjectionId| {
///     let nothing = |_: &Recorded, _: &Delivery| -> Result<(), BoxError> { Ok(()) };
///     let view = HandlerView::new(made.clone(), id.clone(), nothing);
///     Ok(Projector::new(made.clone(), id.clone(), Filter::all(), view))
/// };
/// let mut projection = block_on(Rebuilding::open(&store, "mail", make))?;
/// block_on(projection.turn())?;
/// assert_eq!(block_on(ask_for_rebuild(&store, "mail"))?, 2);
/// block_on(projection.turn())?;
/// assert_eq!(projection.progress().status().id.version, 2);
/// # Ok::<(), headwater_events::Error>(())
/// ```
#[derive(Debug)]
pub struct Rebuilding<V, F> {
    store: Store,
    name: String,
    make: F,
    live: Projector<V>,
    next: Option<Projector<V>>,
}

impl<V: View, F: FnMut(&ProjectionId) -> Result<Projector<V>> + Send> Rebuilding<V, F> {
    /// Goes on with the version that is live, or begins with the first; `make` makes the projector of a version.
    ///
    /// # Errors
    /// What `make` meets; `Unavailable`.
    pub async fn open(store: &Store, name: impl Into<String>, mut make: F) -> Result<Self> {
        let name = name.into();
        let version = live_version(store, &name).await?.unwrap_or(1);
        let live = make(&ProjectionId::new(name.as_str()).version(version))?;
        Ok(Self {
            store: store.clone(),
            name,
            make,
            live,
            next: None,
        })
    }

    /// How far the version is that is live.
    pub fn progress(&self) -> Progress {
        self.live.progress()
    }

    /// The version that is live.
    pub fn live(&self) -> &Projector<V> {
        &self.live
    }

    /// Moves both versions on; puts the new one in its place when it has caught up.
    ///
    /// # Errors
    /// As [`Projector::turn`]; it can be called again.
    pub async fn turn(&mut self) -> Result<Turn> {
        let turn = self.live.turn().await?;
        if self.next.is_none() {
            let id = &self.live.id;
            if let Some(version) = asked_for(&self.store, &self.name).await?
                && version > id.version
            {
                self.next = Some((self.make)(&id.clone().version(version))?);
            }
        }
        let Some(mut next) = self.next.take() else {
            return Ok(turn);
        };
        let turned = self.build(&mut next).await;
        match turned {
            Ok(true) => self.live = next,
            Ok(false) => self.next = Some(next),
            Err(error) => {
                self.next = Some(next);
                return Err(error);
            }
        }
        Ok(match self.next {
            Some(_) => Turn::More,
            None => turn,
        })
    }

    /// Whether the new version has taken the place of the old one.
    async fn build(&mut self, next: &mut Projector<V>) -> Result<bool> {
        if next.turn().await? != Turn::CaughtUp {
            return Ok(false);
        }
        swap(&mut self.live, next).await?;
        // What readers see of it is put in its place by the first batch that is live.
        next.store_position().await?;
        Ok(true)
    }

    /// Waits until there is something to do.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn wait(&self) -> Result<()> {
        let next = self.live.progress().status().position;
        self.store.events().wait(next).await.map(drop)
    }
}
