//! Topics as they were: where a batch stops reading, and whether what it reads is all that there was.

use headwater_flow::connector::{Chunk, Payload};
use headwater_flow::plan::TableDef;
use headwater_log::{Log, Timestamp, TopicPartition};

use crate::error::{Result, SqlError, SqlErrorKind};
use crate::planner::SYSTEM_TIME;

/// Where a batch over a topic stops, if that is before the present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stops {
    /// At the present.
    Now,
    /// Before the first record that is not older, milliseconds.
    Before(i64),
    /// At offsets that the table's options name.
    Offsets,
}

impl Stops {
    pub(super) fn of(table: &TableDef, log: &Log) -> Result<Self> {
        let options = &table.options;
        if let Some(past) = Past::of(table, log)? {
            return Ok(Self::Before(past.millis.saturating_add(1)));
        }
        Ok(match options.get_or("scan.bounded.mode", "unbounded") {
            "specific-offsets" => Self::Offsets,
            "timestamp" => match options.parse("scan.bounded.timestamp-millis")? {
                Some(millis) => Self::Before(millis),
                None => Self::Now,
            },
            _ => Self::Now,
        })
    }

    /// The end of a partition that now ends at `end`.
    pub(super) fn end(self, log: &Log, of: &TopicPartition, end: u64) -> Result<u64> {
        match self {
            Self::Now | Self::Offsets => Ok(end),
            Self::Before(millis) => Ok(log.offset_at(of, Timestamp(millis))?.0.min(end)),
        }
    }
}

/// A table as it was at a time.
pub(super) struct Past {
    table: String,
    is_keyed: bool,
    /// The time, milliseconds.
    millis: i64,
}

impl Past {
    /// The time that a table is read as of, if it is.
    pub(super) fn of(table: &TableDef, log: &Log) -> Result<Option<Self>> {
        let Some(micros) = table.options.parse::<i64>(SYSTEM_TIME)? else {
            return Ok(None);
        };
        let topic = table.options.get_or("topic", &table.name);
        let past = Self {
            table: table.name.clone(),
            is_keyed: !table.primary_key.is_empty(),
            millis: micros.div_euclid(1_000),
        };
        let partitions = log.topic(topic).map_or(0, |t| t.config.partitions);
        for partition in 0..partitions {
            past.check_start(log, &TopicPartition::new(topic, partition))?;
        }
        Ok(Some(past))
    }

    /// What retention has taken is not known any more.
    fn check_start(&self, log: &Log, of: &TopicPartition) -> Result<()> {
        let start = log.bounds(of)?.start;
        let first_later = log.offset_at(of, Timestamp(self.millis.saturating_add(1)))?;
        match start.0 > 0 && first_later <= start {
            true => Err(self.unknown("its records of that time have been removed by retention")),
            false => Ok(()),
        }
    }

    /// Of a keyed table every record counts, also one that a later record has replaced since.
    pub(super) fn check(&self, chunk: &Chunk) -> Result<()> {
        let Payload::Log(batches) = &chunk.payload else {
            return Ok(());
        };
        if !self.is_keyed {
            return Ok(());
        }
        let mut next = chunk.range.from;
        for batch in batches {
            for record in batch.records() {
                let (offset, _) = record?;
                if offset.0 < next || offset.0 >= chunk.range.to {
                    continue;
                }
                if offset.0 > next {
                    return Err(self.unknown("compaction has removed what was replaced since"));
                }
                next += 1;
            }
        }
        match next == chunk.range.to {
            true => Ok(()),
            false => Err(self.unknown("compaction has removed what was replaced since")),
        }
    }

    fn unknown(&self, why: &str) -> SqlError {
        SqlError::new(
            SqlErrorKind::Unavailable,
            format!(
                "what '{}' held at that time is not known any more: {why}",
                self.table
            ),
        )
    }
}
