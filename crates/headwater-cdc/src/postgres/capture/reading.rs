//! One range of a table, read in a transaction of its own.

use std::net::TcpStream;

use headwater_log::{Error, ErrorKind, Result};

use super::progress::{Found, FoundFiles, Part, PostgreSql, What};
use crate::capture::{Place, Reads, Room, Rows, Task};
use crate::postgres::failure::malformed;
use crate::postgres::shape::{Shape, Tuples};
use crate::postgres::{Address, Lsn, Session, Snapshot, TableName, literal};

/// How the rows of a table are read.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) name: TableName,
    pub(super) shape: Shape,
    /// Which rows are read, as conditions of SQL that all hold.
    pub(super) filters: Vec<String>,
}

/// Reads tables.
#[derive(Debug)]
pub(crate) struct TableReads {
    pub(super) address: Address,
    pub(super) plans: Vec<Plan>,
    /// Transactions before this one had begun before the stream did: readings wait for their end.
    pub(super) horizon: u64,
    /// Where rows are put.
    pub(super) room: Room,
}

impl Reads for TableReads {
    type Server = PostgreSql;
    type Session = Session;

    fn open(&self) -> Result<Session> {
        Session::connect(&self.address)
    }

    fn line(session: &Session) -> Option<TcpStream> {
        session.line()
    }

    fn read(
        &self,
        session: &mut Session,
        task: &Task<PostgreSql>,
    ) -> Result<Option<(Found, Snapshot, Place)>> {
        let rows = self.room.rows();
        read(
            session,
            &self.plans[task.table],
            (&task.range, rows),
            self.horizon,
        )
    }
}

/// Reads; `None`: transactions that began before `horizon` are still running.
///
/// # Errors
/// `Unavailable`, `NotFound` if the table is gone.
fn read(
    session: &mut Session,
    plan: &Plan,
    (what, room): (&What, Rows),
    horizon: u64,
) -> Result<Option<(Found, Snapshot, Place)>> {
    let table = match what {
        What::Files => &plan.name,
        What::Blocks { table, .. } => table,
    };
    let (table, quoted) = (table.quoted(), literal(&table.quoted()));
    // The lock comes before the snapshot: a table is not rewritten between the two.
    let rows = session.query(&format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
         LOCK TABLE ONLY {table} IN ACCESS SHARE MODE; \
         SELECT pg_current_snapshot(), coalesce(pg_relation_filenode({quoted}), 0)"
    ))?;
    let row: Vec<String> = rows.into_iter().flatten().flatten().collect();
    let [snapshot, file] = row.as_slice() else {
        return Err(malformed("snapshot"));
    };
    let snapshot: Snapshot = snapshot.parse()?;
    if !snapshot.is_after(horizon) {
        session.query("COMMIT")?;
        return Ok(None);
    }
    let found = match what {
        What::Files => Found::Files(FoundFiles(files(session, &quoted)?)),
        What::Blocks { file: known, .. } if *file != known.to_string() => Found::Rewritten,
        What::Blocks { from, to, .. } => {
            Found::Rows(rows_of(session, plan, (&table, *from, *to), room)?)
        }
    };
    // Its own commit has it written out, and so what lies before it.
    let high = session.value("COMMIT; SELECT pg_logical_emit_message(true, 'headwater', '')")?;
    let high: Lsn = high.unwrap_or_default().parse()?;
    Ok(Some((found, snapshot, high.into())))
}

/// Adds the rows of blocks of a table.
fn rows_of(
    session: &mut Session,
    plan: &Plan,
    (table, from, to): (&str, u32, u32),
    mut rows: Rows,
) -> Result<Rows> {
    let columns = plan.shape.select_list();
    let mut sql = format!(
        "COPY (SELECT {columns} FROM ONLY {table} WHERE ctid >= '({from},0)' AND ctid < '({to},0)'"
    );
    for filter in &plan.filters {
        // What is commented out in it ends with the line.
        sql += &format!(" AND ({filter}\n)");
    }
    sql += ") TO STDOUT (FORMAT binary)";
    let mut tuples = Tuples::new(&plan.shape);
    session.copy_out(&sql, |tuple| tuples.read(tuple, &mut rows))?;
    Ok(rows)
}

/// The table itself, or its partitions.
pub(super) fn files(session: &mut Session, quoted: &str) -> Result<Vec<Part>> {
    let sql = format!(
        "SELECT n.nspname, c.relname, pg_relation_filenode(c.oid), \
         pg_relation_size(c.oid) / current_setting('block_size')::bigint \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind = 'r' AND (c.oid = {quoted}::regclass \
         OR c.oid IN (SELECT relid FROM pg_partition_tree({quoted}::regclass) WHERE isleaf)) ORDER BY c.oid"
    );
    let part = |row: Vec<Option<String>>| match <[_; 4]>::try_from(row) {
        Ok([Some(schema), Some(name), Some(file), Some(blocks)]) => Ok(Part {
            table: TableName { schema, name },
            file: file.parse().map_err(|_| malformed("number of a file"))?,
            blocks: blocks.parse().map_err(|_| malformed("size of a file"))?,
            done: super::blocks::Blocks::default(),
        }),
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            "a partition is a foreign table, which cannot be captured",
        )),
    };
    session.query(&sql)?.into_iter().map(part).collect()
}
