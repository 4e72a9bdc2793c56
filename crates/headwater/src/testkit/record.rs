//! What a test puts into topics.

use bytes::Bytes;
use headwater_log::{Header, Record, Timestamp};

/// A record on its way into a topic. A text is its value; everything else is optional.
///
/// ```
/// use headwater::testkit::TestRecord;
/// let click = TestRecord::new(r#"{"page":"/"}"#).key("alice").partition(1);
/// # let _: TestRecord = click;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestRecord {
    pub(super) partition: Option<u32>,
    pub(super) record: Record,
}

impl TestRecord {
    /// A record with this value.
    pub fn new(value: impl Into<Bytes>) -> Self {
        let value = Some(value.into());
        Record {
            value,
            ..Record::default()
        }
        .into()
    }

    /// A record without a value: its key is deleted.
    pub fn tombstone(key: impl Into<Bytes>) -> Self {
        Self::from(Record::default()).key(key)
    }

    /// Gives it a key, which also decides its partition.
    #[must_use]
    pub fn key(mut self, key: impl Into<Bytes>) -> Self {
        self.record.key = Some(key.into());
        self
    }

    /// Puts it into this partition, whatever its key.
    #[must_use]
    pub fn partition(mut self, partition: u32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Gives it a timestamp in milliseconds; without one it gets the time of the test's clock.
    #[must_use]
    pub fn timestamp(mut self, ms: i64) -> Self {
        self.record.timestamp = Some(Timestamp(ms));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, key: impl Into<String>, value: impl Into<Bytes>) -> Self {
        let (key, value) = (key.into(), Some(value.into()));
        self.record.headers.push(Header { key, value });
        self
    }
}

impl From<Record> for TestRecord {
    fn from(record: Record) -> Self {
        Self {
            partition: None,
            record,
        }
    }
}

impl From<TestRecord> for Record {
    fn from(record: TestRecord) -> Self {
        record.record
    }
}

impl From<&str> for TestRecord {
    fn from(value: &str) -> Self {
        Self::new(value.to_owned())
    }
}

impl From<String> for TestRecord {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl From<serde_json::Value> for TestRecord {
    fn from(value: serde_json::Value) -> Self {
        Self::new(value.to_string())
    }
}
