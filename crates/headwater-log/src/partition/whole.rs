//! [`Partition`]: its lane, its view and its key index together, and the changes that touch more than one of them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::change::Compacted;
use crate::disk::Disk;
use crate::keyindex::{IndexManifest, KeyIndex};
use crate::record::{Offset, TopicPartition};
use crate::segment::Segment;
use crate::topic::TopicConfig;

use super::lane::Lane;
use super::view::View;

/// A partition of a topic that exists or existed.
#[derive(Debug)]
pub(crate) struct Partition {
    /// Id of its topic.
    pub(crate) topic: u64,
    /// Its name.
    pub(crate) name: TopicPartition,
    /// Its directory.
    pub(crate) dir: Arc<str>,
    /// The size at which a segment is closed.
    segment_bytes: AtomicU64,
    internal: AtomicBool,
    deleted: AtomicBool,
    lane: Mutex<Lane>,
    view: Mutex<View>,
    keys: Option<KeyIndex>,
    /// How far compaction has gone: before it each key is there once.
    cleaned: AtomicU64,
    /// The end as of the newest durable checkpoint: all before it is in segments and key index.
    checkpointed: AtomicU64,
}

/// What a partition begins with.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) topic: u64,
    pub(crate) name: TopicPartition,
    pub(crate) dir: Arc<str>,
    pub(crate) segment_bytes: u64,
    pub(crate) internal: bool,
    /// Where its key index lies, if its topic has one.
    pub(crate) index: Option<IndexOrigin>,
}

/// What a key index begins with.
#[derive(Debug)]
pub(crate) struct IndexOrigin {
    pub(crate) disk: Arc<dyn Disk>,
    /// Whether types and tags are indexed too.
    pub(crate) terms: bool,
}

impl Origin {
    /// The key index that a checkpoint records.
    pub(crate) fn keys(&self, manifest: &IndexManifest) -> Option<KeyIndex> {
        let index = self.index.as_ref()?;
        let (disk, dir) = (Arc::clone(&index.disk), Arc::clone(&self.dir));
        Some(KeyIndex::new(disk, dir, index.terms, manifest))
    }
}

impl Partition {
    /// A partition with these segments, the last one open.
    pub(crate) fn new(origin: Origin, lane: Lane, view: View, keys: Option<KeyIndex>) -> Self {
        Self {
            topic: origin.topic,
            name: origin.name,
            dir: origin.dir,
            segment_bytes: AtomicU64::new(origin.segment_bytes),
            internal: AtomicBool::new(origin.internal),
            deleted: AtomicBool::new(false),
            lane: Mutex::new(lane),
            view: Mutex::new(view),
            keys,
            cleaned: AtomicU64::new(0),
            checkpointed: AtomicU64::new(0),
        }
    }

    /// A partition without records.
    pub(crate) fn empty(origin: Origin) -> Self {
        let segment = Arc::new(Segment::new(
            Arc::clone(&origin.dir),
            0,
            0,
            crate::segment::Extent::EMPTY,
        ));
        let view = View::new(0, 0, vec![Arc::clone(&segment)]);
        let lane = Lane::new(0, segment, crate::segment::Extent::EMPTY);
        let keys = origin.keys(&IndexManifest::default());
        Self::new(origin, lane, view, keys)
    }

    /// What the writer needs of it. Never taken while the view is held.
    pub(crate) fn lane(&self) -> MutexGuard<'_, Lane> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What readers see of it. Held for moments only.
    pub(crate) fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index of its keys, if its topic has one. It may be ahead of the durable end.
    pub(crate) fn keys(&self) -> Option<&KeyIndex> {
        self.keys.as_ref()
    }

    /// Up to where compaction has looked at every key.
    pub(crate) fn cleaned(&self) -> u64 {
        self.cleaned.load(Ordering::Acquire)
    }

    /// The end as of the newest durable checkpoint.
    pub(crate) fn checkpointed(&self) -> u64 {
        self.checkpointed.load(Ordering::Acquire)
    }

    /// A checkpoint that ends here is durable.
    pub(crate) fn set_checkpointed(&self, end: u64) {
        self.checkpointed.store(end, Ordering::Release);
    }

    /// Compaction has gone so far.
    pub(crate) fn set_cleaned(&self, offset: u64) {
        self.cleaned.store(offset, Ordering::Release);
    }

    /// Whether its topic has a key index.
    pub(crate) fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    pub(crate) fn segment_bytes(&self) -> u64 {
        self.segment_bytes.load(Ordering::Relaxed)
    }

    /// Whether its topic is machinery.
    pub(crate) fn is_internal(&self) -> bool {
        self.internal.load(Ordering::Relaxed)
    }

    /// Its topic is kept like this from now on.
    pub(crate) fn set_config(&self, config: &TopicConfig) {
        self.segment_bytes
            .store(config.segment_bytes, Ordering::Relaxed);
        self.internal.store(config.internal, Ordering::Relaxed);
    }

    /// The segments that a compaction has rewritten, if they are all still there.
    pub(crate) fn replaced_by(&self, compacted: &Compacted) -> Option<Vec<Arc<Segment>>> {
        let view = self.view();
        let segments = view.segments();
        let names = compacted.old.iter();
        let from = names.clone().next()?.0;
        let at = segments.iter().position(|s| s.base() == from)?;
        let old = segments.get(at..at + compacted.old.len())?;
        let named = old.iter().map(|s| (s.base(), s.revision()));
        (named.eq(names.copied()) && at + old.len() < segments.len()).then(|| old.to_vec())
    }

    /// Puts rewritten segments and their run of the key index in their places; gives those that went.
    pub(crate) fn compact(&self, compacted: &Compacted) -> Vec<Arc<Segment>> {
        let Some(old) = self.replaced_by(compacted) else {
            return Vec::new();
        };
        let new = compacted.new.iter().map(|cut| {
            let segment = Segment::new(Arc::clone(&self.dir), cut.base, cut.revision, cut.extent);
            segment.seal(Some(cut.extent));
            Arc::new(segment)
        });
        {
            let mut view = self.view();
            let last = old.last().map_or(0, |last| last.base());
            let behind = view.segments().iter().find(|s| s.base() > last);
            let behind = behind.map_or(compacted.cleaned, |s| s.base());
            view.replace(&old, new.collect());
            // What memory still holds of them is as before the compaction.
            view.evict(Offset(behind));
        }
        if let (Some(keys), Some(run)) = (self.keys(), compacted.run) {
            keys.replace(run);
        }
        self.set_cleaned(compacted.cleaned);
        old
    }

    /// Its topic is gone: nothing can be appended any more.
    pub(crate) fn delete(&self) {
        self.deleted.store(true, Ordering::Release);
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }
}
