//! An event as a row.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use headwater_log::{Timestamp, Version};
use tokio_postgres::Row;

use crate::error::Result;
use crate::event::Recorded;
use crate::postgres::append::position;

/// The columns of an event, in the order in which they are read.
pub(super) const COLUMNS: &str = "position, version, recorded_at, schema, stream, type, data::text, \
    id, correlation, causation, metadata::text, tags";

pub(super) fn event(row: &Row) -> Result<Recorded> {
    let (version, schema): (i64, i64) = (row.try_get(1)?, row.try_get(3)?);
    let data: &str = row.try_get(6)?;
    let metadata: Option<&str> = row.try_get(10)?;
    Ok(Recorded {
        position: position(row, 0)?.unwrap_or_default(),
        version: Some(Version(version.cast_unsigned())),
        recorded_at: timestamp(row.try_get(2)?),
        stream: row.try_get(4)?,
        kind: row.try_get(5)?,
        data: Bytes::copy_from_slice(data.as_bytes()),
        schema: u32::try_from(schema).unwrap_or_default(),
        id: row.try_get(7)?,
        tags: row.try_get(11)?,
        correlation: row.try_get(8)?,
        causation: row.try_get(9)?,
        metadata: metadata.map(|m| Bytes::copy_from_slice(m.as_bytes())),
    })
}

fn timestamp(time: SystemTime) -> Timestamp {
    let millis = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |m| -m),
    };
    Timestamp(millis)
}
