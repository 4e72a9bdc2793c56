//! Whether a wish for a change of the metadata can be granted, and what the change then is. Pure.

use super::request::MetadataRequest;
use crate::change::{Change, Compacted};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Offset, TopicPartition};
use crate::topic::{TopicConfig, check_name};
use crate::topics::Topics;

/// What comes of a wish.
#[derive(Debug)]
pub(crate) enum Decision {
    /// This change is to be committed.
    Change(Change),
    /// Everything is as wished already; with the offset to report, if there is one.
    Nothing(Option<Offset>),
}

/// Decides a wish.
///
/// # Errors
/// `Conflict`, `NotFound`, `Invalid`.
pub(crate) fn decide(topics: &Topics, wish: &MetadataRequest) -> Result<Decision> {
    let change = match wish {
        MetadataRequest::CreateTopic { name, config } => create(topics, name, config)?,
        MetadataRequest::AlterTopic { name, config } => alter(topics, name, config)?,
        MetadataRequest::DeleteTopic { name } => Change::DeleteTopic {
            id: topics.topic(name)?.description.id,
        },
        MetadataRequest::Trim { of, before } => return trim(topics, of, *before),
        MetadataRequest::Compact(compacted) => compact(topics, compacted)?,
        MetadataRequest::Pin { owner, of, offset } => return pin(topics, owner, of, *offset),
        MetadataRequest::Unpin { owner } => {
            if !topics.pins().keys().any(|(o, _, _)| o == owner) {
                return Ok(Decision::Nothing(None));
            }
            Change::Unpin {
                owner: owner.clone(),
            }
        }
    };
    Ok(Decision::Change(change))
}

/// The offset that a change is about, to be reported to whoever wished it.
pub(crate) fn offset_of(change: &Change) -> Option<Offset> {
    match change {
        Change::Trim { start, .. } => Some(*start),
        _ => None,
    }
}

fn create(topics: &Topics, name: &str, config: &TopicConfig) -> Result<Change> {
    check_name(name)?;
    config.check()?;
    if topics.topic(name).is_ok() {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("topic {name:?} exists already"),
        ));
    }
    Ok(Change::CreateTopic {
        id: topics.next_id(),
        name: name.to_owned(),
        config: config.clone(),
    })
}

fn alter(topics: &Topics, name: &str, config: &TopicConfig) -> Result<Change> {
    config.check()?;
    let topic = topics.topic(name)?;
    let now = &topic.description.config;
    let wrong = if config.partitions < now.partitions {
        "partitions of a topic cannot become fewer"
    } else if config.key_index != now.key_index {
        "key index of a topic cannot be changed"
    } else {
        return Ok(Change::AlterTopic {
            id: topic.description.id,
            config: config.clone(),
        });
    };
    Err(Error::new(
        ErrorKind::Invalid,
        format!("topic {name:?}: {wrong}"),
    ))
}

/// Rewritten segments take effect if what they were made from is still there.
fn compact(topics: &Topics, compacted: &Compacted) -> Result<Change> {
    let partition = topics.partition_by_id(compacted.topic, compacted.partition);
    let still = partition.and_then(|partition| partition.replaced_by(compacted));
    if still.is_none() {
        return Err(Error::new(
            ErrorKind::Conflict,
            "segments went while they were compacted",
        ));
    }
    Ok(Change::Compact(compacted.clone()))
}

fn trim(topics: &Topics, of: &TopicPartition, before: Offset) -> Result<Decision> {
    let partition = topics.partition(of)?;
    let (start, end) = {
        let view = partition.view();
        (view.start(), view.end())
    };
    if before > end {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "offset {} is beyond the end {} of \"{of}\"",
                before.0, end.0
            ),
        ));
    }
    let pinned = topics.lowest_pin(partition.topic, of.partition);
    let to = pinned.map_or(before, |pin| pin.min(before));
    if to <= start {
        return Ok(Decision::Nothing(Some(start)));
    }
    Ok(Decision::Change(Change::Trim {
        topic: partition.topic,
        partition: of.partition,
        start: to,
    }))
}

fn pin(topics: &Topics, owner: &str, of: &TopicPartition, offset: Offset) -> Result<Decision> {
    let partition = topics.partition(of)?;
    let (start, end) = {
        let view = partition.view();
        (view.start(), view.end())
    };
    if offset < start || offset > end {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "offset {} of \"{of}\" cannot be pinned: it has {} to {}",
                offset.0, start.0, end.0
            ),
        ));
    }
    let key = (owner.to_owned(), partition.topic, of.partition);
    if topics.pins().get(&key) == Some(&offset) {
        return Ok(Decision::Nothing(None));
    }
    Ok(Decision::Change(Change::Pin {
        owner: key.0,
        topic: key.1,
        partition: key.2,
        offset,
    }))
}
