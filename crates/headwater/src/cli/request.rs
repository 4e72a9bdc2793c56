//! What commands ask of the process that has a data directory open, and what it answers.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use headwater_log::TopicConfig;
use serde::{Deserialize, Serialize};

use super::events::EventsRequest;
use super::exit::{Failure, Outcome};
use super::offsets::Span;

/// A question or an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub(crate) enum Request {
    /// Run SQL statements, in order.
    Sql {
        /// The text.
        text: String,
        /// Whether the answer ends only when the pipelines that it starts and whose inputs end by nature have ended.
        waits: bool,
    },
    /// Run the statements of a file, after a look at all of them, until all that they start has ended.
    Run {
        /// The file's name, for messages.
        file: String,
        /// Its text.
        text: String,
    },
    /// Something about event stores.
    Events(EventsRequest),
    /// Capture tables of a database into topics.
    CdcRun {
        /// What a file says of it.
        config: String,
        /// Whether the answer ends when everything that is committed now is there.
        once: bool,
    },
    /// Read a table of a running capture once more.
    CdcSnapshot {
        /// The capture.
        capture: String,
        /// The table.
        table: String,
        /// Which rows, as a condition of SQL; `None`: all.
        filter: Option<String>,
    },
    /// Have a running capture read its tables, or not for now.
    CdcPause {
        /// The capture.
        capture: String,
        /// Whether not.
        is_paused: bool,
    },
    /// How far captures are, as rows.
    CdcStatus,
    /// The names that a shell completes, as rows of `name`.
    Names,
    /// The topics, as rows.
    TopicList {
        /// Internal ones too.
        internal: bool,
    },
    /// Make a topic.
    TopicCreate {
        /// Its name.
        topic: String,
        /// How it is kept.
        config: TopicConfig,
    },
    /// A topic's partitions and settings, as rows.
    TopicDescribe {
        /// Its name.
        topic: String,
    },
    /// Delete a topic.
    TopicDelete {
        /// Its name.
        topic: String,
    },
    /// Append records, all in one commit; their places come as rows of `partition` and `offset`.
    Produce {
        /// To which topic.
        topic: String,
        /// The records.
        records: Vec<NewRecord>,
    },
    /// Read records, as rows.
    Consume {
        /// Of which topic.
        topic: String,
        /// Of which partitions; empty: of all.
        partitions: Vec<u32>,
        /// From where to where.
        span: Span,
        /// At most so many.
        num: Option<u64>,
    },
}

impl Request {
    /// Whether the answer comes to an orderly end when whoever asked wants it to.
    pub(crate) fn can_be_stopped(&self) -> bool {
        match self {
            Self::Run { .. } | Self::CdcRun { .. } => true,
            Self::Events(request) => request.can_be_stopped(),
            _ => false,
        }
    }
}

/// A record to be appended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct NewRecord {
    /// Where it goes; else by its key, and without a key to partition 0.
    pub(crate) partition: Option<u32>,
    /// Its key.
    pub(crate) key: Option<Text>,
    /// Its value; `None`: a tombstone.
    pub(crate) value: Option<Text>,
    /// Its headers.
    pub(crate) headers: Vec<(String, Text)>,
}

/// Bytes that are mostly text: a JSON string if they are, else an array of numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    /// UTF-8.
    Utf8(String),
    /// Anything else.
    Bytes(Vec<u8>),
}

impl Text {
    /// The bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Utf8(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Utf8(text),
            Err(error) => Self::Bytes(error.into_bytes()),
        }
    }
}

impl From<Text> for bytes::Bytes {
    fn from(text: Text) -> Self {
        match text {
            Text::Utf8(text) => text.into(),
            Text::Bytes(bytes) => bytes.into(),
        }
    }
}

/// One piece of an answer. Results come as `Begin`, `Rows`…, `End`; lines and notes at any time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    /// A result begins.
    Begin {
        /// Its columns.
        schema: SchemaRef,
        /// Whether it may go on for ever.
        is_stream: bool,
    },
    /// Rows of the result.
    Rows(RecordBatch),
    /// The result is complete.
    End,
    /// The result before was read from the log up to this commit.
    AsOf(u64),
    /// A line for standard output.
    Line(String),
    /// A line for standard error.
    Note(String),
    /// Nothing new; whoever waits is still served, and may have had enough.
    Idle(Progress),
}

/// How far an answer is that takes a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Rows that were read.
    pub(crate) rows_in: u64,
    /// Rows that were written.
    pub(crate) rows_out: u64,
}

/// Takes the pieces of an answer as they come. An error stops the answer: nobody listens any more.
pub(crate) type Replies<'a> = &'a mut dyn FnMut(Reply) -> Outcome;

/// What ends an answer that nobody listens to any more.
pub(crate) fn gone() -> Failure {
    std::io::Error::from(std::io::ErrorKind::BrokenPipe).into()
}
