//! Streams of changes: `SELECT … EMIT CHANGES`. A pipeline of its own that commits nothing; what it gives goes to
//! whoever reads, who holds it back by not reading.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use headwater_flow::connector::Sink;
use headwater_flow::driver::{Control, Ending, Pipeline, Status};
use headwater_flow::plan::{Lowered, OutputInfo};
use headwater_flow::{Changelog, RowKind, ZBatch};
use headwater_sql::PlannedQuery;

use super::Headwater;
use super::start::{Keeps, Run, output_plan_of_query};
use crate::error::{Error, ErrorKind, Result};

/// Epochs that wait to be read before the pipeline waits.
const EPOCHS_WAITING_MAX: usize = 16;

/// The changes that a query gives: batches of rows, the first column of which says what happened to a row: `+I` it is
/// new, `-U` it was what the `+U` after it is now, `-D` it is gone. Ends when all inputs of the query have ended; dropped, it
/// stops the query.
///
/// ```
/// use headwater::{Answer, Headwater};
///
/// let hw = Headwater::memory()?;
/// hw.sql("CREATE TABLE n (i INT) WITH ('connector' = 'datagen', 'number-of-rows' = '3')")?;
/// let mut answers = hw.sql("SELECT COUNT(*) AS n FROM n EMIT CHANGES")?;
/// let Some(Answer::Changes(changes)) = answers.pop() else {
///     panic!("a query with EMIT is a stream");
/// };
/// for batch in changes {
///     println!("{} changes", batch?.num_rows());
/// }
/// # Ok::<(), headwater::Error>(())
/// ```
pub struct Changes {
    schema: SchemaRef,
    control: Control,
    rows: Option<Receiver<RecordBatch>>,
    thread: Option<JoinHandle<Result<Ending>>>,
}

/// What came of waiting for changes.
#[derive(Debug)]
pub enum Waited {
    /// Changes.
    Rows(RecordBatch),
    /// Nothing in this time.
    Nothing,
    /// The end: all inputs have ended, or the stream was stopped.
    End,
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}

impl Changes {
    /// The columns, the kind of the change first.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The figures of the query so far.
    pub fn status(&self) -> Status {
        self.control.status()
    }

    /// Asks the query to end; what it has given until then can still be read.
    pub fn stop(&self) {
        self.control.stop();
    }

    /// Waits for the next changes, at most so long.
    ///
    /// # Errors
    /// What the query failed with, once.
    pub fn wait(&mut self, timeout: Duration) -> Result<Waited> {
        let Some(rows) = &self.rows else {
            return Ok(Waited::End);
        };
        match rows.recv_timeout(timeout) {
            Ok(batch) => Ok(Waited::Rows(batch)),
            Err(RecvTimeoutError::Timeout) => Ok(Waited::Nothing),
            Err(RecvTimeoutError::Disconnected) => self.end().map(|()| Waited::End),
        }
    }

    /// The pipeline has ended: how.
    fn end(&mut self) -> Result<()> {
        self.rows = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Ok(_))) | None => Ok(()),
            Some(Ok(Err(error))) => Err(error),
            Some(Err(_)) => Err(Error::new(ErrorKind::Bug, "a query panicked")),
        }
    }
}

impl Iterator for Changes {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.rows.as_ref()?.recv() {
            Ok(batch) => Some(Ok(batch)),
            Err(_) => self.end().err().map(Err),
        }
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.control.stop();
        // A pipeline that waits for room is told that nobody reads.
        self.rows = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Headwater {
    /// Starts a query whose changes are read.
    pub(super) fn stream(&self, query: &PlannedQuery, text: &str) -> Result<Changes> {
        let plan = output_plan_of_query(query);
        let shards = self.new_shards();
        let lowered = self
            .lower(std::slice::from_ref(&plan), shards)
            .and_then(|lowered| {
                query.check_emission(lowered.outputs[0].updating.as_deref())?;
                Ok(lowered)
            })
            .map_err(|e| Error::sql(&query.place.locate(e), text))?;
        self.changes_of(lowered, shards)
    }

    fn changes_of(&self, lowered: Lowered, shards: usize) -> Result<Changes> {
        let info = &lowered.outputs[0];
        let (sender, receiver) = sync_channel(EPOCHS_WAITING_MAX);
        let schema = change_schema(&info.schema);
        let sink = ChangeSink {
            changelog: changelog(info),
            schema: Arc::clone(&schema),
            sender,
            waiting: Vec::new(),
        };
        let run = Run {
            name: "query".to_owned(),
            lowered,
            sinks: vec![Box::new(sink)],
            shards,
            keeps: Keeps::Nothing,
        };
        let control = Control::default();
        let mut pipeline = self.open_pipeline(run, &control)?;
        let thread = std::thread::Builder::new()
            .name("query".to_owned())
            .spawn(move || Ok(Pipeline::run(&mut pipeline)?))
            .map_err(|e| {
                Error::new(
                    ErrorKind::Unavailable,
                    format!("no thread for a query: {e}"),
                )
            })?;
        Ok(Changes {
            schema,
            control,
            rows: Some(receiver),
            thread: Some(thread),
        })
    }
}

fn changelog(info: &OutputInfo) -> Changelog {
    let key = info.updating.as_ref().and(info.key.clone());
    Changelog::new(Arc::clone(&info.schema), key)
}

/// The columns of a query with the kind of the change before them.
fn change_schema(columns: &SchemaRef) -> SchemaRef {
    let mut name = "op".to_owned();
    while columns.field_with_name(&name).is_ok() {
        name.insert(0, '_');
    }
    let op = Arc::new(Field::new(name, DataType::Utf8, false));
    let fields = std::iter::once(op).chain(columns.fields().iter().cloned());
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Hands the changes of durable epochs to whoever reads.
struct ChangeSink {
    changelog: Changelog,
    schema: SchemaRef,
    sender: SyncSender<RecordBatch>,
    /// The changes of epochs that are not durable yet.
    waiting: Vec<RecordBatch>,
}

impl Sink for ChangeSink {
    fn write(
        &mut self,
        _epoch: u64,
        rows: &[ZBatch],
        _commit: &mut headwater_log::Commit,
    ) -> headwater_flow::Result<()> {
        let (kinds, rows) = self.changelog.changes(rows)?;
        if !kinds.is_empty() {
            let kinds = kinds.into_iter().map(RowKind::as_str);
            let op: ArrayRef = Arc::new(StringArray::from_iter_values(kinds));
            let columns = std::iter::once(op).chain(rows.columns().iter().cloned());
            let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns.collect())?;
            self.waiting.push(batch);
        }
        Ok(())
    }

    fn committed(&mut self, _epoch: u64) -> headwater_flow::Result<()> {
        for batch in self.waiting.drain(..) {
            self.sender.send(batch).map_err(|_| {
                headwater_flow::Error::new(
                    headwater_flow::ErrorKind::Closed,
                    "nobody reads the changes any more",
                )
            })?;
        }
        Ok(())
    }

    fn recover(&mut self, _epoch: u64) -> headwater_flow::Result<()> {
        Ok(())
    }

    fn close(&mut self) -> headwater_flow::Result<()> {
        Ok(())
    }
}
