//! A topic as a sink: the rows of an epoch become records of the epoch's commit.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute;
use arrow::datatypes::{DataType, SchemaRef, TimeUnit, TimestampMillisecondType};
use bytes::Bytes;
use headwater_flow::connector::{
    Format, FormatRequest, Options, Sink, SinkRequest, SourceRequest, ValueEncoder, is_changelog,
};
use headwater_flow::{Error, ErrorKind, Result, ZBatch};
use headwater_log::{Append, Commit, Header, Record, Timestamp, TopicPartition, partition_of};

use super::config::Layout;
use super::upsert::KeyChanges;
use crate::netted::netted;

/// Which partition a record without a key goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keyless {
    /// One partition an epoch, in turn: few large batches.
    Sticky,
    /// One partition a record, in turn.
    RoundRobin,
    /// Always the first.
    Fixed,
}

/// Writes to a topic.
pub(super) struct TopicSink {
    table: String,
    topic: String,
    partitions: u32,
    keyless: Keyless,
    values: Part,
    keys: Option<Part>,
    is_keyed: bool,
    /// Whether records say that rows go, too.
    is_changelog: bool,
    /// Column of the record's timestamp.
    timestamp: Option<usize>,
    /// Column of the record's headers.
    headers: Option<usize>,
}

/// An encoder and the columns that it takes.
struct Part {
    columns: Vec<usize>,
    encoder: Arc<dyn ValueEncoder>,
    schema: SchemaRef,
}

impl Part {
    /// Of values.
    fn new(
        format: &Arc<dyn Format>,
        options: &Options,
        columns: Vec<usize>,
        schema: SchemaRef,
    ) -> Result<Self> {
        let encoder = format.encoder(&request(options, &schema))?;
        Ok(Self {
            columns,
            encoder,
            schema,
        })
    }

    fn of_keys(
        format: &Arc<dyn Format>,
        options: &Options,
        columns: Vec<usize>,
        schema: SchemaRef,
    ) -> Result<Self> {
        let encoder = format.key_encoder(&request(options, &schema))?;
        Ok(Self {
            columns,
            encoder,
            schema,
        })
    }

    fn encode(&self, rows: &ZBatch) -> Result<Vec<Bytes>> {
        let columns = self
            .columns
            .iter()
            .map(|c| Arc::clone(rows.rows().column(*c)));
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let part = RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            columns.collect(),
            &options,
        )?;
        let (mut out, mut ends) = (Vec::new(), Vec::new());
        self.encoder
            .encode(&rows.with_rows(part)?, &mut out, &mut ends)?;
        let out = Bytes::from(out);
        let mut start = 0;
        let cut = |end: usize| {
            let value = out.slice(start..end);
            start = end;
            value
        };
        Ok(ends.into_iter().map(cut).collect())
    }
}

fn request(options: &Options, schema: &SchemaRef) -> FormatRequest {
    FormatRequest {
        schema: Arc::clone(schema),
        metadata: Vec::new(),
        is_keyed: false,
        declared: Arc::clone(schema),
        options: options.clone(),
    }
}

impl TopicSink {
    /// A sink into `topic`.
    ///
    /// # Errors
    /// `NotFound` for an unknown topic or format, `Invalid` for wrong options.
    pub(super) fn new(request: &SinkRequest, topic: &str) -> Result<Self> {
        let layout = Layout::new(&request.options, &request.primary_key)?;
        let description = request.log.topic(topic).ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("topic '{topic}' does not exist"),
            )
        })?;
        let columns = |wanted: &dyn Fn(&str) -> bool| -> Vec<usize> {
            let fields = request.schema.fields().iter().enumerate();
            let fields = fields.filter(|(i, f)| request.metadata[*i].is_none() && wanted(f.name()));
            fields.map(|(i, _)| i).collect()
        };
        let values = columns(&|name| layout.value_has_key || !layout.is_key(name));
        let keys = layout.key_fields.iter().map(|name| {
            request.schema.index_of(name).map_err(|_| {
                let text = format!("key column '{name}' is not in table '{}'", request.table);
                Error::new(ErrorKind::Invalid, text)
            })
        });
        let keys = keys.collect::<Result<Vec<usize>>>()?;
        let value_schema = Arc::new(request.schema.project(&values)?);
        let keyed = !keys.is_empty();
        let format = |name: &str| request.registry.format(name);
        Ok(Self {
            table: request.table.clone(),
            topic: topic.to_owned(),
            partitions: description.config.partitions.max(1),
            keyless: keyless(request)?,
            values: Part::new(
                format(&layout.value_format)?,
                &request.options,
                values,
                value_schema,
            )?,
            keys: keyed
                .then(|| {
                    let schema = layout.key_schema(&request.schema);
                    Part::of_keys(format(&layout.key_format)?, &request.options, keys, schema)
                })
                .transpose()?,
            is_keyed: !request.primary_key.is_empty(),
            is_changelog: is_changelog(&request.options),
            timestamp: metadata(request, "timestamp")?,
            headers: metadata(request, "headers")?,
        })
    }

    fn write_rows(&self, epoch: u64, rows: &[ZBatch], out: &mut Outgoing) -> Result<()> {
        let mut row_number = 0;
        for batch in rows {
            let values = self.values.encode(batch)?;
            let keys = self.keys.as_ref().map(|k| k.encode(batch)).transpose()?;
            for (row, value) in values.into_iter().enumerate() {
                let weight = batch.weight(row);
                if weight < 0 && !self.is_changelog {
                    return Err(self.retraction());
                }
                let key = keys.as_ref().map(|k| k[row].clone());
                for _ in 0..weight.unsigned_abs() {
                    let partition = self.partition(epoch, row_number, key.as_deref());
                    row_number += 1;
                    let record = self.record(batch, row, key.clone(), Some(value.clone()))?;
                    out.push(partition, record);
                }
            }
        }
        Ok(())
    }

    /// What became of rows in net, those that went first. Records with the same row are in the same partition.
    fn write_log(&self, epoch: u64, rows: &[ZBatch], out: &mut Outgoing) -> Result<()> {
        let identities = |same: &ZBatch| {
            let mut rows: Vec<Vec<u8>> = self
                .values
                .encode(same)?
                .iter()
                .map(|v| v.to_vec())
                .collect();
            if let Some(keys) = &self.keys {
                for (row, key) in rows.iter_mut().zip(keys.encode(same)?) {
                    row.extend_from_slice(&key);
                }
            }
            Ok(rows)
        };
        self.write_rows(epoch, &netted(rows, identities)?, out)
    }

    fn write_changes(&self, rows: &[ZBatch], out: &mut Outgoing) -> Result<()> {
        let Some(encoder) = &self.keys else {
            return Err(Error::new(ErrorKind::Bug, "a keyed table without a key"));
        };
        let mut changes = KeyChanges::default();
        for batch in rows {
            let keys = encoder.encode(batch)?;
            let values = self.values.encode(batch)?;
            for (row, (key, value)) in keys.into_iter().zip(values).enumerate() {
                changes.add(key, value, batch.weight(row));
            }
        }
        for (key, value) in changes.finish() {
            let partition = partition_of(&key, self.partitions);
            let record = Record {
                key: Some(key),
                value,
                ..Record::default()
            };
            out.push(partition, record);
        }
        Ok(())
    }

    fn partition(&self, epoch: u64, row: u64, key: Option<&[u8]>) -> u32 {
        let turn = match (key, self.keyless) {
            (Some(key), _) => return partition_of(key, self.partitions),
            (None, Keyless::Sticky) => epoch,
            (None, Keyless::RoundRobin) => row,
            (None, Keyless::Fixed) => 0,
        };
        (turn % u64::from(self.partitions)) as u32
    }

    fn record(
        &self,
        batch: &ZBatch,
        row: usize,
        key: Option<Bytes>,
        value: Option<Bytes>,
    ) -> Result<Record> {
        let timestamp = match self.timestamp {
            Some(column) => timestamp(batch.rows().column(column).as_ref(), row)?,
            None => None,
        };
        let headers = match self.headers {
            Some(column) => headers(batch.rows().column(column).as_ref(), row),
            None => Vec::new(),
        };
        Ok(Record {
            key,
            value,
            headers,
            timestamp,
        })
    }

    fn retraction(&self) -> Error {
        let text = format!(
            "the query changes rows that it has written, but table '{}' only takes new ones",
            self.table
        );
        Error::new(ErrorKind::Invalid, text).with_hint(
            "give the table a PRIMARY KEY (…) NOT ENFORCED, or aggregate over windows, which emit once",
        )
    }
}

fn keyless(request: &SinkRequest) -> Result<Keyless> {
    match request.options.get_or("sink.partitioner", "default") {
        "default" => Ok(Keyless::Sticky),
        "round-robin" => Ok(Keyless::RoundRobin),
        "fixed" => Ok(Keyless::Fixed),
        other => {
            let text = format!("option 'sink.partitioner' does not understand '{other}'");
            Err(Error::new(ErrorKind::Invalid, text)
                .with_hint("write default, round-robin or fixed"))
        }
    }
}

/// Keys, rows of the primary-key columns, as records have them.
///
/// # Errors
/// `Invalid` for wrong options, `NotFound` for an unknown format.
pub(super) fn written_keys(keys: &RecordBatch, request: &SourceRequest) -> Result<HashSet<Bytes>> {
    let layout = Layout::new(&request.options, &request.primary_key)?;
    let schema = layout.key_schema(&keys.schema());
    let columns = layout.key_fields.iter();
    let columns = columns.map(|name| Ok(keys.schema().index_of(name)?));
    let format = request.registry.format(&layout.key_format)?;
    let columns = columns.collect::<Result<Vec<usize>>>()?;
    let part = Part::of_keys(format, &request.options, columns, schema)?;
    let written = part.encode(&ZBatch::append_only(keys.clone()))?;
    Ok(written.into_iter().collect())
}

/// The column that is written to a metadata key.
fn metadata(request: &SinkRequest, key: &str) -> Result<Option<usize>> {
    let known = |k: &&String| k.as_str() != "timestamp" && k.as_str() != "headers";
    if let Some(other) = request.metadata.iter().flatten().find(known) {
        let text = format!("metadata '{other}' of a topic cannot be written");
        return Err(Error::new(ErrorKind::Invalid, text)
            .with_hint("declare the column VIRTUAL; timestamp and headers can be written"));
    }
    Ok(request
        .metadata
        .iter()
        .position(|m| m.as_deref() == Some(key)))
}

fn timestamp(column: &dyn Array, row: usize) -> Result<Option<Timestamp>> {
    if column.is_null(row) {
        return Ok(None);
    }
    let one = column.slice(row, 1);
    let ms = compute::cast(&one, &DataType::Timestamp(TimeUnit::Millisecond, None))?;
    Ok(Some(Timestamp(
        ms.as_primitive::<TimestampMillisecondType>().value(0),
    )))
}

fn headers(column: &dyn Array, row: usize) -> Vec<Header> {
    let Some(map) = column.as_map_opt() else {
        return Vec::new();
    };
    if map.is_null(row) {
        return Vec::new();
    }
    let entries = map.value(row);
    let (Some(keys), Some(values)) = (
        entries.column(0).as_string_opt::<i32>(),
        entries.column(1).as_binary_opt::<i32>(),
    ) else {
        return Vec::new();
    };
    let header = |i: usize| Header {
        key: keys.value(i).to_owned(),
        value: values
            .is_valid(i)
            .then(|| Bytes::copy_from_slice(values.value(i))),
    };
    (0..entries.len()).map(header).collect()
}

/// The records of an epoch, by partition.
#[derive(Debug, Default)]
struct Outgoing(BTreeMap<u32, Vec<Record>>);

impl Outgoing {
    fn push(&mut self, partition: u32, record: Record) {
        self.0.entry(partition).or_default().push(record);
    }
}

impl Sink for TopicSink {
    fn write(&mut self, epoch: u64, rows: &[ZBatch], commit: &mut Commit) -> Result<()> {
        let mut out = Outgoing::default();
        if self.is_changelog {
            self.write_log(epoch, rows, &mut out)?;
        } else if self.is_keyed {
            self.write_changes(rows, &mut out)?;
        } else {
            self.write_rows(epoch, rows, &mut out)?;
        }
        let appends = out.0.into_iter().map(|(partition, records)| Append {
            to: TopicPartition::new(self.topic.clone(), partition),
            records,
        });
        commit.appends.extend(appends);
        Ok(())
    }

    fn committed(&mut self, _epoch: u64) -> Result<()> {
        Ok(())
    }

    fn recover(&mut self, _epoch: u64) -> Result<()> {
        // The records are part of the epoch's commit: there is nothing beyond it.
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}
