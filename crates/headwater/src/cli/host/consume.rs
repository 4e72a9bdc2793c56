//! Reading records, as rows, in the order of offsets within a partition.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    BinaryBuilder, RecordBatch, StringBuilder, TimestampMillisecondBuilder, UInt32Builder,
    UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use headwater_log::{HeadersRef, Log, Offset, RecordRef, TopicPartition};

use super::topics::description;
use crate::cli::exit::{Failure, Outcome};
use crate::cli::offsets::Span;
use crate::cli::request::{Progress, Replies, Reply, Text};

/// Bytes that are fetched at a time.
const FETCH_BYTES: usize = 1 << 20;
/// How often a reader that waits is told that it is still served.
const IDLE: Duration = Duration::from_millis(100);

/// What to read.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) topic: String,
    pub(super) partitions: Vec<u32>,
    pub(super) span: Span,
    pub(super) num: Option<u64>,
}

/// A partition that is being read.
struct Reader {
    of: TopicPartition,
    next: u64,
    to: Option<u64>,
}

/// Reads until the span is read, or for ever if it has no end.
pub(super) fn read(log: &Log, wanted: &Wanted, replies: Replies<'_>) -> Outcome {
    let mut readers = readers(log, wanted)?;
    let mut left = wanted.num.unwrap_or(u64::MAX);
    replies(Reply::Begin {
        schema: schema(),
        is_stream: true,
    })?;
    loop {
        let seen = log.last_commit();
        let mut is_idle = true;
        for reader in &mut readers {
            while left > 0
                && let Some(batch) = reader.fetch(log, &mut left)?
            {
                is_idle = false;
                replies(Reply::Rows(batch))?;
            }
        }
        readers.retain(|r| r.to.is_none_or(|to| r.next < to));
        if left == 0 || readers.is_empty() {
            return replies(Reply::End);
        }
        if is_idle && log.wait_for_commit(seen, IDLE) == seen {
            replies(Reply::Idle(Progress::default()))?;
        }
    }
}

fn readers(log: &Log, wanted: &Wanted) -> Outcome<Vec<Reader>> {
    let known = description(log, &wanted.topic)?.config.partitions;
    let all: Vec<u32> = (0..known).collect();
    let chosen = if wanted.partitions.is_empty() {
        &all
    } else {
        &wanted.partitions
    };
    let readers = chosen.iter().map(|p| {
        if *p >= known {
            let topic = &wanted.topic;
            return Err(Failure::failed(format!(
                "topic '{topic}' has {known} partitions, none is number {p}"
            )));
        }
        let of = TopicPartition::new(wanted.topic.as_str(), *p);
        let (next, to) = wanted.span.resolve(log, &of)?;
        Ok(Reader { of, next, to })
    });
    let mut readers = readers.collect::<Outcome<Vec<_>>>()?;
    readers.retain(|r| r.to.is_none_or(|to| r.next < to));
    Ok(readers)
}

impl Reader {
    /// The next records, at most `left`; `None`: there are none now.
    fn fetch(&mut self, log: &Log, left: &mut u64) -> Outcome<Option<RecordBatch>> {
        let to = self.to.unwrap_or(u64::MAX);
        let limit = log.bounds(&self.of)?.end.0.min(to);
        while self.next < limit {
            let fetched = log.fetch(&self.of, Offset(self.next), FETCH_BYTES)?;
            let mut rows = Rows::default();
            for batch in &fetched.batches {
                batch.for_each(|record| {
                    if (self.next..to).contains(&record.offset.0) && *left > 0 {
                        rows.push(&self.of, &record);
                        *left -= 1;
                    }
                })?;
                self.next = self.next.max(batch.next_offset().0);
            }
            if fetched.batches.is_empty() {
                self.next = limit;
            }
            if rows.count > 0 {
                return rows.finish().map(Some);
            }
        }
        Ok(None)
    }
}

/// The columns of records.
fn schema() -> SchemaRef {
    let timestamp = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("topic", DataType::Utf8, false),
        Field::new("partition", DataType::UInt32, false),
        Field::new("offset", DataType::UInt64, false),
        Field::new("timestamp", timestamp, false),
        Field::new("headers", DataType::Utf8, true),
        Field::new("key", DataType::Binary, true),
        Field::new("value", DataType::Binary, true),
    ]))
}

#[derive(Default)]
struct Rows {
    count: usize,
    topic: StringBuilder,
    partition: UInt32Builder,
    offset: UInt64Builder,
    timestamp: TimestampMillisecondBuilder,
    headers: StringBuilder,
    key: BinaryBuilder,
    value: BinaryBuilder,
}

impl Rows {
    fn push(&mut self, of: &TopicPartition, record: &RecordRef<'_>) {
        self.count += 1;
        self.topic.append_value(&of.topic);
        self.partition.append_value(of.partition);
        self.offset.append_value(record.offset.0);
        self.timestamp.append_value(record.timestamp.0);
        self.headers.append_option(headers(record.headers));
        self.key.append_option(record.key);
        self.value.append_option(record.value);
    }

    fn finish(mut self) -> Outcome<RecordBatch> {
        let timestamp = self.timestamp.finish().with_timezone("UTC");
        RecordBatch::try_new(
            schema(),
            vec![
                Arc::new(self.topic.finish()),
                Arc::new(self.partition.finish()),
                Arc::new(self.offset.finish()),
                Arc::new(timestamp),
                Arc::new(self.headers.finish()),
                Arc::new(self.key.finish()),
                Arc::new(self.value.finish()),
            ],
        )
        .map_err(|e| Failure::failed(format!("cannot make rows of records: {e}")))
    }
}

/// Headers as a JSON array of keys and values; `None`: there are none.
fn headers(headers: HeadersRef<'_>) -> Option<String> {
    let value = |v: &[u8]| Text::from(v.to_vec());
    let list: Vec<(&str, Option<Text>)> = headers
        .iter()
        .map(|(key, bytes)| (key, bytes.map(value)))
        .collect();
    (!list.is_empty()).then(|| serde_json::json!(list).to_string())
}
