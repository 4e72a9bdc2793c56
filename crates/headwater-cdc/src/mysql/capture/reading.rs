//! One range of a table, read in a snapshot of its own.

use std::net::TcpStream;

use headwater_log::{Error, ErrorKind, Result};

use super::condition::RowCondition;
use super::progress::{Found, MySql, Range, SeenAt, cuts};
use super::shape::Shape;
use crate::capture::{Place, Reads, Room, Rows, Task};
use crate::filter::Condition;
use crate::mysql::snapshot::Part;
use crate::mysql::{Address, Position, Session, Snapshot, Table, Value, literal};

/// How the rows of a table are read.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) table: Table,
    pub(super) shape: Shape,
    /// Which of the rows that there are; `None`: all.
    pub(super) filter: Option<RowCondition>,
}

impl Plan {
    /// Only rows are read that a condition holds for.
    ///
    /// # Errors
    /// `Invalid`, `Unsupported`.
    pub(super) fn read_only(&mut self, filter: Option<&str>) -> Result<()> {
        let of = |text| RowCondition::of(&Condition::parse(text)?, &self.table);
        self.filter = filter.map(of).transpose()?;
        Ok(())
    }

    fn has(&self, row: &[Value]) -> bool {
        let filter = self.filter.as_ref();
        self.shape.has(row) && filter.is_none_or(|filter| filter.holds(row))
    }
}

/// Reads tables.
#[derive(Debug)]
pub(crate) struct TableReads {
    pub(super) address: Address,
    /// The number of the server that streams.
    pub(super) server_id: Option<String>,
    pub(super) plans: Vec<Option<Plan>>,
    /// Rows that are read at a time.
    pub(super) range_rows: u32,
    /// Where rows are put.
    pub(super) room: Room,
    /// Transactions before this may have been streamed before this stream began: a reading must see them.
    pub(super) horizon: Position,
}

impl Reads for TableReads {
    type Server = MySql;
    type Session = Option<Session>;

    fn open(&self) -> Result<Option<Session>> {
        self.connect().map(Some)
    }

    fn line(session: &Option<Session>) -> Option<TcpStream> {
        session.as_ref().and_then(Session::line)
    }

    fn read(
        &self,
        session: &mut Option<Session>,
        task: &Task<MySql>,
    ) -> Result<Option<(Found, SeenAt, Place)>> {
        let connected = match session.take() {
            Some(connected) => connected,
            None => self.connect()?,
        };
        let has_names = !self.horizon.gtids.is_empty();
        let mut snapshot = Snapshot::at_place(connected, has_names)?;
        let position = snapshot.position().clone();
        let found = match position.reaches(&self.horizon) {
            true => Some((self.found(&mut snapshot, task)?, snapshot.high()?)),
            false => None,
        };
        *session = Some(snapshot.close()?);
        Ok(found.map(|(found, high)| (found, SeenAt(position), high.into())))
    }
}

/// The number of a session's server among those that replicate one another.
pub(super) fn server_of(session: &mut Session) -> Result<Option<String>> {
    session.value("SELECT @@server_id")
}

impl TableReads {
    /// What is behind an address may change: places in the logs of two servers cannot be compared.
    fn connect(&self) -> Result<Session> {
        let mut session = Session::connect(&self.address)?;
        if server_of(&mut session)? == self.server_id {
            return Ok(session);
        }
        let text = format!("{} is another server than a moment ago", self.address);
        Err(Error::new(ErrorKind::Unavailable, text))
    }

    fn found(&self, snapshot: &mut Snapshot, task: &Task<MySql>) -> Result<Found> {
        let Some(plan) = &self.plans[task.table] else {
            let text = "a table that is gone is to be read";
            return Err(Error::new(ErrorKind::Bug, text));
        };
        let Plan { table, shape, .. } = plan;
        let size = snapshot.about_rows(table)?;
        let (piece, most) = match &task.range {
            Range::Cuts => {
                return Ok(Found {
                    rows: Rows::default(),
                    last: None,
                    cuts: self.cuts(snapshot, table, size)?,
                    size,
                });
            }
            Range::Rows { piece, most, .. } => (piece, *most),
        };
        let part = Part {
            above: piece.above.as_deref(),
            upto: piece.upto.as_deref(),
            after: piece.after.as_deref(),
            limit: u64::from(most),
        };
        let (mut rows, mut last, mut read) = (self.room.rows(), None, 0);
        let is_ordered = snapshot.rows_of(table, part, |row| {
            if plan.has(&row) {
                let (key, row) = shape.pair(&row)?;
                rows.push(&key, &row);
            }
            read += 1;
            if read == most {
                last = Some(row);
            }
            Ok(())
        });
        let is_ordered = is_ordered.map_err(changed)?;
        let last = last.filter(|_| is_ordered);
        Ok(Found {
            last: last.map(|row| snapshot.key_of(table, &row)).transpose()?,
            cuts: Vec::new(),
            size,
            rows,
        })
    }

    /// Where a table is cut whose key begins with whole numbers; another one, or a small one, is read by one session.
    fn cuts(&self, snapshot: &mut Snapshot, table: &Table, size: u64) -> Result<Vec<String>> {
        if size <= u64::from(self.range_rows) {
            return Ok(Vec::new());
        }
        let ends = snapshot.ends(table).map_err(changed)?;
        Ok(ends.map_or_else(Vec::new, |(lowest, highest)| cuts(lowest, highest)))
    }
}

/// A table or a column that is gone since the stream began: whoever begins again sees what it is now.
fn changed(error: Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::new(ErrorKind::Unavailable, error.message().to_owned()),
        _ => error,
    }
}

/// How the server counts a table without reading it.
pub(in crate::mysql) fn about_rows(table: &Table) -> String {
    format!(
        "SELECT table_rows FROM information_schema.tables WHERE table_schema = {} AND table_name = {}",
        literal(&table.database),
        literal(&table.name)
    )
}
