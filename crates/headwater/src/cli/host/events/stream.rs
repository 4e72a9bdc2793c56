//! `stream append|read|list`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, RecordBatch, StringArray, TimestampMillisecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use headwater::Headwater;
use headwater::events::{
    Append, NewEvent, ReadStream, Recorded, Store, StreamInfo, Version, block_on,
};

use crate::cli::events::{EventLine, Expected, Until};
use crate::cli::exit::{Failure, Outcome};
use crate::cli::host::printed_rows::as_json;
use crate::cli::host::topics::{description, nearest, rows};
use crate::cli::request::{Replies, Reply};

/// Events that are read at a time.
const PAGE: usize = 1024;

/// Which events are read.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) key: String,
    pub(super) from: Option<u64>,
    pub(super) until: Option<Until>,
    pub(super) backward: bool,
    pub(super) num: Option<usize>,
}

/// A store that is there.
pub(super) fn existing(headwater: &Headwater, name: &str) -> Outcome<Store> {
    if headwater.is_on_postgres() {
        let known = headwater.event_stores();
        if !known.iter().any(|known| known == name) {
            let failure = Failure::failed(format!("schema '{name}' is no event store"));
            return Err(match nearest(name, &known) {
                Some(near) => failure.with_hint(format!("did you mean '{near}'?")),
                None => failure.with_hint("`headwater stream list` shows those that there are"),
            });
        }
    } else {
        description(headwater.log(), name)?;
    }
    Ok(headwater.event_store(name)?)
}

/// Appends events to an entity, all or none.
pub(super) fn append(
    headwater: &Headwater,
    stream: &str,
    key: &str,
    expected: Expected,
    events: Vec<EventLine>,
    replies: Replies<'_>,
) -> Outcome {
    let store = headwater.event_store(stream)?;
    let append = Append::new().to(key, expected.into(), events.into_iter().map(Into::into));
    let appended = block_on(store.append(append))?;
    let version = appended.versions.first().copied().flatten();
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "version",
            Arc::new(UInt64Array::from_iter([version.map(|v| v.0)])),
        ),
        (
            "position",
            Arc::new(UInt64Array::from_iter([appended.position.map(|p| p.0)])),
        ),
        (
            "repeated",
            Arc::new(BooleanArray::from(vec![appended.repeated])),
        ),
    ];
    rows(columns, replies)
}

impl From<EventLine> for NewEvent {
    fn from(line: EventLine) -> Self {
        Self {
            kind: line.kind,
            data: line.data.into(),
            schema: line.schema,
            id: line.id,
            tags: line.tags,
            correlation: line.correlation,
            causation: line.causation,
            metadata: line.metadata.map(Into::into),
        }
    }
}

/// Reads the events of an entity, page by page.
pub(super) fn read(store: &Store, wanted: Wanted, replies: Replies<'_>) -> Outcome {
    let schema = schema();
    replies(Reply::Begin {
        schema: Arc::clone(&schema),
        is_stream: false,
    })?;
    let mut left = wanted.num.unwrap_or(usize::MAX);
    if let Some(mut read) = first_page(store, wanted)? {
        loop {
            read.limit = left.min(PAGE);
            let events = block_on(store.read(read.clone()))?;
            left -= events.len();
            let next = next(&read, &events);
            if !events.is_empty() {
                replies(Reply::Rows(batch(&schema, &events)?))?;
            }
            match next {
                Some(from) if left > 0 => read.from = Some(from),
                _ => break,
            }
        }
    }
    replies(Reply::End)
}

/// What is read first; `None`: there is nothing.
fn first_page(store: &Store, wanted: Wanted) -> Outcome<Option<ReadStream>> {
    let mut read = ReadStream::of(wanted.key);
    if let Some(until) = wanted.until {
        // Which version a time is of is looked up once.
        let newest = read.clone().until(until.into()).backward().limit(1);
        let newest = block_on(store.read(newest))?;
        let Some(version) = newest.first().and_then(|event| event.version) else {
            return Ok(None);
        };
        read = read.until(headwater::events::Until::Version(version));
    }
    if wanted.backward {
        read = read.backward();
    }
    read.from = wanted.from.map(Version);
    Ok(Some(read))
}

/// Where the next page begins; `None`: there is none.
fn next(read: &ReadStream, events: &[Recorded]) -> Option<Version> {
    let last = events
        .last()
        .filter(|_| events.len() == read.limit)?
        .version?;
    match read.direction {
        headwater_log::Direction::Forward => Some(Version(last.0 + 1)),
        headwater_log::Direction::Backward => last.0.checked_sub(1).map(Version),
    }
}

fn json(name: &str) -> Field {
    as_json(Field::new(name, DataType::Utf8, true))
}

fn schema() -> SchemaRef {
    let time = DataType::Timestamp(arrow::datatypes::TimeUnit::Millisecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("position", DataType::UInt64, false),
        Field::new("version", DataType::UInt64, true),
        Field::new("recorded_at", time, false),
        Field::new("type", DataType::Utf8, false),
        json("data"),
        Field::new("id", DataType::Utf8, true),
        json("tags"),
        Field::new("correlation", DataType::Utf8, true),
        Field::new("causation", DataType::Utf8, true),
        json("metadata"),
    ]))
}

fn batch(schema: &SchemaRef, events: &[Recorded]) -> Outcome<RecordBatch> {
    let texts = |of: &dyn Fn(&Recorded) -> Option<String>| -> ArrayRef {
        Arc::new(events.iter().map(of).collect::<StringArray>())
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let tags = |event: &Recorded| {
        let tags = serde_json::Value::from(event.tags.clone());
        (!event.tags.is_empty()).then(|| tags.to_string())
    };
    let times = TimestampMillisecondArray::from_iter_values(events.iter().map(|e| e.recorded_at.0));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(
            events.iter().map(|e| e.position.0),
        )),
        Arc::new(UInt64Array::from_iter(
            events.iter().map(|e| e.version.map(|v| v.0)),
        )),
        Arc::new(times.with_timezone("UTC")),
        texts(&|e| Some(e.kind.clone())),
        texts(&|e| Some(text(&e.data))),
        texts(&|e| e.id.clone()),
        texts(&tags),
        texts(&|e| e.correlation.clone()),
        texts(&|e| e.causation.clone()),
        texts(&|e| e.metadata.as_ref().map(|m| text(m))),
    ];
    RecordBatch::try_new(Arc::clone(schema), columns)
        .map_err(|e| Failure::failed(format!("cannot make rows: {e}")))
}

/// The stores, with how many events they have.
pub(super) fn stores(headwater: &Headwater, replies: Replies<'_>) -> Outcome {
    let names = headwater.event_stores();
    let ends = names.iter().map(|name| {
        let store = headwater.event_store(name)?;
        Ok(block_on(store.end())?.0)
    });
    let ends = ends.collect::<Outcome<Vec<u64>>>()?;
    rows(
        vec![
            (
                "stream",
                Arc::new(StringArray::from_iter_values(&names)) as ArrayRef,
            ),
            ("events", Arc::new(UInt64Array::from(ends))),
        ],
        replies,
    )
}

/// The entities of a store.
pub(super) fn keys(store: &Store, prefix: &str, replies: Replies<'_>) -> Outcome {
    let infos = block_on(store.streams(prefix))?;
    let numbers = |of: fn(&StreamInfo) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(infos.iter().map(of)))
    };
    let state = |info: &StreamInfo| format!("{:?}", info.lifecycle).to_lowercase();
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "key",
            Arc::new(StringArray::from_iter_values(
                infos.iter().map(|i| &i.stream),
            )),
        ),
        ("version", numbers(|info| info.events - 1)),
        ("position", numbers(|info| info.position.0)),
        (
            "state",
            Arc::new(StringArray::from_iter_values(infos.iter().map(state))),
        ),
    ];
    rows(columns, replies)
}
