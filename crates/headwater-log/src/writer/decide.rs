//! The deciding half of the writer: whether a commit's conditions hold, and which number, offsets and places it
//! gets. It reads nothing but key indexes and cannot fail half-way: a commit is accepted whole or leaves no trace.

use bytes::Bytes;
use smallvec::SmallVec;

use super::request::{Prepared, PreparedAppend, PreparedBatch, PreparedCondition};
use crate::commit::{ExpectedVersion, Receipt};
use crate::error::{ConflictDetail, Error, ErrorKind, Result};
use crate::keyindex::{Earlier, Term};
use crate::partition::Partition;
use crate::partition::lane::Place;
use crate::positions::Positions;
use crate::record::{CommitNumber, Offset, Version};

use std::collections::HashMap;
use std::sync::Arc;

/// What a group of commits has decided so far, ahead of what is published.
#[derive(Debug)]
pub(crate) struct Ledger<'a> {
    /// The newest number given out.
    pub(crate) last: CommitNumber,
    /// The published positions.
    pub(crate) published: &'a Positions,
    /// Positions set by commits that are not published yet.
    pub(crate) positions: &'a mut HashMap<String, Option<Bytes>>,
    /// The size at which segments are closed, whatever their topics say.
    pub(crate) segment_bytes_max: u64,
}

/// A commit that will happen.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) number: CommitNumber,
    /// How many of the placed batches are its.
    pub(crate) batches: usize,
    pub(crate) positions: Vec<(String, Option<Bytes>)>,
}

/// A batch with its place.
#[derive(Debug)]
pub(crate) struct PlacedBatch {
    pub(crate) partition: Arc<Partition>,
    pub(crate) batch: PreparedBatch,
    pub(crate) place: Place,
}

impl Ledger<'_> {
    /// Decides one commit; its batches are added to `placed`.
    ///
    /// # Errors
    /// `Conflict` if a condition does not hold, `NotFound` if a topic is gone. Then nothing is added.
    pub(crate) fn decide(
        &mut self,
        commit: Prepared,
        placed: &mut Vec<PlacedBatch>,
    ) -> Result<(Accepted, Receipt)> {
        for append in &commit.appends {
            if append.partition.is_deleted() {
                return Err(crate::topics::no_topic(&append.partition.name.topic));
            }
        }
        for append in &commit.appends {
            if let Some(keys) = append.partition.keys() {
                keys.begin();
            }
        }
        for condition in &commit.conditions {
            self.check(condition)?;
        }
        let earlier = commit.appends.iter().map(look_up);
        let earlier: SmallVec<[Earlier; 1]> = earlier.collect::<Result<_>>()?;
        let before = placed.len();
        let mut receipt = Receipt {
            number: CommitNumber(self.last.0 + 1),
            offsets: commit.offsets,
            versions: Vec::new(),
        };
        for append in commit.appends.into_iter().zip(&earlier) {
            place(append, self.segment_bytes_max, placed, &mut receipt);
        }
        for (owner, value) in &commit.positions {
            self.positions.insert(owner.clone(), value.clone());
        }
        self.last = receipt.number;
        let accepted = Accepted {
            number: receipt.number,
            batches: placed.len() - before,
            positions: commit.positions,
        };
        Ok((accepted, receipt))
    }

    fn check(&self, condition: &PreparedCondition) -> Result<()> {
        let no_index = || Error::new(ErrorKind::Bug, "condition without a key index");
        match condition {
            PreparedCondition::Version { of, key, expected } => {
                let keys = of.keys().ok_or_else(no_index)?;
                let actual = keys.next_version(key, of.view().start().0)?;
                check_version(of, key, *expected, actual)
            }
            PreparedCondition::NoneSince { of, terms, after } => {
                let keys = of.keys().ok_or_else(no_index)?;
                let since = after.0.max(of.view().start().0)..keys.next_offset();
                match keys.any_match(terms, &since)? {
                    Some(found) => Err(came(of, Offset(found))),
                    None => Ok(()),
                }
            }
            PreparedCondition::Position { owner, expected } => {
                self.check_position(owner, expected.as_ref())
            }
        }
    }

    fn check_position(&self, owner: &str, expected: Option<&Bytes>) -> Result<()> {
        let holds = match self.positions.get(owner) {
            Some(decided) => decided.as_ref() == expected,
            None => self.published.get(owner).as_ref() == expected,
        };
        if holds {
            return Ok(());
        }
        let actual = match self.positions.get(owner) {
            Some(decided) => decided.clone(),
            None => self.published.get(owner),
        };
        let owner = owner.to_owned();
        Err(Error::new(
            ErrorKind::Conflict,
            format!("position of {owner:?} is not the expected one"),
        )
        .with_conflict(ConflictDetail::Position { owner, actual }))
    }
}

fn check_version(
    of: &Partition,
    key: &Term,
    expected: ExpectedVersion,
    actual: Option<Version>,
) -> Result<()> {
    let holds = match expected {
        ExpectedVersion::Any => true,
        ExpectedVersion::NoStream => actual.is_none(),
        ExpectedVersion::Exists => actual.is_some(),
        ExpectedVersion::Exact(expected) => actual == Some(expected),
    };
    if holds {
        return Ok(());
    }
    let has = actual.map_or("no record".to_owned(), |v| format!("version {}", v.0));
    let wanted = match expected {
        ExpectedVersion::Exact(version) => format!("version {}", version.0),
        ExpectedVersion::Exists => "any".to_owned(),
        ExpectedVersion::NoStream | ExpectedVersion::Any => "none".to_owned(),
    };
    let name = String::from_utf8_lossy(key.name());
    let message = format!(
        "key {name:?} of \"{}\" has {has} instead of {wanted}",
        of.name
    );
    let detail = ConflictDetail::Version {
        of: of.name.clone(),
        key: Bytes::copy_from_slice(key.name()),
        expected,
        actual,
    };
    Err(Error::new(ErrorKind::Conflict, message).with_conflict(detail))
}

/// A record that a condition excludes has come.
fn came(of: &Partition, found: Offset) -> Error {
    let topic = of.name.topic.clone();
    let message = format!(
        "record at offset {} of topic {topic:?} matches what must not have come",
        found.0
    );
    Error::new(ErrorKind::Conflict, message)
        .with_conflict(ConflictDetail::NoneSince { topic, found })
}

/// Looks up what an append needs of the key index.
fn look_up(append: &PreparedAppend) -> Result<Earlier> {
    match (append.partition.keys(), &append.entries) {
        (Some(keys), Some(entries)) => keys.prepare(entries),
        _ => Ok(Earlier::default()),
    }
}

/// Gives the batches of an append their offsets and places.
fn place(
    (append, earlier): (PreparedAppend, &Earlier),
    segment_bytes_max: u64,
    placed: &mut Vec<PlacedBatch>,
    receipt: &mut Receipt,
) {
    let partition = append.partition;
    let mut lane = partition.lane();
    let first = Offset(lane.next());
    for prepared in append.batches {
        let batch = &prepared.batch;
        let count = batch.next_offset().0 - batch.base_offset().0;
        let place = lane.place(
            batch.bytes().len() as u64,
            count,
            batch.max_timestamp().0,
            partition.segment_bytes().min(segment_bytes_max),
        );
        placed.push(PlacedBatch {
            partition: Arc::clone(&partition),
            batch: prepared,
            place,
        });
    }
    drop(lane);
    if let (Some(keys), Some(entries)) = (partition.keys(), &append.entries) {
        let start = partition.view().start();
        let versions = keys.apply(start.0, first.0, (entries, earlier));
        match receipt.versions.is_empty() {
            true => receipt.versions = versions,
            false => receipt.versions.extend(versions),
        }
    }
    receipt.offsets.push(first);
}
