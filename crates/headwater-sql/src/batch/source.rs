//! Tables read through their connectors, up to where they end now: topics, files, generators with an end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{filter_record_batch, take_record_batch};
use arrow::datatypes::{Field, Int64Type, Schema, SchemaRef};
use arrow::row::{OwnedRow, RowConverter, SortField};
use headwater_flow::connector::{Options, Poll, Registry, SourceRequest, WAITS, is_changelog};
use headwater_flow::plan::{Changes, ColumnDef, ColumnKind, TableDef};
use headwater_log::{Clock, Log, ReadCut, TopicPartition};

use super::past::{Past, Stops};
use super::rejected::{Rejected, RejectedOfTable};
use super::table::{Tables, project};
use crate::error::{Result, SqlError};

/// How much is read at a time.
const POLL_BYTES: usize = 4 << 20;

/// The tables of a process, all read up to the same commit.
pub struct SourceTables {
    registry: Registry,
    log: Log,
    clock: Arc<dyn Clock>,
    cut: ReadCut,
    /// Materialised views.
    views: HashSet<String>,
    rejected: Rejected,
}

impl SourceTables {
    /// The tables as they are now: topics end at one commit, whatever is written while the query runs.
    ///
    /// # Errors
    /// `Unavailable` if the log cannot be read.
    pub fn new(registry: Registry, log: Log, clock: Arc<dyn Clock>) -> Result<Self> {
        Ok(Self {
            cut: log.cut()?,
            registry,
            log,
            clock,
            views: HashSet::new(),
            rejected: Rejected::default(),
        })
    }

    /// Says which tables are materialised views: nobody else writes their records, so that a key is always written alike
    /// and can be looked for.
    #[must_use]
    pub fn with_views(mut self, views: impl IntoIterator<Item = String>) -> Self {
        self.views.extend(views);
        self
    }

    /// The number of the commit up to which topics are read.
    pub fn commit(&self) -> u64 {
        self.cut.commit().0
    }

    /// What the queries so far have met that did not decode: a sentence for each table.
    pub fn rejected(&self) -> Vec<String> {
        self.rejected.sentences()
    }

    fn request(&self, table: &TableDef, columns: &[&ColumnDef]) -> Result<SourceRequest> {
        let metadata = columns.iter().map(|c| match &c.kind {
            ColumnKind::Metadata { key, .. } => Some(key.clone()),
            _ => None,
        });
        Ok(SourceRequest {
            table: table.name.clone(),
            schema: schema_of(columns.iter().copied()),
            declared: schema_of(table.columns.iter().filter(is_physical)),
            metadata: metadata.collect(),
            primary_key: table.primary_key.clone(),
            keys: None,
            options: self.bounded(table)?,
            is_recorded: false,
            log: self.log.clone(),
            clock: Arc::clone(&self.clock),
            registry: self.registry.clone(),
        })
    }

    /// The table's options such that its source ends at the present and waits for nothing. Where a stream would start is
    /// heeded if it is a place; its end, which most streams start at, is none: a batch is over what is there.
    ///
    /// # Errors
    /// `Unsupported` if the source has no end; `Invalid` for wrong options; `Unavailable`.
    pub fn bounded(&self, table: &TableDef) -> Result<Options> {
        refuse_endless(table, &self.registry)?;
        let mut options = table.options.clone();
        match table.connector.as_str() {
            "topic" => self.bound_topic(table, &mut options)?,
            "nexmark" => options.set("next-event.rate", "0"),
            "datagen" => options.set("rows-per-second", "0"),
            // What the database has now is waited for.
            connector if connector.ends_with("-cdc") => {
                options.set("scan.bounded.mode", "latest-offset");
                options.set(WAITS, "true");
            }
            _ => {}
        }
        Ok(options)
    }

    fn bound_topic(&self, table: &TableDef, options: &mut Options) -> Result<()> {
        if ["latest-offset", "group-offsets"].contains(&options.get_or("scan.startup.mode", "")) {
            options.set("scan.startup.mode", "earliest-offset");
        }
        let stops = Stops::of(table, &self.log)?;
        if stops == Stops::Offsets {
            return Ok(());
        }
        let topic = options.get_or("topic", &table.name).to_owned();
        let of = |partition| TopicPartition::new(topic.clone(), partition);
        let ends = (0..).map_while(|p| Some((p, self.cut.bounds(&of(p))?.end.0)));
        let mut offsets = Vec::new();
        for (partition, end) in ends {
            let end = stops.end(&self.log, &of(partition), end)?;
            offsets.push(format!("partition:{partition},offset:{end}"));
        }
        options.set("scan.bounded.mode", "specific-offsets");
        options.set("scan.bounded.specific-offsets", offsets.join(";"));
        Ok(())
    }
}

fn is_physical(column: &&ColumnDef) -> bool {
    column.kind.is_physical()
}

fn schema_of<'a>(columns: impl Iterator<Item = &'a ColumnDef>) -> SchemaRef {
    let fields = columns.map(|c| Field::new(&c.name, c.data_type.clone(), c.nullable));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

impl Tables for SourceTables {
    fn rows(
        &self,
        table: &TableDef,
        schema: &SchemaRef,
        keys: Option<&RecordBatch>,
    ) -> Result<Vec<RecordBatch>> {
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
        let keys = keys.filter(|_| self.views.contains(&table.name));
        let changes = self.changes(table, &columns, keys)?;
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
    /// The changes that make up the table; of a keyed topic without those that were superseded.
    fn changes(
        &self,
        table: &TableDef,
        columns: &[&ColumnDef],
        keys: Option<&RecordBatch>,
    ) -> Result<Vec<Change>> {
        let mut request = self.request(table, columns)?;
        // What is newest now may not have been there at the time that a query is about.
        let in_the_past = Stops::of(table, &self.log)? != Stops::Now;
        // An event may be about another row than the one that it is filed under: a changed key.
        let is_of_newest = table.changes == Changes::Upsert
            && table.connector == "topic"
            && !in_the_past
            && !is_changelog(&table.options);
        let whole = request.clone();
        if is_of_newest {
            request.options.set("scan.newest", "true");
            request.keys = keys.cloned();
        }
        let (mut changes, mut rejected) = self.read(table, request)?;
        // A record that does not decode replaces none.
        if is_of_newest && rejected.count > 0 {
            (changes, rejected) = self.read(table, whole)?;
        }
        self.rejected.note(table, rejected);
        Ok(changes)
    }

    /// What a source gives, and what did not decode.
    fn read(
        &self,
        table: &TableDef,
        request: SourceRequest,
    ) -> Result<(Vec<Change>, RejectedOfTable)> {
        let (mut changes, mut rejected) = (Vec::new(), RejectedOfTable::default());
        if table.connector == "topic" {
            let topic = table.options.get_or("topic", &table.name);
            if self.cut.bounds(&TopicPartition::new(topic, 0)).is_none() {
                return Ok((changes, rejected));
            }
        }
        let connector = self.registry.connector(&table.connector)?;
        let mut source = connector.source(request)?;
        let decoder = source.decoder();
        let past = Past::of(table, &self.log)?;
        for (index, partition) in source.partitions()?.iter().enumerate() {
            let mut next = partition.start;
            while let Poll::Ready(chunk) = source.poll(index as u32, next, POLL_BYTES)? {
                if let Some(past) = &past {
                    past.check(&chunk)?;
                }
                next = chunk.range.to;
                let decoded = decoder.decode(&chunk)?;
                rejected.take(table, &partition.name, &decoded.rejects)?;
                changes.push(Change {
                    rows: decoded.rows,
                    weights: decoded.weights,
                });
            }
        }
        Ok((changes, rejected))
    }
}

fn failed(error: arrow::error::ArrowError) -> SqlError {
    SqlError::invalid(error.to_string())
}

/// The newest row of each key; a negative weight deletes it.
fn newest(changes: &[Change], key: &[String]) -> Result<Vec<RecordBatch>> {
    let mut converter: Option<RowConverter> = None;
    let mut keys = Vec::with_capacity(changes.len());
    for change in changes {
        let columns = key.iter().filter_map(|k| change.rows.column_by_name(k));
        let columns: Vec<_> = columns.cloned().collect();
        let converter = converter_for(&mut converter, &columns)?;
        keys.push(converter.convert_columns(&columns).map_err(failed)?);
    }
    let rows = changes.iter().map(|c| c.rows.num_rows()).sum();
    let mut last: HashMap<&[u8], (usize, usize)> = HashMap::with_capacity(rows);
    for (batch, keys) in keys.iter().enumerate() {
        for (row, key) in keys.iter().enumerate() {
            last.insert(key.data(), (batch, row));
        }
    }
    let lengths = changes.iter().map(|c| c.rows.num_rows());
    let mut kept: Vec<Vec<bool>> = lengths.map(|n| vec![false; n]).collect();
    for (batch, row) in last.into_values() {
        kept[batch][row] = changes[batch].weight(row) > 0;
    }
    let pairs = changes.iter().zip(kept);
    let filtered =
        pairs.map(|(change, kept)| filter_record_batch(&change.rows, &BooleanArray::from(kept)));
    filtered.collect::<Result<_, _>>().map_err(failed)
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
