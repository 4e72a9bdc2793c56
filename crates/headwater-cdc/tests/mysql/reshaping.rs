//! The session of the oracle that gives a table other columns, amid those that write and whatever falls.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use headwater_cdc::Result;
use headwater_cdc::mysql::{Address, Session};

use super::server::Server;
use super::writers::Written;

/// Between two statements, so that who captures comes to read the table.
const PACE: Duration = Duration::from_millis(200);

/// What was prepared and not ended, for the server or its session was gone, is ended now; who still has it ends it himself.
pub(super) fn end_prepared(session: &mut Session, how: impl Fn(&str) -> String) -> Result<()> {
    for row in session.query("XA RECOVER")? {
        drop(session.execute(&how(row[3].as_deref().unwrap())));
    }
    Ok(())
}

/// Columns come, go, get other names and other types until it is told to stop; how often.
pub(super) fn reshape(server: &Server, stop: &AtomicBool, written: &Written) -> usize {
    let mut done = 0;
    let address = Address {
        database: "shop".to_owned(),
        ..server.address()
    };
    while !stop.load(Ordering::Relaxed) {
        std::thread::park_timeout(PACE);
        // The server may fall at any moment, and writers may be in the way.
        let session = Session::connect(&address);
        let reshaped = session.and_then(|mut session| once(&mut session, written));
        done += usize::from(reshaped.is_ok());
    }
    done
}

/// One step of a round that ends where it began.
fn once(session: &mut Session, written: &Written) -> Result<()> {
    let sql = "SELECT column_name, data_type FROM information_schema.columns \
               WHERE table_schema = 'shop' AND table_name = 'altered'";
    let columns = session.query(sql)?;
    let has = |name: &str, kind: &str| {
        let is = |row: &Vec<Option<String>>| {
            row[0].as_deref() == Some(name) && row[1].as_deref() == Some(kind)
        };
        columns.iter().any(is)
    };
    // A crash leaves it unknown what was done: the table itself tells what is next.
    let step = match (has("more", "int"), has("other", "int"), has("n", "varchar")) {
        (true, _, _) => "RENAME COLUMN more TO other",
        (false, true, false) => "MODIFY n VARCHAR(20)",
        (false, true, true) => "DROP COLUMN other",
        (false, false, true) => "MODIFY n BIGINT",
        (false, false, false) => "ADD COLUMN more INT DEFAULT 7",
    };
    // Others wait behind it, also those whose rows it waits for.
    session.execute("SET lock_wait_timeout = 1, innodb_lock_wait_timeout = 1")?;
    end_prepared(session, |xid| written.end_of(xid))?;
    session.execute(&format!("ALTER TABLE altered {step}"))
}
