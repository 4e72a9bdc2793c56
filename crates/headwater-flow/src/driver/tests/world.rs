//! What the tests share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use bytes::Bytes;
use datafusion_expr::{LogicalPlan, LogicalPlanBuilder, col};
use datafusion_functions_aggregate::expr_fn::count;
use headwater_log::{Clock, Commit, Log, ManualClock, Timestamp};

use crate::batch::ZBatch;
use crate::connector::{
    Chunk, Decoded, Decoder, Offsets, Options, OriginalRecord, Partition, Payload, Poll, Range,
    Reject, Sink, Source, Waker,
};
use crate::driver::{Action, Control, Limits, Pipeline, PipelineSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::{
    Changes, ColumnDef, ColumnKind, Emit, OutputPlan, PlanOptions, StreamTable, TableDef, lower,
};

/// A table of lines `k v`, numbers both.
#[derive(Clone, Default)]
pub(super) struct Lines {
    pub(super) lines: Arc<Mutex<Vec<String>>>,
    /// It cannot be read.
    pub(super) is_away: Arc<AtomicBool>,
    /// A pipeline that begins reads what comes from then on.
    pub(super) from_latest: bool,
}

impl Lines {
    pub(super) fn add(&self, lines: impl IntoIterator<Item = String>) {
        self.lines.lock().unwrap().extend(lines);
    }

    fn end(&self) -> u64 {
        self.lines.lock().unwrap().len() as u64
    }

    fn chunk(&self, range: &Range) -> Chunk {
        let lines = self.lines.lock().unwrap();
        let text = lines[range.from as usize..range.to as usize].join("\n");
        Chunk {
            range: range.clone(),
            payload: Payload::Bytes(Bytes::from(text)),
        }
    }
}

struct LineSource {
    of: Lines,
    decoder: Arc<LineDecoder>,
}

struct LineDecoder(SchemaRef);

fn text(chunk: &Chunk) -> &str {
    match &chunk.payload {
        Payload::Bytes(bytes) => std::str::from_utf8(bytes).unwrap(),
        _ => panic!("lines are bytes"),
    }
}

impl Source for LineSource {
    fn partitions(&mut self) -> Result<Vec<Partition>> {
        let start = if self.of.from_latest {
            self.of.end()
        } else {
            0
        };
        let name = "lines".to_owned();
        Ok(vec![Partition { name, start }])
    }

    fn poll(&mut self, partition: u32, from: u64, max_bytes: usize) -> Result<Poll> {
        if self.of.is_away.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "the lines are away"));
        }
        let to = self.of.end().min(from + max_bytes as u64);
        Ok(match to > from {
            true => Poll::Ready(self.of.chunk(&Range {
                partition,
                from,
                to,
                digest: None,
            })),
            false => Poll::Pending { retry_after: None },
        })
    }

    fn reread(&mut self, range: &Range) -> Result<Chunk> {
        Ok(self.of.chunk(range))
    }

    fn decoder(&self) -> Arc<dyn Decoder> {
        Arc::clone(&self.decoder) as Arc<dyn Decoder>
    }

    fn watch(&mut self, _waker: Waker) {}
}

impl Decoder for LineDecoder {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0)
    }

    /// A line whose asked-for columns are no numbers is rejected; the others may be what they want.
    fn decode(&self, chunk: &Chunk) -> Result<Decoded> {
        let (mut rows, mut offsets, mut rejects) = (Vec::new(), Vec::new(), Vec::new());
        for (offset, line) in (chunk.range.from..).zip(text(chunk).lines()) {
            let mut words = line.split(' ');
            let pair = [words.next(), words.next()];
            let wanted = self.0.fields().iter().map(|f| match f.name().as_str() {
                "k" => pair[0],
                _ => pair[1],
            });
            let numbers: Option<Vec<i64>> = wanted.map(|w| w?.parse().ok()).collect();
            match numbers {
                Some(numbers) => {
                    rows.push(numbers);
                    offsets.push(offset);
                }
                None => rejects.push(Reject {
                    offset,
                    reason: "no numbers".to_owned(),
                }),
            }
        }
        let column =
            |i: usize| -> ArrayRef { Arc::new(rows.iter().map(|r| r[i]).collect::<Int64Array>()) };
        let columns = (0..self.0.fields().len()).map(column).collect();
        Ok(Decoded {
            rows: RecordBatch::try_new(Arc::clone(&self.0), columns)?,
            weights: None,
            offsets: Offsets::Each(UInt64Array::from(offsets)),
            rejects,
        })
    }

    fn original(&self, chunk: &Chunk, offset: u64) -> Option<OriginalRecord> {
        let line = text(chunk)
            .lines()
            .nth((offset - chunk.range.from) as usize)?;
        Some(OriginalRecord {
            value: Some(Bytes::copy_from_slice(line.as_bytes())),
            ..OriginalRecord::default()
        })
    }
}

/// What a pipeline has delivered: the first column of its rows, with weights.
#[derive(Clone, Default)]
pub(super) struct Collected {
    pub(super) rows: Arc<Mutex<Vec<(i64, i64)>>>,
    /// So many deliveries fail.
    pub(super) failures: Arc<Mutex<usize>>,
    /// The rows of this epoch are not taken.
    pub(super) refused: Arc<AtomicU64>,
}

struct CollectSink {
    into: Collected,
    pending: Vec<(u64, Vec<(i64, i64)>)>,
}

impl Sink for CollectSink {
    fn write(&mut self, epoch: u64, rows: &[ZBatch], _commit: &mut Commit) -> Result<()> {
        if epoch == self.into.refused.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "the sink is full"));
        }
        let mut all = Vec::new();
        for batch in rows {
            let column = batch.rows().column(0).as_primitive::<Int64Type>();
            all.extend((0..batch.num_rows()).map(|i| (column.value(i), batch.weight(i))));
        }
        self.pending.push((epoch, all));
        Ok(())
    }

    fn committed(&mut self, epoch: u64) -> Result<()> {
        let mut failures = self.into.failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return Err(Error::new(ErrorKind::Unavailable, "the sink is away"));
        }
        let later = self.pending.split_off(
            self.pending
                .iter()
                .take_while(|(of, _)| *of <= epoch)
                .count(),
        );
        for (_, rows) in std::mem::replace(&mut self.pending, later) {
            self.into.rows.lock().unwrap().extend(rows);
        }
        Ok(())
    }

    fn recover(&mut self, _epoch: u64) -> Result<()> {
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A log in memory, and what pipelines over it are made with.
pub(super) struct World {
    pub(super) log: Log,
    pub(super) clock: Arc<ManualClock>,
    pub(super) lines: Lines,
    pub(super) limits: Limits,
    pub(super) snapshot_interval_ms: i64,
}

impl World {
    pub(super) fn new(lines: Lines) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp(1_000)));
        let log = Log::memory(Arc::clone(&clock) as Arc<dyn Clock>);
        Self::over(log, clock, lines)
    }

    /// The same over another log.
    pub(super) fn over(log: Log, clock: Arc<ManualClock>, lines: Lines) -> Self {
        Self {
            log,
            clock,
            lines,
            limits: Limits::default(),
            snapshot_interval_ms: i64::MAX / 2,
        }
    }

    /// A pipeline that selects columns of the lines.
    pub(super) fn select(&self, name: &str, columns: &[&str], into: &Collected) -> Pipeline {
        let plan = scan().project(columns.iter().map(|c| col(*c))).unwrap();
        self.open(name, plan.build().unwrap(), into, Control::default())
            .unwrap()
    }

    /// A pipeline that counts the lines by their first column.
    pub(super) fn count(
        &self,
        name: &str,
        into: &Collected,
        control: &Control,
    ) -> Result<Pipeline> {
        let plan = scan().aggregate([col("k")], [count(col("k"))]).unwrap();
        self.open(name, plan.build().unwrap(), into, control.clone())
    }

    fn open(
        &self,
        name: &str,
        plan: LogicalPlan,
        into: &Collected,
        control: Control,
    ) -> Result<Pipeline> {
        let output = OutputPlan {
            name: format!("{name}-out"),
            plan,
            emit: Emit::Changes,
            view: false,
            has_key: false,
            required: Vec::new(),
            fails: true,
        };
        let options = PlanOptions {
            shards: 2,
            pool: None,
        };
        let lowered = lower(&[output], &options)?;
        let decoder = Arc::new(LineDecoder(Arc::clone(&lowered.inputs[0].schema)));
        let source = LineSource {
            of: self.lines.clone(),
            decoder,
        };
        let sink = CollectSink {
            into: into.clone(),
            pending: Vec::new(),
        };
        let spec = PipelineSpec {
            name: name.to_owned(),
            log: self.log.clone(),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            lowered,
            sources: vec![Box::new(source)],
            sinks: vec![Box::new(sink)],
            shards: 2,
            pool: None,
            limits: self.limits,
            durable: true,
            keeps_late: true,
            snapshot_interval_ms: self.snapshot_interval_ms,
            background: false,
        };
        Pipeline::open(spec, control)
    }
}

fn scan() -> LogicalPlanBuilder {
    let column = |name: &str| ColumnDef {
        name: name.to_owned(),
        data_type: DataType::Int64,
        nullable: true,
        kind: ColumnKind::Physical,
    };
    let def = TableDef {
        name: "lines".to_owned(),
        columns: vec![column("k"), column("v")],
        watermark: None,
        primary_key: Vec::new(),
        changes: Changes::Append,
        connector: "test".to_owned(),
        options: Options::default(),
    };
    let source = Arc::new(StreamTable::new(Arc::new(def)));
    LogicalPlanBuilder::scan("lines", source, None).unwrap()
}

/// Turns until there is nothing to do.
pub(super) fn work(pipeline: &mut Pipeline) -> Result<()> {
    pipeline.wake();
    while !matches!(pipeline.turn()?, Action::Wait(_) | Action::End(_)) {}
    Ok(())
}
