//! What runs in this process, by name, for as long as somebody holds it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Captures or outboxes that run; clones are the same list.
pub struct Running<T>(Arc<Mutex<Named<T>>>);

/// What runs, by name.
type Named<T> = Vec<(String, Weak<T>)>;

impl<T> Default for Running<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Running<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Running<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

impl<T> Running<T> {
    /// One runs; another of its name is found no more.
    pub fn add(&self, name: &str, one: &Arc<T>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(known, one)| known != name && one.strong_count() > 0);
        all.push((name.to_owned(), Arc::downgrade(one)));
    }

    /// The one of that name, if it runs.
    pub fn find(&self, name: &str) -> Option<Arc<T>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|(known, _)| known == name)?.1.upgrade()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_holds_runs_no_more() {
        let running = Running::default();
        let (one, other) = (Arc::new(1), Arc::new(2));
        running.add("a", &one);
        running.clone().add("b", &other);
        assert_eq!(running.find("b").as_deref(), Some(&2));
        drop(other);
        assert_eq!(running.find("b"), None);
        running.add("a", &Arc::new(3));
        assert_eq!(running.find("a"), None);
    }
}
