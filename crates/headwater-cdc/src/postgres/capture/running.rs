//! Transactions that are sent while they run, and the one of them that has committed and becomes records.

use std::collections::HashMap;

use headwater_log::{Log, Result};

use super::spool::{Messages, Spool};
use crate::postgres::failure::malformed;
use crate::postgres::{Lsn, Message, Streamed};

/// Transactions that are sent while they run.
pub(super) struct Running {
    log: Log,
    spools: HashMap<u32, Spool>,
    /// Whose block it is.
    block: Option<u32>,
    /// What has committed and was not given yet, and where it ends.
    committed: Option<(Messages, Lsn)>,
}

/// What comes of a transaction that was sent while it ran.
pub(super) enum Next {
    /// A message that lies there.
    Message(Lsn, Message),
    /// It ends here.
    End(Lsn),
}

impl Running {
    pub(super) fn new(log: &Log) -> Self {
        Self {
            log: log.clone(),
            spools: HashMap::new(),
            block: None,
            committed: None,
        }
    }

    /// A block of a transaction begins, or ends.
    pub(super) fn set_block(&mut self, xid: Option<u32>) {
        self.block = xid;
    }

    /// A message of the block.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable` if there is no room on the disk.
    pub(super) fn push(&mut self, place: Lsn, message: &Streamed) -> Result<()> {
        let xid = self
            .block
            .ok_or_else(|| malformed("message outside of a block"))?;
        let spool = self.spools.entry(xid).or_default();
        spool.push(&self.log, xid, place, message)
    }

    /// A transaction, or a part of it, has not happened.
    pub(super) fn take_back(&mut self, xid: u32, part: u32) {
        if xid == part {
            self.spools.remove(&xid);
        } else if let Some(spool) = self.spools.get_mut(&xid) {
            spool.take_back(part);
        }
    }

    /// A transaction has committed: its messages come next. Gives how many bytes they are.
    pub(super) fn commit(&mut self, xid: u32, end: Lsn) -> u64 {
        let spool = self.spools.remove(&xid).unwrap_or_default();
        let bytes = spool.len();
        self.committed = Some((spool.messages(), end));
        bytes
    }

    /// Whether something has committed that was not given yet.
    pub(super) fn has_more(&self) -> bool {
        self.committed.is_some()
    }

    /// What comes next of what has committed.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub(super) fn next(&mut self) -> Result<Option<Next>> {
        let Some((messages, end)) = &mut self.committed else {
            return Ok(None);
        };
        if let Some((place, message)) = messages.next()? {
            return Ok(Some(Next::Message(place, message)));
        }
        let end = *end;
        self.committed = None;
        Ok(Some(Next::End(end)))
    }
}
