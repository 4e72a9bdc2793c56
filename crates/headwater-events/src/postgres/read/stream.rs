//! Reading one stream.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use headwater_log::{Direction, Version};

use super::row::{COLUMNS, event};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Recorded;
use crate::postgres::append::{closed_tag, opened_tag};
use crate::postgres::database::Ask;
use crate::postgres::session::{Session, flight};
use crate::postgres::sql::Sql;
use crate::store::{Lifecycle, ReadStream, Until, lifecycle};

impl Ask for ReadStream {
    type Answer = Vec<Recorded>;

    async fn ask(&self, session: &mut Session, sql: &Sql) -> Result<Vec<Recorded>> {
        let text = text(self, &sql.schema);
        session.prepare(&[&sql.lifecycle, &text]).await?;
        let tags = vec![closed_tag(&self.stream), opened_tag(&self.stream)];
        let (first, last) = versions(self);
        let (time, limit) = (time(self), i64::try_from(self.limit).unwrap_or(i64::MAX));
        let replies = vec![
            session.send(&sql.lifecycle, vec![&tags])?,
            session.send(&text, vec![&self.stream, &first, &last, &time, &limit])?,
        ];
        let said: Result<Vec<_>, _> = flight(replies).await.into_iter().collect();
        let said = said?;
        if let Some(closed) = said[0].first() {
            let (kind, data): (&str, &str) = (closed.try_get(0)?, closed.try_get(1)?);
            if lifecycle(kind, data.as_bytes()).unwrap_or(Lifecycle::Deleted) == Lifecycle::Deleted
            {
                let message = format!("stream {:?} was deleted", self.stream);
                return Err(Error::new(ErrorKind::NotFound, message));
            }
        }
        said[1].iter().map(event).collect()
    }
}

fn text(read: &ReadStream, schema: &str) -> String {
    let order = match read.direction {
        Direction::Forward => "ASC",
        Direction::Backward => "DESC",
    };
    // Times ascend with positions, and so with versions.
    format!(
        "SELECT {COLUMNS} FROM {schema}.events
         WHERE stream = $1 AND version BETWEEN $2 AND $3 AND ($4::timestamptz IS NULL OR recorded_at <= $4)
         ORDER BY version {order} LIMIT $5"
    )
}

/// The first and the last version that are of interest.
fn versions(read: &ReadStream) -> (i64, i64) {
    let number = |version: Version| i64::try_from(version.0).unwrap_or(i64::MAX);
    let last = match read.until {
        Some(Until::Version(last)) => number(last),
        _ => i64::MAX,
    };
    match (read.direction, read.from.map(number)) {
        (Direction::Forward, from) => (from.unwrap_or(0), last),
        (Direction::Backward, from) => (0, from.unwrap_or(i64::MAX).min(last)),
    }
}

fn time(read: &ReadStream) -> Option<SystemTime> {
    let Some(Until::Time(time)) = read.until else {
        return None;
    };
    let distance = Duration::from_millis(time.0.unsigned_abs());
    Some(match time.0 < 0 {
        true => UNIX_EPOCH.checked_sub(distance).unwrap_or(UNIX_EPOCH),
        false => UNIX_EPOCH.checked_add(distance)?,
    })
}
