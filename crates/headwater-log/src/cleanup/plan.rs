//! Which segments a compaction rewrites. Pure.

/// A segment as retention and compaction see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// The first offset that it can hold.
    pub(crate) from: u64,
    /// The first offset of the next one.
    pub(crate) to: u64,
    /// Bytes of its batches.
    pub(crate) bytes: u64,
    /// Its highest timestamp.
    pub(crate) max_timestamp: i64,
}

/// What a compaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// How many segments, from the first, may be rewritten.
    pub(crate) segments: usize,
    /// The first offset whose key has not been compared with those before it yet.
    pub(crate) dirty_from: u64,
    /// The offset after the last one that may go.
    pub(crate) end: u64,
}

/// Compaction waits until one byte in this many that it would read is new.
const DIRTY_SHARE: u64 = 2;

/// Decides whether to compact: `closed` are the closed segments, `cleaned` is how far the last compaction
/// went, `limit` is the lowest pin or the checkpoint's end. `always`: even if little is new.
pub(crate) fn plan(closed: &[Stretch], cleaned: u64, limit: u64, always: bool) -> Option<Plan> {
    let segments = closed.iter().take_while(|s| s.to <= limit).count();
    let end = closed[..segments].last()?.to;
    let bytes = |dirty: bool| -> u64 {
        let counted = closed[..segments]
            .iter()
            .filter(|s| !dirty || s.to > cleaned);
        counted.map(|s| s.bytes).sum()
    };
    let (dirty, all) = (bytes(true), bytes(false));
    let enough = dirty > 0 && dirty.saturating_mul(DIRTY_SHARE) >= all;
    (always || enough).then_some(Plan {
        segments,
        dirty_from: cleaned.min(end),
        end,
    })
}
