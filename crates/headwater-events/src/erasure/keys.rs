//! [`Keys`]: where the keys of subjects are.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, ErrorKind, Result};

/// The key of a subject. Its id is stored with what it sealed, so that a key that is gone can be told from damage.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Names it; random.
    pub id: u64,
    /// An AES-256 key.
    pub bytes: [u8; 32],
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Key {
    /// A new one.
    ///
    /// # Errors
    /// `Unavailable` if the system has no randomness.
    pub fn random() -> Result<Self> {
        let mut id = [0; 8];
        let mut bytes = [0; 32];
        random(&mut id)?;
        random(&mut bytes)?;
        Ok(Self {
            id: u64::from_le_bytes(id),
            bytes,
        })
    }
}

/// Fills with randomness.
pub(super) fn random(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|e| {
        Error::new(ErrorKind::Unavailable, "the system has no randomness").with_source(e)
    })
}

/// Where the keys of subjects are, apart from what they seal.
pub trait Keys: Send + Sync + fmt::Debug {
    /// The key of a subject; `None`: it has none, or was forgotten.
    ///
    /// # Errors
    /// `Unavailable`.
    fn get(&self, subject: &str) -> Result<Option<Key>>;

    /// The key of a subject, which gets one if it has none. It is durable before anything is sealed with it.
    ///
    /// # Errors
    /// `Unavailable`.
    fn get_or_make(&self, subject: &str) -> Result<Key>;

    /// Destroys the key of a subject; gives whether there was one.
    ///
    /// # Errors
    /// `Unavailable`; the key may still be there then.
    fn forget(&self, subject: &str) -> Result<bool>;
}

/// Keys in memory, for tests.
#[derive(Debug, Default)]
pub struct MemoryKeys(Mutex<HashMap<String, Key>>);

impl MemoryKeys {
    fn keys(&self) -> MutexGuard<'_, HashMap<String, Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys for MemoryKeys {
    fn get(&self, subject: &str) -> Result<Option<Key>> {
        Ok(self.keys().get(subject).copied())
    }

    fn get_or_make(&self, subject: &str) -> Result<Key> {
        let new = Key::random()?;
        Ok(*self.keys().entry(subject.to_owned()).or_insert(new))
    }

    fn forget(&self, subject: &str) -> Result<bool> {
        Ok(self.keys().remove(subject).is_some())
    }
}
