//! Records of a topic into rows: values and keys by their formats, tombstones of keyed tables as deletions.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array, UInt64Array,
};
use arrow::compute;
use arrow::datatypes::{Field, Schema, SchemaRef};
use headwater_flow::connector::{
    Chunk, Decoded, DecodedValues, Decoder, FormatRequest, Offsets, OriginalRecord, Payload,
    Reject, SourceRequest, ValueDecoder,
};
use headwater_flow::{Error, ErrorKind, Result};

use super::config::Layout;
use super::metadata::{MetadataKey, OF_VALUE, fit};
use super::newest::Newest;
use super::records::{Records, open};
use super::upsert;

/// Where a column of the table comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Value(usize),
    Key(usize),
    Metadata(MetadataKey),
}

/// Decodes the records of one topic.
///
/// A tombstone of a keyed table becomes a row with weight −1 that has only the key's columns; the others are null,
/// or zero and empty where the table says NOT NULL. Every other row has weight +1: the engine knows what a row
/// with the same key replaces.
pub(crate) struct TopicDecoder {
    topic: String,
    schema: SchemaRef,
    columns: Vec<From>,
    values: Arc<dyn ValueDecoder>,
    keys: Option<Arc<dyn ValueDecoder>>,
    /// For each column of the table its place in the key.
    key_places: Vec<Option<usize>>,
    is_keyed: bool,
    /// The records that are wanted; `None`: all.
    newest: Option<Newest>,
}

impl TopicDecoder {
    /// A decoder for a table over `topic`.
    ///
    /// # Errors
    /// `NotFound` for an unknown format, `Invalid` for wrong options or metadata.
    pub(crate) fn new(request: &SourceRequest, topic: &str) -> Result<Self> {
        let layout = Layout::new(&request.options, &request.primary_key)?;
        let is_keyed = !request.primary_key.is_empty();
        let key_schema = layout.key_schema(&request.schema);
        let (mut value_fields, mut value_metadata) = (Vec::<Arc<Field>>::new(), Vec::new());
        let mut columns = Vec::new();
        let mut key_places = Vec::new();
        for (field, metadata) in request.schema.fields().iter().zip(&request.metadata) {
            let place = key_place(&layout, &key_schema, field.name());
            key_places.push(place);
            let of_value = metadata.as_deref().and_then(|m| m.strip_prefix(OF_VALUE));
            columns.push(match (metadata, place) {
                (Some(name), _) if of_value.is_none() => {
                    From::Metadata(MetadataKey::new(name, field)?)
                }
                (None, Some(place)) if !layout.value_has_key => From::Key(place),
                _ => {
                    value_fields.push(Arc::clone(field));
                    value_metadata.push(of_value.map(str::to_owned));
                    From::Value(value_fields.len() - 1)
                }
            });
        }
        let part =
            |schema: SchemaRef, metadata: Vec<Option<String>>, declared: SchemaRef| FormatRequest {
                schema,
                metadata,
                is_keyed,
                declared,
                options: request.options.clone(),
            };
        let format = |name: &str| request.registry.format(name);
        let declared_value = layout.value_schema(&request.declared);
        let declared_key = layout.key_schema(&request.declared);
        let needs_keys = is_keyed || columns.iter().any(|c| matches!(c, From::Key(_)));
        let has_keys = needs_keys && !key_schema.fields().is_empty();
        Ok(Self {
            topic: topic.to_owned(),
            schema: Arc::clone(&request.schema),
            columns,
            values: format(&layout.value_format)?.decoder(&part(
                Arc::new(Schema::new(value_fields)),
                value_metadata,
                declared_value,
            ))?,
            keys: has_keys
                .then(|| {
                    let part = part(key_schema, Vec::new(), declared_key);
                    format(&layout.key_format)?.key_decoder(&part)
                })
                .transpose()?,
            key_places,
            is_keyed,
            newest: None,
        })
    }

    /// Only these records.
    pub(super) fn only(mut self, newest: Newest) -> Self {
        self.newest = Some(newest);
        self
    }

    /// The offsets from `from` on that are decoded, if not all are.
    pub(super) fn wanted(&self, partition: u32, from: u64) -> Option<&[u64]> {
        let newest = self.newest.as_ref()?;
        Some(newest.after(partition, from))
    }

    fn reads_keys(&self) -> bool {
        self.columns.iter().any(|c| matches!(c, From::Key(_)))
    }

    /// The rows of the records that have a value.
    fn live(
        &self,
        partition: u32,
        records: &Records<'_>,
        rejects: &mut Vec<Reject>,
    ) -> Result<Rows> {
        let all = 0..records.len() as u32;
        let candidates: Vec<u32> = if self.is_keyed {
            all.filter(|i| records.get(*i).value.is_some()).collect()
        } else {
            all.collect()
        };
        let values: Vec<Option<&[u8]>> = candidates.iter().map(|i| records.get(*i).value).collect();
        let value = Part::new(self.values.decode(&values)?, &candidates, records, rejects);
        let key = match &self.keys {
            Some(keys) if self.reads_keys() => {
                let bytes: Vec<Option<&[u8]>> =
                    value.at.iter().map(|i| records.get(*i).key).collect();
                Some(Part::new(keys.decode(&bytes)?, &value.at, records, rejects))
            }
            _ => None,
        };
        let (value, key) = agree(value, key)?;
        let rows = self.assemble(partition, records, &value, key.as_ref())?;
        Ok(Rows {
            rows,
            weights: value.weights,
            at: value.at,
        })
    }

    fn assemble(
        &self,
        partition: u32,
        records: &Records<'_>,
        value: &Part,
        key: Option<&Part>,
    ) -> Result<RecordBatch> {
        let column = |(from, field): (&From, &Arc<Field>)| -> Result<ArrayRef> {
            match (from, key) {
                (From::Value(i), _) => Ok(Arc::clone(value.rows.column(*i))),
                (From::Key(i), Some(key)) => Ok(Arc::clone(key.rows.column(*i))),
                (From::Key(_), None) => Err(Error::new(ErrorKind::Bug, "a key was not decoded")),
                (From::Metadata(m), _) => {
                    let values = m.column(&self.topic, partition, records, &value.at);
                    fit(values, field.data_type())
                }
            }
        };
        let columns = self.columns.iter().zip(self.schema.fields()).map(column);
        let options = RecordBatchOptions::new().with_row_count(Some(value.at.len()));
        let columns = columns.collect::<Result<_>>()?;
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            columns,
            &options,
        )?)
    }

    /// The rows of the tombstones.
    fn dead(
        &self,
        partition: u32,
        records: &Records<'_>,
        rejects: &mut Vec<Reject>,
    ) -> Result<Rows> {
        let all = 0..records.len() as u32;
        let at: Vec<u32> = all.filter(|i| records.get(*i).value.is_none()).collect();
        let Some(keys) = &self.keys else {
            return Err(Error::new(ErrorKind::Bug, "a keyed table without a key"));
        };
        let bytes: Vec<Option<&[u8]>> = at.iter().map(|i| records.get(*i).key).collect();
        let key = Part::new(keys.decode(&bytes)?, &at, records, rejects);
        let metadata = |place: usize, field: &Field| match self.columns[place] {
            From::Metadata(m) => {
                let values = m.column(&self.topic, partition, records, &key.at);
                fit(values, field.data_type()).map(Some)
            }
            _ => Ok(None),
        };
        let rows = upsert::tombstones(&self.schema, &self.key_places, &key.rows, metadata)?;
        Ok(Rows {
            weights: Some(Int64Array::from(vec![-1; key.at.len()])),
            rows,
            at: key.at,
        })
    }
}

fn key_place(layout: &Layout, key_schema: &Schema, column: &str) -> Option<usize> {
    if !layout.is_key(column) {
        return None;
    }
    let inside = column.strip_prefix(&layout.key_prefix).unwrap_or(column);
    key_schema.index_of(inside).ok()
}

/// Decoded keys or values, and the record of each row.
struct Part {
    rows: RecordBatch,
    weights: Option<Int64Array>,
    at: Vec<u32>,
}

impl Part {
    fn new(
        decoded: DecodedValues,
        candidates: &[u32],
        records: &Records<'_>,
        rejects: &mut Vec<Reject>,
    ) -> Self {
        let record = |index: u32| candidates[index as usize];
        rejects.extend(decoded.rejects.into_iter().map(|r| Reject {
            offset: records.get(record(r.index)).offset.0,
            reason: r.reason,
        }));
        Self {
            at: match decoded.sources {
                None => candidates[..decoded.rows.num_rows()].to_vec(),
                Some(sources) => sources.into_iter().map(record).collect(),
            },
            rows: decoded.rows,
            weights: decoded.weights,
        }
    }

    fn keep(self, wanted: &[u32]) -> Result<Self> {
        let mut next = wanted.iter().peekable();
        let mut kept = Vec::with_capacity(wanted.len());
        for (row, at) in self.at.iter().enumerate() {
            while next.peek().is_some_and(|w| *w < at) {
                next.next();
            }
            if next.peek() == Some(&at) {
                kept.push(row as u32);
            }
        }
        let kept = UInt32Array::from(kept);
        let weights = self
            .weights
            .map(|w| compute::take(&w, &kept, None))
            .transpose()?;
        Ok(Self {
            rows: compute::take_record_batch(&self.rows, &kept)?,
            weights: weights
                .map(|w| w.as_any().downcast_ref::<Int64Array>().cloned())
                .unwrap_or_default(),
            at: kept
                .values()
                .iter()
                .map(|row| self.at[*row as usize])
                .collect(),
        })
    }
}

/// The rows whose value and key both decoded.
fn agree(value: Part, key: Option<Part>) -> Result<(Part, Option<Part>)> {
    match key {
        Some(key) if key.at != value.at => {
            let value = value.keep(&key.at)?;
            Ok((value, Some(key)))
        }
        key => Ok((value, key)),
    }
}

/// Rows of the table, and the record of each.
struct Rows {
    rows: RecordBatch,
    weights: Option<Int64Array>,
    at: Vec<u32>,
}

impl Rows {
    /// Both, in the order of their records.
    fn merge(self, other: Self) -> Result<Self> {
        let both = compute::concat_batches(&self.rows.schema(), [&self.rows, &other.rows])?;
        let weight = |rows: &Self, i: usize| rows.weights.as_ref().map_or(1, |w| w.value(i));
        let mine = (0..self.at.len()).map(|i| (self.at[i], i, weight(&self, i)));
        let count = self.at.len();
        let others = (0..other.at.len()).map(|i| (other.at[i], count + i, weight(&other, i)));
        let mut order: Vec<(u32, usize, i64)> = mine.chain(others).collect();
        // A record of a changelog format may be several rows; a stable sort keeps their order.
        order.sort_by_key(|(at, _, _)| *at);
        let take: UInt32Array = order.iter().map(|(_, row, _)| *row as u32).collect();
        Ok(Self {
            rows: compute::take_record_batch(&both, &take)?,
            weights: Some(order.iter().map(|(_, _, weight)| *weight).collect()),
            at: order.iter().map(|(at, _, _)| *at).collect(),
        })
    }
}

impl Decoder for TopicDecoder {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn decode(&self, chunk: &Chunk) -> Result<Decoded> {
        let batches = open(chunk)?;
        let records = Records::of(chunk, &batches, self.newest.as_ref())?;
        let partition = chunk.range.partition;
        let mut rejects = Vec::new();
        let mut rows = self.live(partition, &records, &mut rejects)?;
        let has_tombstones = || (0..records.len() as u32).any(|i| records.get(i).value.is_none());
        if self.is_keyed && has_tombstones() {
            rows = rows.merge(self.dead(partition, &records, &mut rejects)?)?;
        }
        rejects.sort_by_key(|r| r.offset);
        let offsets = rows.at.iter().map(|i| records.get(*i).offset.0);
        Ok(Decoded {
            offsets: Offsets::Each(offsets.collect::<UInt64Array>()),
            rows: rows.rows,
            weights: rows.weights,
            rejects,
        })
    }

    fn original(&self, chunk: &Chunk, offset: u64) -> Option<OriginalRecord> {
        let Payload::Log(batches) = &chunk.payload else {
            return None;
        };
        let at = headwater_log::Offset(offset);
        let batch = batches.iter().find(|b| b.last_offset() >= at)?;
        let record = batch.record_at(at).ok()??;
        Some(OriginalRecord {
            headers: record
                .headers
                .into_iter()
                .map(|h| (h.key, h.value))
                .collect(),
            key: record.key,
            value: record.value,
        })
    }
}
