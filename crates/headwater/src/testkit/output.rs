//! What a test finds in topics and views.

use arrow::array::RecordBatch;
use headwater_connect::JsonEncoder;
use headwater_flow::ZBatch;
use headwater_flow::connector::{FormatRequest, Options, ValueEncoder};
use headwater_log::{CommitNumber, Offset, Record};
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};

/// A record that was found in a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputRecord {
    /// Where.
    pub partition: u32,
    /// Where in the partition.
    pub offset: Offset,
    /// The commit that it came with.
    pub commit: CommitNumber,
    /// The record.
    pub record: Record,
}

impl OutputRecord {
    /// −1 for a tombstone, which takes its key back, else +1.
    pub fn weight(&self) -> i64 {
        if self.record.value.is_some() { 1 } else { -1 }
    }

    /// The value; null for a tombstone.
    ///
    /// # Panics
    /// If it is not JSON.
    pub fn json(&self) -> Value {
        parse(self.record.value.as_deref())
    }

    /// The key; null if there is none.
    ///
    /// # Panics
    /// If it is not JSON.
    pub fn key_json(&self) -> Value {
        parse(self.record.key.as_deref())
    }

    /// The value as text; empty for a tombstone.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.record.value.as_deref().unwrap_or_default()).into_owned()
    }

    /// The first header of this name, as text.
    pub fn header(&self, name: &str) -> Option<String> {
        let header = self.record.headers.iter().find(|h| h.key == name)?;
        let value = header.value.as_deref().unwrap_or_default();
        Some(String::from_utf8_lossy(value).into_owned())
    }
}

fn parse(bytes: Option<&[u8]>) -> Value {
    match bytes.map(serde_json::from_slice) {
        None => Value::Null,
        Some(Ok(value)) => value,
        Some(Err(e)) => panic!("a record is not JSON: {e}"),
    }
}

/// Rows as JSON objects.
///
/// # Errors
/// `Unsupported` for a column type that JSON cannot carry.
pub fn rows_as_json(rows: &RecordBatch) -> Result<Vec<Value>> {
    let encoder = JsonEncoder::new(&FormatRequest {
        schema: rows.schema(),
        metadata: Vec::new(),
        is_keyed: false,
        declared: rows.schema(),
        options: Options::default(),
    })?;
    let (mut out, mut ends) = (Vec::new(), Vec::new());
    encoder.encode(&ZBatch::append_only(rows.clone()), &mut out, &mut ends)?;
    let mut start = 0;
    let parsed = ends.into_iter().map(|end| {
        let value = serde_json::from_slice(&out[start..end]);
        start = end;
        value
    });
    parsed
        .collect::<Result<_, _>>()
        .map_err(|e| Error::new(ErrorKind::Bug, format!("encoded rows are not JSON: {e}")))
}
