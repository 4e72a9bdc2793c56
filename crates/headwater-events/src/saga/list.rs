//! [`SagaList`]: all sagas of a store, as whoever shows them wants them.

use std::collections::HashMap;

use super::journal;
use super::state::SagaState;
use crate::error::Result;
use crate::event::Position;
use crate::store::Store;

/// The sagas of a store, in the order in which they were started, as far as their journals were read. Kept, it reads only
/// what is new.
#[derive(Debug, Default)]
pub struct SagaList {
    sagas: Vec<SagaState>,
    /// Where each is among them.
    places: HashMap<String, usize>,
    /// Everything before this was read.
    read_to: Position,
}

impl SagaList {
    /// None, of which nothing was read.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads what is new in the journals of a store, the same one at each call.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`; it can be called again.
    pub async fn catch_up(&mut self, store: &Store) -> Result<()> {
        loop {
            let (entries, next, end) = journal::page(store, self.read_to).await?;
            for entry in entries {
                let at = *self.places.entry(entry.saga).or_insert_with_key(|saga| {
                    self.sagas.push(SagaState::new(saga));
                    self.sagas.len() - 1
                });
                self.sagas[at].evolve(&entry.event, entry.at);
            }
            self.read_to = next;
            if next >= end {
                return Ok(());
            }
        }
    }

    /// The sagas.
    pub fn sagas(&self) -> &[SagaState] {
        &self.sagas
    }

    /// Everything before this was read.
    pub fn read_to(&self) -> Position {
        self.read_to
    }
}

impl From<SagaList> for Vec<SagaState> {
    fn from(list: SagaList) -> Self {
        list.sagas
    }
}
