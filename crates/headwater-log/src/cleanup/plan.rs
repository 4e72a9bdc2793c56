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

/// For how little a compaction is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// If it is worth reading everything: the log does it by itself.
    Due,
    /// If anything is new: there is no room.
    Thorough,
    /// In any case: it was asked for.
    Whole,
}

/// Compaction waits until one byte in this many that it would read is new.
const DIRTY_SHARE: u64 = 2;

/// It waits too until one record in this many that are new could go: what is only added to has nothing to compact.
const OUTDATED_SHARE: u64 = 8;

/// Decides whether to compact: `closed` are the closed segments, `cleaned` is how far the last compaction
/// went, `limit` is the lowest pin or the checkpoint's end, `outdated` how many records could go, as far as somebody counts them.
pub(crate) fn plan(
    closed: &[Stretch],
    cleaned: u64,
    limit: u64,
    outdated: Option<u64>,
    effort: Effort,
) -> Option<Plan> {
    let segments = closed.iter().take_while(|s| s.to <= limit).count();
    let end = closed[..segments].last()?.to;
    let bytes = |dirty: bool| -> u64 {
        let counted = closed[..segments]
            .iter()
            .filter(|s| !dirty || s.to > cleaned);
        counted.map(|s| s.bytes).sum()
    };
    let (dirty, all) = (bytes(true), bytes(false));
    let new = end.saturating_sub(cleaned);
    let could_go = outdated.is_none_or(|outdated| outdated >= new.div_ceil(OUTDATED_SHARE));
    let enough = match effort {
        Effort::Due => dirty > 0 && dirty.saturating_mul(DIRTY_SHARE) >= all && could_go,
        Effort::Thorough => dirty > 0,
        Effort::Whole => true,
    };
    enough.then_some(Plan {
        segments,
        dirty_from: cleaned.min(end),
        end,
    })
}
