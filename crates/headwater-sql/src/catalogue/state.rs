//! The catalogue's state: the fold of its topic, or memory only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use headwater_log::Log;

use super::object::{Definition, Object};
use super::record;
use crate::error::Result;

/// The objects by name.
pub(crate) type Objects = BTreeMap<String, Arc<Object>>;

/// The declared objects of a data directory. Cheap to clone; clones share their state.
///
/// Invariant: with a log, the state is the fold of the catalogue's topic up to `version` changes; a change is durable
/// before it is seen.
#[derive(Clone, Default)]
pub struct Catalogue {
    objects: Arc<RwLock<Arc<Objects>>>,
    writer: Arc<Mutex<Writer>>,
}

/// Where changes are written to.
#[derive(Default)]
struct Writer {
    log: Option<Log>,
    version: u64,
}

impl Catalogue {
    /// An empty catalogue that nothing is written of.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// The catalogue of a log: what its topic holds.
    ///
    /// # Errors
    /// `Unavailable` if the log cannot be read; `Bug` if a stored statement is not understood any more.
    pub fn open(log: &Log) -> Result<Self> {
        let (objects, version) = record::load(log)?;
        let writer = Writer {
            log: Some(log.clone()),
            version,
        };
        Ok(Self {
            objects: Arc::new(RwLock::new(Arc::new(objects))),
            writer: Arc::new(Mutex::new(writer)),
        })
    }

    /// The log that the catalogue is in, if it is in one.
    pub(crate) fn log(&self) -> Option<Log> {
        self.writer().log.clone()
    }

    /// How many changes the catalogue has seen.
    pub fn version(&self) -> u64 {
        self.writer().version
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The objects as they are now.
    pub(crate) fn snapshot(&self) -> Arc<Objects> {
        Arc::clone(&self.objects.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// All objects, by name.
    pub fn objects(&self) -> Vec<Arc<Object>> {
        self.snapshot().values().cloned().collect()
    }

    /// Applies a change, durably if there is a log.
    ///
    /// # Errors
    /// `Conflict` if another writer changed the catalogue in between; `Unavailable`.
    pub fn apply(&self, definition: &Definition) -> Result<()> {
        if definition.no_op {
            return Ok(());
        }
        let mut writer = self.writer();
        let mut object = definition.object.clone();
        if let Some(log) = &writer.log {
            object.commit = record::write(log, definition, writer.version)?;
        }
        writer.version += 1;
        let mut objects = (*self.snapshot()).clone();
        if definition.drop {
            objects.remove(&object.name);
        } else {
            objects.insert(object.name.clone(), Arc::new(object));
        }
        *self.objects.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(objects);
        Ok(())
    }
}
