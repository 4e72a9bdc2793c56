//! The catalogue's state.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::object::{Definition, Object};
use crate::error::Result;

/// The objects by name.
pub(crate) type Objects = BTreeMap<String, Arc<Object>>;

/// The declared objects of a data directory. Cheap to clone; clones share their state.
#[derive(Clone, Default)]
pub struct Catalogue {
    objects: Arc<RwLock<Arc<Objects>>>,
}

impl Catalogue {
    /// An empty catalogue that nothing is written of.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// The objects as they are now.
    pub(crate) fn snapshot(&self) -> Arc<Objects> {
        Arc::clone(&self.objects.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// All objects, by name.
    pub fn objects(&self) -> Vec<Arc<Object>> {
        self.snapshot().values().cloned().collect()
    }

    /// Applies a change.
    ///
    /// # Errors
    /// `Conflict` if another writer changed the catalogue in between.
    pub fn apply(&self, definition: &Definition) -> Result<()> {
        if definition.no_op {
            return Ok(());
        }
        let mut guard = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        let mut objects = (**guard).clone();
        if definition.drop {
            objects.remove(&definition.object.name);
        } else {
            let object = Arc::new(definition.object.clone());
            objects.insert(object.name.clone(), object);
        }
        *guard = Arc::new(objects);
        Ok(())
    }
}
