//! Reads a server's log for tests.

use std::time::{Duration, Instant};

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
        Message::Commit { end, .. }
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

/// Leaves the server nothing of its log but the file that it writes to.
pub(super) fn purge(session: &mut Session) {
    let file = session.query("SHOW MASTER STATUS").unwrap()[0][0].clone();
    let purge = format!("PURGE BINARY LOGS TO '{}'", file.unwrap());
    // It keeps what it needs for a crash, and what a connection that is gone was reading, until it notices.
    let until = Instant::now() + WAIT;
    while session.query("SHOW BINARY LOGS").unwrap().len() > 1 {
        assert!(Instant::now() < until, "the log is not purged");
        session.execute(&purge).unwrap();
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
