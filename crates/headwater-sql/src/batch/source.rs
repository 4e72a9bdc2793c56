//! Tables read through their connectors, up to where they end now: topics, files, generators with an end.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{filter_record_batch, take_record_batch};
use arrow::datatypes::{Field, Int64Type, Schema, SchemaRef};
use arrow::row::{OwnedRow, RowConverter, SortField};
use headwater_flow::connector::{Options, Poll, Registry, SourceRequest};
use headwater_flow::plan::{Changes, ColumnDef, ColumnKind, TableDef};
use headwater_log::{Clock, Log, TopicPartition};

use super::table::{Tables, project};
use crate::error::{Result, SqlError};

/// How much is read at a time.
const POLL_BYTES: usize = 4 << 20;

/// How often a consistent cut over all topics is tried while others write.
const CUT_TRIES: usize = 1_000;

/// The tables of a process, all read up to the same commit.
pub struct SourceTables {
    registry: Registry,
    log: Log,
    clock: Arc<dyn Clock>,
    ends: HashMap<String, Vec<u64>>,
    commit: u64,
}

impl SourceTables {
    /// The tables as they are now: topics end at one commit, whatever is written while the query runs.
    ///
    /// # Errors
    /// `Unavailable` if the log cannot be read.
    pub fn new(registry: Registry, log: Log, clock: Arc<dyn Clock>) -> Result<Self> {
        let (ends, commit) = cut(&log)?;
        Ok(Self {
            registry,
            log,
            clock,
            ends,
            commit,
        })
    }

    /// The number of the commit up to which topics are read.
    pub fn commit(&self) -> u64 {
        self.commit
    }

    fn request(&self, table: &TableDef, columns: &[&ColumnDef]) -> SourceRequest {
        let metadata = columns.iter().map(|c| match &c.kind {
            ColumnKind::Metadata { key, .. } => Some(key.clone()),
            _ => None,
        });
        SourceRequest {
            table: table.name.clone(),
            schema: schema_of(columns.iter().copied()),
            declared: schema_of(table.columns.iter().filter(is_physical)),
            metadata: metadata.collect(),
            primary_key: table.primary_key.clone(),
            options: self.bounded(table),
            log: self.log.clone(),
            clock: Arc::clone(&self.clock),
            registry: self.registry.clone(),
        }
    }

    /// The table's options such that its source ends at the present and waits for nothing.
    fn bounded(&self, table: &TableDef) -> Options {
        let mut options = table.options.clone();
        match table.connector.as_str() {
            "topic" => {
                let topic = options.get_or("topic", &table.name).to_owned();
                let ends = self.ends.get(&topic).map(Vec::as_slice).unwrap_or_default();
                let offsets: Vec<String> = ends
                    .iter()
                    .enumerate()
                    .map(|(p, end)| format!("partition:{p},offset:{end}"))
                    .collect();
                options.set("scan.startup.mode", "earliest-offset");
                options.set("scan.bounded.mode", "specific-offsets");
                options.set("scan.bounded.specific-offsets", offsets.join(";"));
            }
            "nexmark" => options.set("next-event.rate", "0"),
            "datagen" => options.set("rows-per-second", "0"),
            _ => {}
        }
        options
    }
}

/// The ends of all partitions at one commit.
fn cut(log: &Log) -> Result<(HashMap<String, Vec<u64>>, u64)> {
    let mut ends = HashMap::new();
    for _ in 0..CUT_TRIES {
        let commit = log.last_commit();
        ends.clear();
        for topic in log.topics() {
            let mut partitions = Vec::new();
            for partition in 0..topic.config.partitions {
                let of = TopicPartition::new(topic.name.clone(), partition);
                partitions.push(log.bounds(&of)?.end.0);
            }
            ends.insert(topic.name, partitions);
        }
        if log.last_commit() == commit {
            return Ok((ends, commit.0));
        }
    }
    Err(SqlError::new(
        crate::error::SqlErrorKind::Unavailable,
        "the log is written too fast to find a moment between two commits",
    )
    .with_hint("run the query again"))
}

fn is_physical(column: &&ColumnDef) -> bool {
    column.kind.is_physical()
}

fn schema_of<'a>(columns: impl Iterator<Item = &'a ColumnDef>) -> SchemaRef {
    let fields = columns.map(|c| Field::new(&c.name, c.data_type.clone(), c.nullable));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

impl Tables for SourceTables {
    fn rows(&self, table: &TableDef, schema: &SchemaRef) -> Result<Vec<RecordBatch>> {
        refuse_endless(table, &self.registry)?;
        let keyed = table.changes == Changes::Upsert && !table.primary_key.is_empty();
        let columns: Vec<&ColumnDef> = table
            .columns
            .iter()
            .filter(|c| !matches!(c.kind, ColumnKind::Computed(_)))
            .filter(|c| {
                let is_count = matches!(c.kind, ColumnKind::Count);
                let is_key = is_count || keyed && table.primary_key.contains(&c.name);
                // What a weighted row stands for is the whole row.
                let whole = table.changes == Changes::Weighted;
                whole || is_key || schema.field_with_name(&c.name).is_ok()
            })
            .collect();
        let changes = self.read(table, &columns)?;
        let rows = match table.changes {
            Changes::Append => changes.into_iter().map(|c| c.rows).collect(),
            Changes::Upsert if table.is_counted() => {
                let rows = newest(&changes, &table.primary_key)?;
                rows.iter().map(repeated).collect::<Result<_>>()?
            }
            Changes::Upsert if keyed => newest(&changes, &table.primary_key)?,
            Changes::Upsert | Changes::Weighted => summed(&changes)?,
        };
        rows.iter().map(|b| project(b, schema)).collect()
    }
}

/// Rows with the weights that their format gave them.
struct Change {
    rows: RecordBatch,
    weights: Option<Int64Array>,
}

impl Change {
    fn weight(&self, row: usize) -> i64 {
        self.weights.as_ref().map_or(1, |w| w.value(row))
    }
}

/// Generators may go on for ever; everything else ends where it is now.
fn refuse_endless(table: &TableDef, registry: &Registry) -> Result<()> {
    let count = match table.connector.as_str() {
        "nexmark" => "events.num",
        "datagen" => "number-of-rows",
        _ => return Ok(()),
    };
    let connector = registry.connector(&table.connector)?;
    if connector.is_bounded(&table.options) {
        return Ok(());
    }
    let message = format!("table '{}' has no end, a query over it neither", table.name);
    Err(SqlError::unsupported(message).with_hint(format!(
        "give the table '{count}', or add EMIT CHANGES to the query"
    )))
}

impl SourceTables {
    fn read(&self, table: &TableDef, columns: &[&ColumnDef]) -> Result<Vec<Change>> {
        if table.connector == "topic" {
            let topic = table.options.get_or("topic", &table.name);
            if !self.ends.contains_key(topic) {
                return Ok(Vec::new());
            }
        }
        let connector = self.registry.connector(&table.connector)?;
        let mut source = connector.source(self.request(table, columns))?;
        let decoder = source.decoder();
        let mut changes = Vec::new();
        for (index, partition) in source.partitions()?.iter().enumerate() {
            let mut next = partition.start;
            while let Poll::Ready(chunk) = source.poll(index as u32, next, POLL_BYTES)? {
                next = chunk.range.to;
                let decoded = decoder.decode(&chunk)?;
                changes.push(Change {
                    rows: decoded.rows,
                    weights: decoded.weights,
                });
            }
        }
        Ok(changes)
    }
}

fn failed(error: arrow::error::ArrowError) -> SqlError {
    SqlError::invalid(error.to_string())
}

/// The newest row of each key; a negative weight deletes it.
fn newest(changes: &[Change], key: &[String]) -> Result<Vec<RecordBatch>> {
    let mut last: HashMap<OwnedRow, Option<(usize, usize)>> = HashMap::new();
    let mut converter: Option<RowConverter> = None;
    for (batch, change) in changes.iter().enumerate() {
        let columns = key.iter().filter_map(|k| change.rows.column_by_name(k));
        let columns: Vec<_> = columns.cloned().collect();
        let converter = converter_for(&mut converter, &columns)?;
        let rows = converter.convert_columns(&columns).map_err(failed)?;
        for (row, key) in rows.iter().enumerate() {
            let kept = (change.weight(row) > 0).then_some((batch, row));
            last.insert(key.owned(), kept);
        }
    }
    let mut kept: BTreeMap<usize, HashSet<usize>> = BTreeMap::new();
    for (batch, row) in last.into_values().flatten() {
        kept.entry(batch).or_default().insert(row);
    }
    kept.into_iter()
        .map(|(batch, rows)| {
            let batch = &changes[batch].rows;
            let mask: BooleanArray = (0..batch.num_rows())
                .map(|r| Some(rows.contains(&r)))
                .collect();
            filter_record_batch(batch, &mask).map_err(failed)
        })
        .collect()
}

/// Rows whose last column says how often they are there, as often as that.
fn repeated(rows: &RecordBatch) -> Result<RecordBatch> {
    let last = rows.num_columns().saturating_sub(1);
    let counts = rows.column(last).as_primitive_opt::<Int64Type>();
    let counts = counts.ok_or_else(|| SqlError::invalid("rows without a count"))?;
    let picks = counts.iter().enumerate().flat_map(|(row, count)| {
        let times = count.unwrap_or(1).max(0) as usize;
        std::iter::repeat_n(row as u32, times)
    });
    take_record_batch(rows, &UInt32Array::from_iter_values(picks)).map_err(failed)
}

fn converter_for<'a>(
    slot: &'a mut Option<RowConverter>,
    columns: &[arrow::array::ArrayRef],
) -> Result<&'a RowConverter> {
    if slot.is_none() {
        let fields = columns
            .iter()
            .map(|c| SortField::new(c.data_type().clone()));
        *slot = Some(RowConverter::new(fields.collect()).map_err(failed)?);
    }
    slot.as_ref()
        .ok_or_else(|| SqlError::invalid("a keyed table has no key"))
}

/// The rows whose weights add up to more than nothing, as often as that.
fn summed(changes: &[Change]) -> Result<Vec<RecordBatch>> {
    let mut totals: HashMap<OwnedRow, i64> = HashMap::new();
    let mut order: Vec<OwnedRow> = Vec::new();
    let mut converter: Option<RowConverter> = None;
    let Some(schema) = changes.first().map(|c| c.rows.schema()) else {
        return Ok(Vec::new());
    };
    for change in changes {
        let converter = converter_for(&mut converter, change.rows.columns())?;
        let rows = converter
            .convert_columns(change.rows.columns())
            .map_err(failed)?;
        for (row, bytes) in rows.iter().enumerate() {
            let bytes = bytes.owned();
            let total = totals.entry(bytes.clone()).or_insert_with(|| {
                order.push(bytes);
                0
            });
            *total += change.weight(row);
        }
    }
    let kept = order.iter().flat_map(|row| {
        let count = totals.get(row).copied().unwrap_or(0).max(0);
        std::iter::repeat_n(row.row(), count as usize)
    });
    let Some(converter) = converter else {
        return Ok(Vec::new());
    };
    let columns = converter.convert_rows(kept).map_err(failed)?;
    let batch = RecordBatch::try_new(schema, columns).map_err(failed)?;
    Ok(vec![batch])
}
