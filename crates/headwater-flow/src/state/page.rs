//! One page of state: owned and writable, or frozen and shared with a snapshot.

use std::sync::Arc;

/// A page; every owned page has changed since the last snapshot.
#[derive(Debug)]
pub(crate) enum Page<P> {
    /// Ours alone, and changed.
    Owned(P),
    /// As in the last snapshot.
    Frozen(Arc<P>),
}

impl<P: Clone + Default> Page<P> {
    /// The page's content.
    #[inline]
    pub(crate) fn get(&self) -> &P {
        match self {
            Self::Owned(page) => page,
            Self::Frozen(page) => page,
        }
    }

    /// The page's content, to be written: takes a frozen page back.
    #[inline]
    pub(crate) fn get_mut(&mut self) -> &mut P {
        if let Self::Frozen(_) = self {
            self.thaw();
        }
        match self {
            Self::Owned(page) => page,
            Self::Frozen(_) => unreachable!("the page was just thawed"),
        }
    }

    #[cold]
    fn thaw(&mut self) {
        let taken = std::mem::replace(self, Self::Owned(P::default()));
        if let Self::Frozen(page) = taken {
            *self = Self::Owned(Arc::try_unwrap(page).unwrap_or_else(|p| P::clone(&p)));
        }
    }

    /// Freezes an owned page and returns it; with `all` returns a frozen one too.
    pub(crate) fn freeze(&mut self, all: bool) -> Option<Arc<P>> {
        match self {
            Self::Owned(page) => {
                let shared = Arc::new(std::mem::take(page));
                *self = Self::Frozen(Arc::clone(&shared));
                Some(shared)
            }
            Self::Frozen(page) => all.then(|| Arc::clone(page)),
        }
    }
}
