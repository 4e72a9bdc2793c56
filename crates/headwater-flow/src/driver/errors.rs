//! Records that did not decode: each once in `<table>$errors`, however many pipelines read the table.

use std::collections::BTreeMap;

use bytes::Bytes;
use headwater_log::{Commit, Condition, ErrorKind as LogErrorKind, Log, TopicPartition};

use super::epoch::Rejected;
use super::kept::{self, Provenance};
use super::output::ensure_topic;
use super::read::Input;
use crate::error::{Error, ErrorKind, Result};

/// Attempts against other pipelines that keep the same table's records.
const ATTEMPTS_MAX: usize = 16;

/// Keeps the records that nobody has kept yet; durable when it returns. Done before the epoch commits, so that
/// an epoch never goes past a record that is not kept.
///
/// # Errors
/// `Invalid` for a table with `'on-error' = 'fail'`; those of the log.
pub(super) fn keep(log: &Log, inputs: &[Input], rejects: Vec<Rejected>) -> Result<()> {
    let mut of_partition: BTreeMap<(usize, u32), Vec<Rejected>> = BTreeMap::new();
    for rejected in rejects {
        of_partition
            .entry((rejected.input, rejected.partition))
            .or_default()
            .push(rejected);
    }
    for ((input, partition), rejects) in of_partition {
        let input = &inputs[input];
        if input.reader.scan.def.options.get("on-error") == Some("fail") {
            return Err(failed(input, partition, &rejects[0]));
        }
        keep_partition(log, input, partition, &rejects)?;
    }
    Ok(())
}

fn keep_partition(log: &Log, input: &Input, partition: u32, rejects: &[Rejected]) -> Result<()> {
    let table = &input.reader.scan.def.name;
    let name = &input.names[partition as usize];
    let topic = format!("{table}$errors");
    let owner = format!("errors/{table}/{name}");
    ensure_topic(log, &topic)?;
    for _ in 0..ATTEMPTS_MAX {
        let position = log.position(&owner);
        let next = position.as_deref().map_or(0, parse_offset);
        let fresh = rejects.iter().filter(|r| r.reject.offset >= next);
        let records: Vec<_> = fresh
            .map(|r| {
                let original = input
                    .original(partition, r.reject.offset)
                    .unwrap_or_default();
                let from = Provenance {
                    table: table.clone(),
                    partition: name.clone(),
                    offset: r.reject.offset,
                };
                kept::rejected(original, &from, &r.reject.reason)
            })
            .collect();
        let Some(last) = rejects.last().filter(|_| !records.is_empty()) else {
            return Ok(());
        };
        let end = Bytes::from((last.reject.offset + 1).to_string());
        let commit = Commit::new()
            .when(Condition::Position {
                owner: owner.clone(),
                expected: position,
            })
            .append(TopicPartition::new(topic.clone(), 0), records)
            .position(owner.clone(), end);
        match log.commit(commit) {
            Err(e) if e.kind() == LogErrorKind::Conflict => {}
            other => return other.map(drop).map_err(Error::from),
        }
    }
    Err(Error::new(
        ErrorKind::Unavailable,
        format!("records of '{table}' that do not decode cannot be kept"),
    ))
}

fn parse_offset(bytes: &[u8]) -> u64 {
    std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

fn failed(input: &Input, partition: u32, rejected: &Rejected) -> Error {
    let (table, name) = (
        &input.reader.scan.def.name,
        &input.names[partition as usize],
    );
    let (offset, reason) = (rejected.reject.offset, &rejected.reject.reason);
    Error::new(
        ErrorKind::Invalid,
        format!("table '{table}': record at offset {offset} of partition '{name}' does not decode: {reason}"),
    )
    .with_hint(format!("without 'on-error' = 'fail' it would be kept in '{table}$errors' and the pipeline would go on"))
}
