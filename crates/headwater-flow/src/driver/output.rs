//! One output of a pipeline: its sink, and the late rows on the way to it.

use headwater_log::{Commit, Log, Record, TopicConfig, TopicPartition};

use super::input::Input;
use super::kept::{self, Provenance};
use crate::connector::{FailedRow, LateRow, OriginalRecord, Sink};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::OutputInfo;
use crate::time::Origin;

pub(super) struct Output {
    info: OutputInfo,
    pub(super) sink: Box<dyn Sink>,
    late: Vec<Record>,
    failed: Vec<Record>,
    keeps_late: bool,
}

impl Output {
    pub(super) fn new(info: OutputInfo, sink: Box<dyn Sink>, keeps_late: bool) -> Self {
        Self {
            info,
            sink,
            late: Vec::new(),
            failed: Vec::new(),
            keeps_late,
        }
    }

    /// Makes records of late rows, while the chunks that they came from are at hand.
    pub(super) fn take_late(&mut self, rows: Vec<LateRow>, inputs: &mut [Input]) {
        for row in rows {
            let origin = row.origin.map(Origin::unpack);
            let input = origin.and_then(|o| inputs.get_mut(usize::from(o.input)));
            if let Some(input) = input {
                input.tracker.note_late(&row);
            }
            let from = origin.and_then(|origin| brought(origin, inputs));
            let record = match from {
                Some((original, provenance)) => kept::late(&row, original, Some(&provenance)),
                None => kept::late(&row, None, None),
            };
            self.late.push(record);
        }
    }

    /// Makes records of rows that nothing can be made of, while the chunks that they came from are at hand.
    ///
    /// # Errors
    /// `Invalid` if such rows are to end the pipeline.
    pub(super) fn take_failed(&mut self, rows: Vec<FailedRow>, inputs: &[Input]) -> Result<()> {
        if let (true, Some(row)) = (self.info.fails, rows.first()) {
            let reason = self.info.reasons.of(row.reason.clone());
            return Err(Error::new(ErrorKind::Invalid, reason));
        }
        for mut row in rows {
            row.reason = self.info.reasons.of(row.reason);
            let from = row.origin.map(Origin::unpack);
            let from = from.and_then(|origin| brought(origin, inputs));
            self.failed.push(kept::failed(&row, from));
        }
        Ok(())
    }

    /// Adds them to the epoch's commit, and says how many they are.
    pub(super) fn keep_failed(&mut self, log: &Log, commit: &mut Commit) -> Result<u64> {
        let records = std::mem::take(&mut self.failed);
        let count = records.len() as u64;
        if count > 0 && self.keeps_late {
            let topic = kept::errors_topic(&self.info.name);
            ensure_topic(log, &topic)?;
            commit.appends.push(headwater_log::Append {
                to: TopicPartition::new(topic, 0),
                records,
            });
        }
        Ok(count)
    }

    /// Adds the late records to the epoch's commit, and says how many they are.
    pub(super) fn keep_late(&mut self, log: &Log, commit: &mut Commit) -> Result<u64> {
        let records = std::mem::take(&mut self.late);
        if records.is_empty() {
            return Ok(0);
        }
        let count = records.len() as u64;
        if !self.keeps_late {
            return Ok(count);
        }
        let topic = kept::late_topic(&self.info.name);
        ensure_topic(log, &topic)?;
        commit.appends.push(headwater_log::Append {
            to: TopicPartition::new(topic, 0),
            records,
        });
        Ok(count)
    }
}

/// The record that brought a row, and where it was.
fn brought(origin: Origin, inputs: &[Input]) -> Option<(Option<OriginalRecord>, Provenance)> {
    let input = inputs.get(usize::from(origin.input))?;
    let original = input.original(u32::from(origin.partition), origin.offset);
    let partition = input.partitions.get(usize::from(origin.partition))?;
    let provenance = Provenance {
        table: input.table().to_owned(),
        partition: partition.name.clone(),
        offset: origin.offset,
    };
    Some((original, provenance))
}

/// Creates a one-partition topic unless it is there.
pub(super) fn ensure_topic(log: &Log, topic: &str) -> Result<()> {
    if log.topic(topic).is_some() {
        return Ok(());
    }
    match log.create_topic(topic, TopicConfig::default()) {
        Err(e) if e.kind() == ErrorKind::Conflict => Ok(()),
        other => Ok(other?),
    }
}
