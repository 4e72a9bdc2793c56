//! Reads a server's log for tests.

use std::time::Duration;

use headwater_cdc::Result;
use headwater_cdc::mysql::{Change, Message, Position, Received, Replica, Rows, Session};

const WAIT: Duration = Duration::from_secs(60);

/// Reads until everything that `session` sees as committed has come; where the log ended.
pub(super) fn read_to_end(
    replica: &mut Replica,
    session: &mut Session,
    mut each: impl FnMut(Message),
) -> Result<Position> {
    let end = Position::current(session)?;
    loop {
        let reached = match replica.receive(WAIT)? {
            Received::Message(message) => {
                let reached = end_of(&message).cloned();
                each(message);
                reached
            }
            Received::Reached(reached) => Some(reached),
            Received::Nothing => panic!("the server is silent"),
        };
        if let Some(reached) = reached
            && reached.reaches(&end)
        {
            return Ok(reached);
        }
    }
}

/// Where a message says that the log need not be read again.
pub(super) fn end_of(message: &Message) -> Option<&Position> {
    match message {
        Message::Commit { end }
        | Message::Rollback { end }
        | Message::Prepare { end, .. }
        | Message::CommitPrepared { end, .. }
        | Message::RollbackPrepared { end, .. } => Some(end),
        _ => None,
    }
}

pub(super) fn changes(rows: &Rows) -> Vec<Change> {
    rows.changes().unwrap().collect::<Result<_>>().unwrap()
}
