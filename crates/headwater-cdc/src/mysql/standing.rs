//! Where in the log a snapshot stands.
//!
//! MariaDB tells the place, without a lock. So whoever has followed the log up to there puts the rows in, and follows on: no row is
//! older than what came before, none is missed, and nothing needs to be compared.
//!
//! MySQL does not tell. Where its transactions have names, those that it had executed before the snapshot was opened are in it, and all
//! that is in it lies before the end of the log afterwards: the rows are put in there, without those that the stream has touched
//! between. Where they have none, rows are read as they are and not in a snapshot, and locked for as long as a range is read: what is
//! in the log already and not yet in the engine holds its rows, so that it is waited for.
//!
//! `FLUSH TABLES WITH READ LOCK` would tell as well. But it waits for statements that wait for rows of transactions that wait for it.

use headwater_log::{Error, ErrorKind, Result};

use super::address::Address;
use super::position::Position;
use super::session::Session;
use super::snapshot::Snapshot;

const BEGIN: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
/// How long the lock that holds writers may wait for statements that run, since all others wait behind it.
const LOCK_SECONDS: u32 = 10;
const OUTSIDE: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

impl Snapshot {
    /// Sees everything that is committed now. MariaDB needs no lock for it; of MySQL all writers are held for a moment.
    ///
    /// # Errors
    /// `Unavailable`; `Invalid` if the user may not, or the server keeps no log.
    pub fn open(address: &Address) -> Result<Self> {
        let session = Session::connect(address)?;
        if !session.is_mariadb() {
            return Self::under_lock(session);
        }
        let mut snapshot = Self::at_status(session)?;
        let Position { file, offset, .. } = snapshot.position;
        snapshot.position = Position::at(&mut snapshot.session, file, offset)?;
        Ok(snapshot)
    }

    /// The same for those who compare with a stream. Of MariaDB a place in a file alone, since for the names of transactions before it
    /// the server reads its log from the beginning of the file; of MySQL names alone if it `has_names`, else a place, and each range is
    /// as it is when it is read.
    pub(super) fn at_place(mut session: Session, has_names: bool) -> Result<Self> {
        if session.is_mariadb() {
            return Self::at_status(session);
        }
        let executed = match has_names {
            true => session
                .value("SELECT IF(@@global.gtid_mode = 'ON', @@global.gtid_executed, NULL)")?,
            false => None,
        };
        let Some(executed) = executed else {
            session.execute(OUTSIDE)?;
            let position = Position::current(&mut session)?;
            return Ok(Self {
                session,
                position,
                locks_rows: true,
            });
        };
        isolate(&mut session)?;
        session.execute(BEGIN)?;
        let position = Position {
            gtids: executed.parse()?,
            ..Position::default()
        };
        Ok(Self {
            session,
            position,
            locks_rows: false,
        })
    }

    /// A place in the log before which everything lies that was seen; later than [`position`](Self::position) on MySQL.
    pub(super) fn high(&mut self) -> Result<Position> {
        match self.locks_rows || self.position.file.is_empty() {
            true => Position::current(&mut self.session),
            false => Ok(self.position.clone()),
        }
    }

    fn at_status(mut session: Session) -> Result<Self> {
        isolate(&mut session)?;
        session.execute(BEGIN)?;
        let mut status = |name: &str| {
            let rows = session.query(&format!("SHOW STATUS LIKE 'binlog_snapshot_{name}'"))?;
            let cell = rows.into_iter().next().and_then(|r| r.into_iter().nth(1));
            Ok::<_, Error>(cell.flatten().unwrap_or_default())
        };
        let (file, offset) = (status("file")?, status("position")?);
        let (false, Ok(offset)) = (file.is_empty(), offset.parse()) else {
            let text = "the server keeps no binary log";
            return Err(Error::new(ErrorKind::Invalid, text)
                .with_hint("start it with log_bin in the section [mysqld] of its configuration"));
        };
        let position = Position {
            file,
            offset,
            ..Position::default()
        };
        Ok(Self {
            session,
            position,
            locks_rows: false,
        })
    }

    /// As for servers that do not tell where a snapshot stands: nobody commits between the two.
    ///
    /// # Errors
    /// As [`open`](Self::open); `Unavailable` also if statements run for too long to wait for.
    pub fn under_lock(mut session: Session) -> Result<Self> {
        isolate(&mut session)?;
        session.execute(&format!("SET SESSION lock_wait_timeout = {LOCK_SECONDS}"))?;
        session.execute("FLUSH TABLES WITH READ LOCK")?;
        session.execute(BEGIN)?;
        let position = Position::current(&mut session)?;
        session.execute("UNLOCK TABLES")?;
        Ok(Self {
            session,
            position,
            locks_rows: false,
        })
    }
}

fn isolate(session: &mut Session) -> Result<()> {
    session.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
}
