//! What runs in this process, by name, for as long as somebody holds it.

use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Things of one kind.
#[derive(Debug)]
pub(super) struct Running<T>(Mutex<Vec<(String, Weak<T>)>>);

impl<T> Default for Running<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Running<T> {
    pub(super) fn add(&self, name: &str, one: &Arc<T>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(known, one)| known != name && one.strong_count() > 0);
        all.push((name.to_owned(), Arc::downgrade(one)));
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<T>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|(known, _)| known == name)?.1.upgrade()
    }
}
