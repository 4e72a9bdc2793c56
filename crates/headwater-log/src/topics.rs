//! The topics, partitions and pins of a log: the fold of all [`Change`]s. Readers see it behind a lock; only the
//! writer and recovery change it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::change::{Change, Compacted};
use crate::disk::Disk;
use crate::error::{Error, ErrorKind, Result};
use crate::partition::{IndexOrigin, Origin, Partition};
use crate::record::{Offset, TopicPartition};
use crate::segment::Segment;
use crate::topic::{TopicConfig, TopicDescription};

/// Directory of all topics.
pub(crate) const TOPICS_DIR: &str = "topics";

/// A topic with its partitions.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) description: TopicDescription,
    pub(crate) partitions: Vec<Arc<Partition>>,
}

/// Who pins what: owner, id of the topic, partition.
pub(crate) type PinKey = (String, u64, u32);

/// All topics.
#[derive(Debug)]
pub(crate) struct Topics {
    disk: Arc<dyn Disk>,
    by_name: BTreeMap<String, Arc<Topic>>,
    names: HashMap<u64, String>,
    next_id: u64,
    pins: BTreeMap<PinKey, Offset>,
    /// Files that nothing refers to after the next checkpoint.
    garbage: Vec<Garbage>,
}

/// What is to be removed once a checkpoint without it is durable.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Garbage {
    /// One file.
    File(String),
    /// A directory of a topic with all that is in it.
    Topic(String),
}

pub(crate) fn no_topic(name: &str) -> Error {
    Error::new(
        ErrorKind::NotFound,
        format!("topic {name:?} does not exist"),
    )
}

/// Directory of a topic.
fn topic_dir(name: &str, id: u64) -> String {
    format!("{TOPICS_DIR}/{name}.{id}")
}

/// What a partition of a topic begins with.
pub(crate) fn origin(
    disk: &Arc<dyn Disk>,
    name: &str,
    id: u64,
    partition: u32,
    config: &TopicConfig,
) -> Origin {
    let index = config.key_index.then(|| IndexOrigin {
        disk: Arc::clone(disk),
        terms: config.partitions == 1,
    });
    Origin {
        topic: id,
        name: TopicPartition::new(name, partition),
        dir: format!("{}/{partition}", topic_dir(name, id)).into(),
        segment_bytes: config.segment_bytes,
        internal: config.internal,
        index,
    }
}

impl Topics {
    /// No topics; their key indexes will lie on `disk`.
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        Self {
            disk,
            by_name: BTreeMap::new(),
            names: HashMap::new(),
            next_id: 0,
            pins: BTreeMap::new(),
            garbage: Vec::new(),
        }
    }

    /// A topic by name.
    ///
    /// # Errors
    /// `NotFound`.
    pub(crate) fn topic(&self, name: &str) -> Result<&Arc<Topic>> {
        self.by_name.get(name).ok_or_else(|| no_topic(name))
    }

    /// A topic by id.
    pub(crate) fn by_id(&self, id: u64) -> Option<&Arc<Topic>> {
        self.by_name.get(self.names.get(&id)?)
    }

    /// All topics, by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.by_name.values()
    }

    /// A partition by name.
    ///
    /// # Errors
    /// `NotFound`.
    pub(crate) fn partition(&self, of: &TopicPartition) -> Result<&Arc<Partition>> {
        self.find(of).map(|(_, partition)| partition)
    }

    /// A partition by name, with its topic.
    ///
    /// # Errors
    /// `NotFound`.
    pub(crate) fn find(&self, of: &TopicPartition) -> Result<(&Topic, &Arc<Partition>)> {
        let topic = self.topic(&of.topic)?;
        let partition = topic.partitions.get(of.partition as usize);
        let missing = || {
            let text = format!("partition \"{of}\" does not exist");
            Error::new(ErrorKind::NotFound, text)
        };
        Ok((topic, partition.ok_or_else(missing)?))
    }

    /// The partition of a topic that has no other.
    ///
    /// # Errors
    /// `NotFound`, `Unsupported` if there are many.
    pub(crate) fn only_partition(&self, topic: &str) -> Result<Arc<Partition>> {
        match &self.topic(topic)?.partitions[..] {
            [only] => Ok(Arc::clone(only)),
            _ => Err(Error::new(
                ErrorKind::Unsupported,
                format!("query over topic {topic:?}, which has many partitions"),
            )
            .with_hint("use a topic with one partition, or a condition over a version")),
        }
    }

    /// A partition by ids.
    pub(crate) fn partition_by_id(&self, topic: u64, partition: u32) -> Option<&Arc<Partition>> {
        self.by_id(topic)?.partitions.get(partition as usize)
    }

    /// The id that the next topic gets.
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Ids below are taken.
    pub(crate) fn reserve_ids(&mut self, next_id: u64) {
        self.next_id = self.next_id.max(next_id);
    }

    /// All pins.
    pub(crate) fn pins(&self) -> &BTreeMap<PinKey, Offset> {
        &self.pins
    }

    /// Up to where a partition may be trimmed.
    pub(crate) fn lowest_pin(&self, topic: u64, partition: u32) -> Option<Offset> {
        let on = |(_, t, p): &PinKey| *t == topic && *p == partition;
        let pins = self.pins.iter().filter(|(key, _)| on(key));
        pins.map(|(_, offset)| *offset).min()
    }

    /// Bytes of memory that the key indexes take.
    pub(crate) fn index_bytes(&self) -> u64 {
        let partitions = self.all().flat_map(|topic| &topic.partitions);
        let indexes = partitions.filter_map(|partition| partition.keys());
        indexes.map(|keys| keys.heap_bytes() as u64).sum()
    }

    /// What is to be removed after the next checkpoint.
    pub(crate) fn garbage(&self) -> &[Garbage] {
        &self.garbage
    }

    /// Notes something to be removed.
    pub(crate) fn discard(&mut self, garbage: Garbage) {
        self.garbage.push(garbage);
    }

    /// Notes the files of segments to be removed.
    pub(crate) fn discard_segments(&mut self, segments: &[Arc<Segment>]) {
        for segment in segments {
            self.discard(Garbage::File(segment.data_path()));
            self.discard(Garbage::File(segment.index_path()));
        }
    }

    /// These have been removed.
    pub(crate) fn removed(&mut self, garbage: &[Garbage]) {
        self.garbage.retain(|g| !garbage.contains(g));
    }

    /// Takes in a topic as a checkpoint has it.
    pub(crate) fn restore(&mut self, topic: Topic) {
        self.reserve_ids(topic.description.id + 1);
        self.insert(topic);
    }

    /// Takes in a pin as a checkpoint has it.
    pub(crate) fn restore_pin(&mut self, key: PinKey, offset: Offset) {
        self.pins.insert(key, offset);
    }

    fn insert(&mut self, topic: Topic) {
        let name = topic.description.name.clone();
        self.names.insert(topic.description.id, name.clone());
        self.by_name.insert(name, Arc::new(topic));
    }

    /// Applies a change that was decided or is being recovered. Changes of what is not there any more do nothing.
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::CreateTopic { id, name, config } => {
                self.reserve_ids(id + 1);
                let origin = |p| origin(&self.disk, name, *id, p, config);
                let partition = |p| Arc::new(Partition::empty(origin(p)));
                self.insert(Topic {
                    description: TopicDescription {
                        name: name.clone(),
                        id: *id,
                        config: config.clone(),
                    },
                    partitions: (0..config.partitions).map(partition).collect(),
                });
            }
            Change::AlterTopic { id, config } => self.alter(*id, config),
            Change::DeleteTopic { id } => self.delete(*id),
            Change::Trim {
                topic,
                partition,
                start,
            } => self.trim(*topic, *partition, *start),
            Change::Compact(compacted) => self.compact(compacted),
            Change::Pin {
                owner,
                topic,
                partition,
                offset,
            } => {
                self.pins
                    .insert((owner.clone(), *topic, *partition), *offset);
            }
            Change::Unpin { owner } => self.pins.retain(|(o, _, _), _| o != owner),
        }
    }

    fn alter(&mut self, id: u64, config: &TopicConfig) {
        let Some(topic) = self.by_id(id) else {
            return;
        };
        let name = topic.description.name.clone();
        let mut partitions = topic.partitions.clone();
        for partition in &partitions {
            partition.set_config(config);
        }
        for p in partitions.len() as u32..config.partitions {
            let origin = origin(&self.disk, &name, id, p, config);
            partitions.push(Arc::new(Partition::empty(origin)));
        }
        self.insert(Topic {
            description: TopicDescription {
                name,
                id,
                config: config.clone(),
            },
            partitions,
        });
    }

    fn delete(&mut self, id: u64) {
        let Some(topic) = self.names.remove(&id).and_then(|n| self.by_name.remove(&n)) else {
            return;
        };
        topic.partitions.iter().for_each(|p| p.delete());
        self.pins.retain(|(_, topic, _), _| *topic != id);
        self.discard(Garbage::Topic(topic_dir(&topic.description.name, id)));
    }

    fn compact(&mut self, compacted: &Compacted) {
        let Some(partition) = self
            .partition_by_id(compacted.topic, compacted.partition)
            .cloned()
        else {
            return;
        };
        let replaced = partition.compact(compacted);
        self.discard_segments(&replaced);
    }

    fn trim(&mut self, topic: u64, partition: u32, start: Offset) {
        let Some(partition) = self.partition_by_id(topic, partition).cloned() else {
            return;
        };
        let dropped = {
            let mut view = partition.view();
            let end = view.end();
            view.trim(start.min(end))
        };
        self.discard_segments(&dropped);
    }
}
