//! The state of the log between two groups, as a checkpoint records it.

use std::sync::Arc;

use super::state::Shared;
use crate::checkpoint::{Cut, PartitionCut, PositionCut, SegmentCut, TopicCut};
use crate::partition::Partition;
use crate::record::CommitNumber;
use crate::wal::file::WalPosition;

impl Shared {
    /// The state now; called by the writer between two groups.
    pub(crate) fn cut(&self, wal: WalPosition, last: CommitNumber) -> Cut {
        let topics = self.topics();
        let position = |(owner, value)| PositionCut { owner, value };
        let topic = |topic: &Arc<crate::topics::Topic>| TopicCut {
            id: topic.description.id,
            name: topic.description.name.clone(),
            config: topic.description.config.clone(),
            partitions: topic.partitions.iter().map(|p| cut_partition(p)).collect(),
        };
        Cut {
            last,
            wal,
            next_topic: topics.next_id(),
            topics: topics.all().map(topic).collect(),
            positions: self.positions.all().into_iter().map(position).collect(),
            pins: topics.pins().iter().map(|(k, v)| (k.clone(), *v)).collect(),
            garbage: topics.garbage().to_vec(),
        }
    }
}

fn cut_partition(partition: &Partition) -> PartitionCut {
    if let Some(keys) = partition.keys() {
        keys.freeze();
    }
    let open = partition.lane().open_segment().1;
    let view = partition.view();
    let segment = |segment: &Arc<crate::segment::Segment>| SegmentCut {
        base: segment.base(),
        revision: segment.revision(),
        extent: segment.sealed().unwrap_or(open),
    };
    PartitionCut {
        start: view.start().0,
        end: view.end().0,
        index: None,
        cleaned: partition.cleaned(),
        segments: view.segments().iter().map(segment).collect(),
    }
}
