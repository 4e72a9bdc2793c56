//! Erasure: personal fields are encrypted per subject, and forgetting a subject destroys its key.
//!
//! A field is marked by its type, [`Personal`]. A [`Vault`] seals such fields before anything is stored, events and saved states
//! alike, and opens them when they are read; without the subject's key they read as redacted.

mod file_keys;
mod keys;
mod personal;
mod scan;
mod sealed;
mod vault;

pub use file_keys::FileKeys;
pub use keys::{Key, Keys, MemoryKeys};
pub use personal::Personal;
pub use vault::Vault;
