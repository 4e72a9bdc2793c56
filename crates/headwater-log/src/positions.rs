//! The positions of owners as of the newest durable commit.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;

/// Owner → position.
#[derive(Debug, Default)]
pub(crate) struct Positions(RwLock<HashMap<String, Bytes>>);

impl Positions {
    /// The position of an owner.
    pub(crate) fn get(&self, owner: &str) -> Option<Bytes> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        map.get(owner).cloned()
    }

    /// All of them, by owner.
    pub(crate) fn all(&self) -> Vec<(String, Bytes)> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = map.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// Sets or, with `None`, removes positions.
    pub(crate) fn set(&self, changes: impl IntoIterator<Item = (String, Option<Bytes>)>) {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (owner, value) in changes {
            match value {
                Some(value) => map.insert(owner, value),
                None => map.remove(&owner),
            };
        }
    }
}
