//! Reading the write-ahead log back: the frames of one file, and whether what ends them is a torn end or damage.
//! Pure.

use super::file::WalPosition;
use super::frame::{self, FILE_HEADER_BYTES, FRAME_ALIGN, FRAME_HEADER_BYTES, FrameAt, FrameKind};

/// What is in a file from some place on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    /// The frames, in order.
    pub(crate) frames: Vec<FrameAt>,
    /// Where the last whole one ends.
    pub(crate) end: usize,
    /// Whether a mark says that this is the end and that all before it was durable.
    pub(crate) is_marked: bool,
}

/// Bytes that were durable and are not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Where in the file.
    pub(crate) at: u64,
}

/// Reads the frames of generation `generation` from `from` on. Up to `durable` everything is known to have been
/// synced; after it, a frame that is not whole is a torn end, unless something later proves that it was synced too.
///
/// # Errors
/// [`Damage`], where it begins.
pub(crate) fn scan(
    file: &[u8],
    generation: u32,
    from: usize,
    durable: u64,
) -> Result<Scan, Damage> {
    let mut scan = Scan {
        frames: Vec::new(),
        end: from,
        is_marked: false,
    };
    while let Some(frame) = frame::read(file, scan.end, generation) {
        if frame.header.kind == FrameKind::Mark {
            scan.is_marked = true;
            break;
        }
        scan.end = frame.end;
        scan.frames.push(frame);
    }
    let at = scan.end as u64;
    if at < durable || !scan.is_marked && proves_durable(file, generation, scan.end) {
        return Err(Damage { at });
    }
    Ok(scan)
}

/// Whether a header after `at` was written when what is at `at` was durable already.
fn proves_durable(file: &[u8], generation: u32, at: usize) -> bool {
    let wanted = generation.to_le_bytes();
    let mut next = at.next_multiple_of(FRAME_ALIGN);
    while next + FRAME_HEADER_BYTES <= file.len() {
        // Frames that are whole are passed over: what they hold may look like anything.
        let whole = (file[next + 8..next + 12] == wanted)
            .then(|| frame::read(file, next, generation))
            .flatten();
        let header = match &whole {
            Some(frame) => Some(frame.header),
            None => frame::read_header(file, next, generation),
        };
        if header.is_some_and(|header| header.durable > at as u64) {
            return true;
        }
        next = whole.map_or(next + FRAME_ALIGN, |frame| frame.end);
    }
    false
}

/// Where the file before this one ended, by this one's first frame; `None` if that is not there.
pub(crate) fn predecessor(file: &[u8], generation: u32) -> Option<WalPosition> {
    let first = frame::read(file, FILE_HEADER_BYTES, generation)?;
    let payload = file.get(first.payload)?;
    if first.header.kind != FrameKind::Start || payload.len() != 16 {
        return None;
    }
    let (mut generation, mut at) = ([0; 4], [0; 8]);
    generation.copy_from_slice(&payload[..4]);
    at.copy_from_slice(&payload[8..]);
    Some(WalPosition {
        generation: u32::from_le_bytes(generation),
        at: u64::from_le_bytes(at),
    })
}
