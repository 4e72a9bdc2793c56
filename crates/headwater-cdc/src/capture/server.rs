//! What a capture must know of a kind of server: how it streams, and how its tables are read.

use std::fmt::Debug;
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use headwater_log::{Error, ErrorKind, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::assembly::{Assembly, MarkOf, Target, Transaction};
use super::form::Form;
use super::place::Place;
use super::rows::Rows;
use super::setup::Captured;
use super::taken::{InTopics, Taken};
use super::touched::{ReadingNumber, Touched};
use crate::debezium::Origin;
use crate::filter::Operations;

/// The number of a table among those that are captured.
pub(crate) type TableIndex = usize;
/// The key and the value of a record.
pub(crate) type RowPair = (Bytes, Bytes);

/// A kind of server.
pub(crate) trait Server: Debug + Default + Clone + PartialEq + 'static {
    /// What tells whether a column is what it was.
    type Type: Debug + Default + Clone + PartialEq + Serialize + DeserializeOwned;
    /// How far a table was read.
    type Progress: Progress;
    /// What a reading saw.
    type Snapshot: Snapshot;
}

/// What a reading saw.
pub(crate) trait Snapshot: Debug + Send + 'static {
    /// What tells a transaction of the stream.
    type Mark: Debug + Clone;

    /// Whether it saw what a transaction of the stream did.
    fn sees(&self, mark: &Self::Mark) -> bool;
}

/// How far a table was read, as it is stored.
pub(crate) trait Progress:
    Debug + Default + Clone + PartialEq + Serialize + DeserializeOwned
{
    /// What is read at once.
    type Range: Debug + Send + 'static;
    /// What was found there.
    type Found: Debug + Send + 'static;
    /// What was handed out to readers, which is not stored.
    type Handed: Debug + Default;

    /// What is to be read next, at most so large, if something can be now.
    fn next(&self, handed: &mut Self::Handed, most: u32) -> Option<Self::Range>;

    /// Takes note of what was found.
    fn put(&mut self, range: Self::Range, found: Self::Found, handed: &mut Self::Handed) -> Put;

    /// Whether everything was read.
    fn is_whole(&self) -> bool;

    /// How much was read, of how much.
    fn amount(&self) -> (u64, u64);
}

/// What a finding means.
#[derive(Debug)]
pub(crate) enum Put {
    /// These rows.
    Rows(Rows),
    /// The table is to be read from the beginning.
    Restart,
    /// Nothing: it is of an earlier reading of the table.
    Stale,
}

/// A reading that was handed out.
#[derive(Debug)]
pub(crate) struct Task<S: Server> {
    pub(crate) number: ReadingNumber,
    pub(crate) table: TableIndex,
    pub(crate) range: <S::Progress as Progress>::Range,
}

/// A reading that is done.
#[derive(Debug)]
pub(crate) struct Reading<S: Server> {
    pub(crate) task: Task<S>,
    pub(crate) found: <S::Progress as Progress>::Found,
    pub(crate) snapshot: S::Snapshot,
    /// Everything that the snapshot sees was committed before this.
    pub(crate) high: Place,
}

/// Reads tables, on threads of its own.
pub(crate) trait Reads: Send + Sync + 'static {
    /// The kind of server.
    type Server: Server;
    /// A session of one reader.
    type Session;

    /// Connects.
    fn open(&self) -> Result<Self::Session>;

    /// What ends the connection of a session, whoever waits for it.
    fn line(session: &Self::Session) -> Option<TcpStream>;

    /// Reads in one snapshot; `None`: what streams may not have begun before it, try again.
    fn read(
        &self,
        session: &mut Self::Session,
        task: &Task<Self::Server>,
    ) -> Result<Option<ReadingOf<Self::Server>>>;
}

/// What a reading found, its snapshot, and a place that everything that this sees lies before.
pub(crate) type ReadingOf<S> = (
    <<S as Server>::Progress as Progress>::Found,
    <S as Server>::Snapshot,
    Place,
);

/// What a server streams over one connection.
pub(crate) trait Feed {
    /// The kind of server.
    type Server: Server;

    /// What comes before `wait` is over, put where it belongs.
    fn hear(&mut self, wait: Duration, into: Intake<'_, Self::Server>) -> Result<Heard>;

    /// Whether more has come already.
    fn has_more(&self) -> bool;

    /// Whether what comes happened a while ago, so that more will come at once.
    fn is_behind(&self) -> bool {
        false
    }

    /// Everything before `durable` is durable here; `must`: the server waits for a word.
    fn confirm(&mut self, durable: &Place, must: bool) -> Result<()>;

    /// Where the server's log ends, as far as it was heard.
    fn server_end(&self) -> Option<Place>;

    /// Bytes of its log that the server keeps for this stream; `None`: it does not say.
    fn held(&self) -> Option<u64> {
        None
    }
}

/// What was heard.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Something, which was put where it belongs.
    Something,
    /// Everything that was committed before this has come.
    Reached(Place),
    /// Nothing, for as long as was waited.
    Nothing,
    /// Other tables are to be captured: all is to begin again.
    Changed,
    /// Values came in a form that is not known: all is to begin again, with texts.
    AsText,
    /// Changes are lost: what is to be said of it.
    Lost(Error),
}

/// Where changes are put.
pub(crate) struct Intake<'a, S: Server> {
    pub(crate) assembly: &'a mut Assembly<S>,
    pub(super) touched: &'a mut Touched<S>,
    pub(super) tables: &'a [Captured<S>],
    pub(super) taken: &'a mut Taken,
    /// Changes that are not taken over.
    pub(crate) skipped: Operations,
}

impl<'a, S: Server> Intake<'a, S> {
    /// A table, how a change of it is written and where that comes from; and what looks into the topics.
    pub(crate) fn target<'t>(
        &'t mut self,
        table: TableIndex,
        form: &'t Form,
        origin: Origin,
    ) -> (Target<'t, S>, InTopics<'t, S>) {
        let captured = &self.tables[table];
        let target = Target {
            assembly: self.assembly,
            touched: self.touched,
            table,
            name: &captured.name,
            form,
            origin,
            lacks: false,
            is_read: !captured.backfill.done,
            skipped: self.skipped,
        };
        let before = InTopics {
            taken: self.taken,
            tables: self.tables,
        };
        (target, before)
    }

    /// A transaction begins, the first changes of which may have been taken over before.
    ///
    /// # Errors
    /// `Corrupt` if the first changes of another one were.
    pub(crate) fn begin(&mut self, transaction: Transaction<MarkOf<S>>) -> Result<()> {
        let part = self
            .taken
            .part()
            .filter(|_| !transaction.is_known && self.assembly.end().is_none());
        let taken_over = match part {
            Some(part) if part.commit != transaction.commit => {
                return Err(torn_off(&part.commit));
            }
            part => part.cloned(),
        };
        self.assembly.begin(transaction, taken_over)
    }

    /// Everything that was committed before this has come, and belongs to the next commit.
    pub(crate) fn reach(&mut self, place: Place) {
        self.assembly.reach(place);
    }

    /// Everything that was committed before this has come.
    ///
    /// # Errors
    /// `Corrupt` if the rest of a transaction should have been among it.
    pub(crate) fn expect_part(&self, reached: &Place) -> Result<()> {
        let part = self
            .taken
            .part()
            .filter(|_| self.assembly.is_whole() && self.assembly.end().is_none());
        match part {
            Some(part) if *reached != part.commit && reached.reaches(&part.commit) => {
                Err(torn_off(&part.commit))
            }
            _ => Ok(()),
        }
    }

    /// How what was read of a table is written, and what is in its topic already.
    pub(crate) fn stored_form(&self, table: TableIndex) -> &'a Form {
        &self.tables[table].form
    }

    /// Everything before this is durable or on its way.
    pub(crate) fn end(&self) -> &Place {
        self.taken.end()
    }

    /// Where the last transaction that was heard ends.
    pub(crate) fn last(&self) -> &Place {
        self.assembly.end().unwrap_or(self.taken.end())
    }

    /// A table has these columns; if they are others than when it was read, it is to be read anew.
    pub(crate) fn columns(&mut self, table: TableIndex, columns: Vec<(String, S::Type)>) {
        let is_changed = self.assembly.changed.contains_key(&table);
        // What became another one and was made the same again may have lost values between.
        if is_changed || columns != self.tables[table].backfill.columns {
            self.anew(table, columns);
        }
    }

    /// A table, which has these columns, is to be read anew.
    pub(crate) fn anew(&mut self, table: TableIndex, columns: Vec<(String, S::Type)>) {
        self.assembly.changed.insert(table, columns);
    }

    /// How far a table was read.
    pub(crate) fn progress(&self, table: TableIndex) -> &S::Progress {
        let extended = self.assembly.extended.get(&table);
        extended.unwrap_or(&self.tables[table].backfill.progress)
    }

    /// Of a table there is more to be read than was known: what was read of it stays so.
    pub(crate) fn read_also(&mut self, table: TableIndex, progress: S::Progress) {
        self.assembly.extended.insert(table, progress);
        // It is stored by the next commit, which there must be.
        self.assembly.reach(self.taken.end().clone());
    }

    /// The columns that a table had last.
    pub(crate) fn known_columns(&self, table: TableIndex) -> &[(String, S::Type)] {
        let changed = self.assembly.changed.get(&table);
        changed.unwrap_or(&self.tables[table].backfill.columns)
    }

    /// A table is another one than that which was read, or its rows are identified otherwise: the topic is to be emptied and the table
    /// to be read anew.
    pub(crate) fn replaced(&mut self, table: TableIndex) {
        self.assembly.replaced.insert(table);
    }

    /// Whether the topic of a table was emptied when the stream was about to begin, so that what will be read of it has all that had
    /// happened to it until then.
    pub(crate) fn is_fresh(&self, table: TableIndex) -> bool {
        self.tables[table].is_fresh
    }

    /// From now on a stream that begins anew is to begin here; `None`: at the end.
    pub(crate) fn resume_from(&mut self, place: Option<Place>) {
        self.assembly.resume = place;
    }

    /// The same once more.
    pub(crate) fn again(&mut self) -> Intake<'_, S> {
        Intake {
            assembly: self.assembly,
            touched: self.touched,
            tables: self.tables,
            taken: self.taken,
            skipped: self.skipped,
        }
    }
}

fn torn_off(commit: &Place) -> Error {
    let text = format!(
        "the first changes of the transaction that is committed at {commit} were taken over, but the others do not come"
    );
    Error::new(ErrorKind::Corrupt, text).with_hint("capture the tables anew, under another name")
}
