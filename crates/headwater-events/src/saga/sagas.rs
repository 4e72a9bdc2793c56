//! [`Sagas`]: what is defined, who takes part, and starting and looking at sagas. They are moved on in `turn`; answers and the
//! wishes of people come in through `change`.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use headwater_log::{Clock, Timestamp};
use serde_json::Value;

use super::definition::{Definition, Step, is_name};
use super::event::SagaEvent;
use super::journal;
use super::list::SagaList;
use super::participant::Participant;
use super::state::SagaState;
use super::tracked::Active;
use crate::error::{Conflict, Error, ErrorKind, Result};
use crate::store::Store;

/// Whether a saga was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// It was, just now.
    Now,
    /// There is one of this id already.
    Before,
}

/// The sagas of a store. Cheap to share by reference; one process runs them, any may start and answer.
pub struct Sagas {
    pub(super) store: Store,
    clock: Arc<dyn Clock>,
    definitions: RwLock<HashMap<String, Arc<Definition>>>,
    participants: RwLock<HashMap<String, Arc<dyn Participant>>>,
    pub(super) active: Mutex<Option<Active>>,
    pub(super) low_water: Mutex<u64>,
    /// Whether the last turn found nothing to do.
    pub(super) is_idle: AtomicBool,
}

impl std::fmt::Debug for Sagas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sagas")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl Sagas {
    /// The sagas of a store; the clock says when timers are due.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            definitions: RwLock::default(),
            participants: RwLock::default(),
            active: Mutex::default(),
            low_water: Mutex::default(),
            is_idle: AtomicBool::new(false),
        }
    }

    /// The store that they are in.
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whoever answers to this name in definitions.
    pub fn participant(&self, name: impl Into<String>, participant: impl Participant + 'static) {
        let mut all = self
            .participants
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        all.insert(name.into(), Arc::new(participant));
    }

    /// Records a definition, so that sagas can be started by it.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` if another definition of this name and version is recorded.
    pub async fn define(&self, definition: Definition) -> Result<()> {
        definition.check()?;
        journal::define(&self.store, &definition).await?;
        self.remember(definition);
        Ok(())
    }

    fn remember(&self, definition: Definition) -> Arc<Definition> {
        let definition = Arc::new(definition);
        let mut all = self
            .definitions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        all.insert(definition.id(), Arc::clone(&definition));
        definition
    }

    /// The definition that a saga began with.
    pub(super) async fn definition(&self, name: &str, version: u32) -> Result<Arc<Definition>> {
        let id = format!("{name}@{version}");
        let known = {
            let all = self
                .definitions
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            all.get(&id).cloned()
        };
        match known {
            Some(definition) => Ok(definition),
            None => Ok(self.remember(journal::defined(&self.store, name, version).await?)),
        }
    }

    /// Starts a saga by the newest version of a definition that is known here.
    ///
    /// # Errors
    /// `NotFound` if there is no such definition, `Invalid` if the id cannot be part of a key.
    pub async fn start(&self, definition: &str, id: &str, input: Value) -> Result<Started> {
        let version = {
            let all = self
                .definitions
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            let named = all.values().filter(|d| d.name == definition);
            named.map(|d| d.version).max()
        };
        let Some(version) = version else {
            let message = format!("there is no definition of saga {definition:?}");
            return Err(Error::new(ErrorKind::NotFound, message));
        };
        if !is_name(id) {
            return Err(Error::invalid(format!("{id:?} cannot be the id of a saga"))
                .with_hint("an id has letters, digits, - _ . and : only"));
        }
        let started = SagaEvent::Started {
            definition: definition.to_owned(),
            version,
            input,
        };
        match journal::append(&self.store, id, 0, &[started]).await {
            Ok(_) => Ok(Started::Now),
            Err(error) if is_race(&error) => Ok(Started::Before),
            Err(error) => Err(error),
        }
    }

    /// A saga as its journal says.
    ///
    /// # Errors
    /// `NotFound`, `Corrupt`, `Unavailable`.
    pub async fn show(&self, id: &str) -> Result<SagaState> {
        let missing = || Error::new(ErrorKind::NotFound, format!("there is no saga {id:?}"));
        journal::load(&self.store, id).await?.ok_or_else(missing)
    }

    /// All sagas, in the order in which they were started.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn list(&self) -> Result<Vec<SagaState>> {
        let mut list = SagaList::new();
        list.catch_up(&self.store).await?;
        Ok(list.into())
    }

    /// Whoever does a step, if that is known here.
    pub(super) fn participant_of(&self, step: &Step) -> Option<Arc<dyn Participant>> {
        let all = self
            .participants
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        all.get(&step.participant).cloned()
    }

    pub(super) fn has(&self, step: &Step) -> bool {
        self.participant_of(step).is_some()
    }
}

/// Whether somebody else was faster.
pub(super) fn is_race(error: &Error) -> bool {
    matches!(error.conflict(), Some(Conflict::Version { .. }))
}
