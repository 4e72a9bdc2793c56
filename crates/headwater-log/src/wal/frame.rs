//! One frame: a header with length, checksum and generation of its file, then a payload. Pure.

use super::file::WalPosition;
use crate::checksum::crc32c;

/// Bytes of a frame's header.
pub(crate) const FRAME_HEADER_BYTES: usize = 32;
/// Frames begin at multiples of this.
pub(crate) const FRAME_ALIGN: usize = 8;
/// Bytes of a file's header; the first frame comes after it.
pub(crate) const FILE_HEADER_BYTES: usize = 4096;
/// What a file begins with; the last byte is [`FILE_VERSION`].
const FILE_MAGIC: &[u8; 8] = b"HWWAL\0\0\x02";
/// Version of the format: 1 had frames without a checksum of their header, and no marks.
pub(crate) const FILE_VERSION: u8 = FILE_MAGIC[7];

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// The first of a file: says where the file before it ended.
    Start,
    /// A commit.
    Commit,
    /// Everything before it is durable. It is no part of the log: the next group is written over it.
    Mark,
}

impl FrameKind {
    fn id(self) -> u8 {
        match self {
            Self::Start => 1,
            Self::Commit => 2,
            Self::Mark => 3,
        }
    }

    fn from_id(id: u8) -> Option<Self> {
        match id {
            1 => Some(Self::Start),
            2 => Some(Self::Commit),
            3 => Some(Self::Mark),
            _ => None,
        }
    }
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) kind: FrameKind,
    /// Generation of the file: frames left over from the file's former life have a lower one.
    pub(crate) generation: u32,
    /// All before this byte of the file was durable when the frame was written.
    pub(crate) durable: u64,
    /// Number of the commit; of other frames: of the next commit.
    pub(crate) commit: u64,
}

/// A frame found in the bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FrameAt {
    pub(crate) header: FrameHeader,
    /// Where its payload lies.
    pub(crate) payload: std::ops::Range<usize>,
    /// Where the next frame begins.
    pub(crate) end: usize,
}

/// Bytes that a frame with a payload of `len` bytes takes.
pub(crate) fn frame_bytes(len: usize) -> usize {
    (FRAME_HEADER_BYTES + len).next_multiple_of(FRAME_ALIGN)
}

/// Begins a frame at the end of `out`; the payload is to be appended, then [`finish`] called with what this gives.
pub(crate) fn begin(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.resize(start + FRAME_HEADER_BYTES, 0);
    start
}

/// Fills in the header of the frame that [`begin`] began, and its padding.
pub(crate) fn finish(out: &mut Vec<u8>, start: usize, header: &FrameHeader) {
    let len = out.len() - start - FRAME_HEADER_BYTES;
    out[start..start + 4].copy_from_slice(&(len as u32).to_le_bytes());
    out[start + 8..start + 12].copy_from_slice(&header.generation.to_le_bytes());
    out[start + 12] = header.kind.id();
    out[start + 16..start + 24].copy_from_slice(&header.durable.to_le_bytes());
    out[start + 24..start + 32].copy_from_slice(&header.commit.to_le_bytes());
    let check = header_check(&out[start..start + FRAME_HEADER_BYTES]);
    out[start + 13..start + 16].copy_from_slice(&check);
    let crc = crc32c(&out[start + 8..]);
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
    out.resize(start + frame_bytes(len), 0);
}

/// Bytes of a mark.
pub(crate) const MARK_BYTES: usize = FRAME_HEADER_BYTES;

/// A mark that everything before `durable` is durable; `next` is the number of the next commit.
pub(crate) fn mark(generation: u32, durable: u64, next: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(MARK_BYTES);
    let start = begin(&mut out);
    let header = FrameHeader {
        kind: FrameKind::Mark,
        generation,
        durable,
        commit: next,
    };
    finish(&mut out, start, &header);
    out
}

/// The first frame of a file, which says where the one before it ended.
pub(crate) fn start(before: WalPosition, generation: u32, next: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let start = begin(&mut out);
    out.extend_from_slice(&before.generation.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&before.at.to_le_bytes());
    let header = FrameHeader {
        kind: FrameKind::Start,
        generation,
        durable: FILE_HEADER_BYTES as u64,
        commit: next,
    };
    finish(&mut out, start, &header);
    out
}

/// The checksum of a header alone, so that a frame whose payload was torn still proves what was durable before it.
fn header_check(head: &[u8]) -> [u8; 3] {
    let mut fields = [0; FRAME_HEADER_BYTES - 7];
    fields[..4].copy_from_slice(&head[..4]);
    fields[4..9].copy_from_slice(&head[8..13]);
    fields[9..].copy_from_slice(&head[16..FRAME_HEADER_BYTES]);
    let [_, check @ ..] = crc32c(&fields).to_le_bytes();
    check
}

/// The header of a frame of generation `generation` that begins at `at`, whether the payload is whole or not.
pub(crate) fn read_header(file: &[u8], at: usize, generation: u32) -> Option<FrameHeader> {
    let head = file.get(at..at.checked_add(FRAME_HEADER_BYTES)?)?;
    if u32_at(head, 8) != generation || header_check(head) != head[13..16] {
        return None;
    }
    Some(FrameHeader {
        kind: FrameKind::from_id(head[12])?,
        generation,
        durable: u64_at(head, 16),
        commit: u64_at(head, 24),
    })
}

/// The frame of generation `generation` that begins at `at`, if a whole one does.
pub(crate) fn read(file: &[u8], at: usize, generation: u32) -> Option<FrameAt> {
    let header = read_header(file, at, generation)?;
    let head = &file[at..at + FRAME_HEADER_BYTES];
    let len = u32_at(head, 0) as usize;
    let end = at + FRAME_HEADER_BYTES + len;
    let checked = file.get(at + 8..end)?;
    if crc32c(checked) != u32_at(head, 4) {
        return None;
    }
    Some(FrameAt {
        header,
        payload: at + FRAME_HEADER_BYTES..end,
        end: at + frame_bytes(len),
    })
}

/// The version that the header of a file names, if it is whole.
pub(crate) fn file_version(file: &[u8]) -> Option<u8> {
    let header = file.get(..28)?;
    let is_whole =
        header.starts_with(&FILE_MAGIC[..7]) && crc32c(&header[..24]) == u32_at(header, 24);
    is_whole.then_some(header[7])
}

/// Whether something of generation `generation` was written at `at`, in any version of the format: a frame, not the mark of an end.
pub(crate) fn begins(file: &[u8], at: usize, generation: u32) -> bool {
    let is_mark = read_header(file, at, generation).is_some_and(|h| h.kind == FrameKind::Mark);
    let field = file.get(at..).and_then(|rest| rest.get(8..12));
    !is_mark && field.is_some_and(|field| field == generation.to_le_bytes())
}

/// Where the header block of a file is not as it was written; `None` if it is.
pub(crate) fn file_header_damage(file: &[u8], generation: u32) -> Option<usize> {
    let block = file.get(..FILE_HEADER_BYTES).unwrap_or(file);
    let size = block.get(16..24).map_or(0, |_| u64_at(block, 16));
    let wanted = file_header(generation, size);
    match (0..wanted.len()).find(|at| block.get(*at) != Some(&wanted[*at])) {
        // If the checksum alone differs, it is right and the size is not.
        Some(24..28) => Some(16),
        at => at,
    }
}

/// The header block of a file.
pub(crate) fn file_header(generation: u32, size: u64) -> Vec<u8> {
    let mut block = vec![0; FILE_HEADER_BYTES];
    block[..8].copy_from_slice(FILE_MAGIC);
    block[8..12].copy_from_slice(&generation.to_le_bytes());
    block[16..24].copy_from_slice(&size.to_le_bytes());
    let crc = crc32c(&block[..24]);
    block[24..28].copy_from_slice(&crc.to_le_bytes());
    block
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(field)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}
