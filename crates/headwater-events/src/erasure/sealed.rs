//! A store and saved states behind a vault: what goes in is sealed, what comes out is opened.

use std::sync::Arc;

use bytes::Bytes;

use super::vault::Vault;
use crate::aggregate::{Snapshot, Snapshots};
use crate::error::Result;
use crate::event::{NewEvent, Position, Recorded};
use crate::store::{Append, Appended, EventStore, Expected, Page, ReadAll, ReadStream, Store};
use crate::task::Task;

/// The stream in which it stands who was forgotten.
const FORGOTTEN_STREAM: &str = "$subjects";
const FORGOTTEN: &str = "$forgotten";

#[derive(Debug)]
struct SealedStore {
    inner: Arc<dyn EventStore>,
    vault: Vault,
}

impl SealedStore {
    fn open(&self, mut events: Vec<Recorded>) -> Result<Vec<Recorded>> {
        for event in &mut events {
            let opened = self.vault.open(&event.data);
            event.data =
                opened.map_err(|e| event.undecodable("cannot be opened").with_source(e))?;
        }
        Ok(events)
    }

    async fn append_sealed(&self, mut append: Append) -> Result<Appended> {
        append.check()?;
        for event in append.writes.iter_mut().flat_map(|w| &mut w.events) {
            event.data = self.vault.seal(&event.data)?;
        }
        self.inner.append(append).await
    }
}

impl EventStore for SealedStore {
    fn append(&self, append: Append) -> Task<'_, Appended> {
        Box::pin(self.append_sealed(append))
    }

    fn read(&self, read: ReadStream) -> Task<'_, Vec<Recorded>> {
        Box::pin(async move { self.open(self.inner.read(read).await?) })
    }

    fn read_all(&self, read: ReadAll) -> Task<'_, Page> {
        Box::pin(async move {
            let page = self.inner.read_all(read).await?;
            Ok(Page {
                events: self.open(page.events)?,
                ..page
            })
        })
    }

    fn wait(&self, from: Position) -> Task<'_, Position> {
        self.inner.wait(from)
    }

    fn positions<'a>(&'a self, prefix: &'a str) -> Task<'a, Vec<(String, Bytes)>> {
        self.inner.positions(prefix)
    }
}

#[derive(Debug)]
struct SealedSnapshots {
    inner: Arc<dyn Snapshots>,
    vault: Vault,
}

impl Snapshots for SealedSnapshots {
    fn get<'a>(&'a self, key: &'a str) -> Task<'a, Option<Snapshot>> {
        Box::pin(async move {
            let Some(saved) = self.inner.get(key).await? else {
                return Ok(None);
            };
            let state = self.vault.open(&saved.state)?;
            Ok(Some(Snapshot { state, ..saved }))
        })
    }

    fn put(&self, key: &str, snapshot: Snapshot) {
        match self.vault.seal(&snapshot.state) {
            Ok(state) => self.inner.put(key, Snapshot { state, ..snapshot }),
            Err(error) => tracing::warn!(%error, "state cannot be sealed, so it is not saved"),
        }
    }
}

impl Store {
    /// The store behind a vault: [`Personal`](crate::Personal) fields of events and saved states are sealed in it. Whoever has the store
    /// without the vault reads them as redacted.
    #[must_use]
    pub fn with_vault(self, vault: Vault) -> Self {
        let its = vault.clone();
        self.wrap(
            |inner| Arc::new(SealedStore { inner, vault: its }),
            |inner| Arc::new(SealedSnapshots { inner, vault }),
        )
    }

    /// Forgets a subject, and says so by an event of type `$forgotten` with the subject as its data, for views that keep
    /// what they have read in the clear.
    ///
    /// # Errors
    /// `Unavailable`; it can be tried again.
    pub async fn forget(&self, vault: &Vault, subject: &str) -> Result<Appended> {
        vault.forget(subject)?;
        let event = NewEvent::json(FORGOTTEN, &serde_json::json!({ "subject": subject }))?;
        let append = Append::new().to(FORGOTTEN_STREAM, Expected::Any, [event]);
        self.events().append(append).await
    }
}
