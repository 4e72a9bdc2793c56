//! What a stream does between two transactions besides reading tables: what somebody wishes, and heartbeats.

use headwater_log::{Commit, Result};

use super::Stream;
use crate::capture::beats::Beats;
use crate::capture::handle::Wish;
use crate::capture::server::{Feed, Reads};
use crate::capture::state;
use crate::capture::taken::Meaning;

impl<F: Feed, R: Reads<Server = F::Server>> Stream<'_, F, R> {
    /// Does what somebody wishes; gives whether all is to begin again.
    pub(super) fn obey(&mut self) -> Result<bool> {
        let wishes = self.shared.wishes();
        if wishes.is_empty() {
            return Ok(false);
        }
        let (mut commit, mut is_changed) = (Commit::new(), false);
        for wish in wishes {
            match wish {
                Wish::Pause(is_paused) => self.taken.pause(is_paused),
                Wish::ReadAgain => {
                    for table in self.tables.iter_mut().filter(|t| t.backfill.done) {
                        table.backfill = table.backfill.again(table.filter.clone());
                        let backfill = state::store(&table.backfill)?;
                        commit = commit.position(table.owner.clone(), backfill);
                        is_changed = true;
                    }
                }
                Wish::Read { table, filter } => {
                    let found = self.tables.iter_mut().find(|t| t.name == table);
                    if let Some(found) = found {
                        found.backfill = found.backfill.again(filter);
                        let backfill = state::store(&found.backfill)?;
                        commit = commit.position(found.owner.clone(), backfill);
                        is_changed = true;
                    }
                }
            }
        }
        let is_paused = self.taken.is_paused();
        self.shared.tell(|status| status.is_paused = is_paused);
        let end = self.taken.end().clone();
        self.taken.send(commit, end, Meaning::default())?;
        Ok(is_changed)
    }

    /// Says that the capture goes on, if it is time.
    pub(super) fn beat(&mut self) -> Result<()> {
        match self.beats.as_mut().and_then(Beats::due) {
            Some(commit) => {
                let end = self.taken.end().clone();
                self.taken.send(commit, end, Meaning::default())
            }
            None => Ok(()),
        }
    }
}
