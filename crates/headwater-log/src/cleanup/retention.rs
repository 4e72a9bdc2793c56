//! Which segments retention gives up. Pure.

use super::plan::Stretch;
use crate::clock::Timestamp;
use crate::topic::Cleanup;

/// The start that a partition should have: after the closed segments that are too old or too many, but not beyond
/// `limit`, the lowest pin. `open_bytes` is the size of the open segment.
pub(crate) fn retained_from(
    closed: &[Stretch],
    open_bytes: u64,
    cleanup: &Cleanup,
    now: Timestamp,
    limit: u64,
) -> Option<u64> {
    let mut total = open_bytes + closed.iter().map(|s| s.bytes).sum::<u64>();
    let mut start = None;
    for segment in closed {
        let too_big = cleanup.retention_bytes.is_some_and(|most| total > most);
        let too_old = cleanup
            .retention_ms
            .is_some_and(|ms| segment.max_timestamp < now.0.saturating_sub(ms));
        if segment.to > limit || !(too_big || too_old) {
            break;
        }
        total -= segment.bytes;
        start = Some(segment.to);
    }
    start
}
