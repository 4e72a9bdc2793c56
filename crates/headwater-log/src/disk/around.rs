//! Writing around the page cache (`O_DIRECT`). Copying into pages that the cache has yet to find takes several times as
//! long as the disk takes to write them, so what is large goes from memory that is used again and again to the disk.
//!
//! The disk takes whole blocks. What lies in the first and the last block of a write goes through the cache, so that each
//! block is always written one way, whatever its neighbours were: a block that is shared by two writes is never read back.
#![expect(clippy::disallowed_methods, reason = "this is the seam")]

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::fs::OFlags;

/// A multiple of the blocks of all disks.
const BLOCK_BYTES: usize = 4096;
/// Fewer bytes are not worth it.
const AROUND_BYTES_MIN: usize = 128 << 10;
/// Bytes that are written at a time.
const BUFFER_BYTES: usize = 1 << 20;
/// Threads for one write: while one copies, the other has the disk work.
const THREADS: usize = 2;
/// Buffers that are kept: for two writes at a time.
const BUFFERS_MAX: usize = 2 * THREADS;

/// Buffers that are not in use.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<Vec<Buffer>>);

/// Memory of which a part begins at a multiple of the block size.
#[derive(Debug, Default)]
struct Buffer(Vec<u8>);

impl Buffer {
    /// The part, `len` bytes of it.
    fn part(&mut self, len: usize) -> &mut [u8] {
        if self.0.len() < len + BLOCK_BYTES {
            self.0 = vec![0; len.next_power_of_two().min(BUFFER_BYTES) + BLOCK_BYTES];
        }
        let from = self.0.as_ptr().align_offset(BLOCK_BYTES);
        &mut self.0[from..from + len]
    }
}

impl Buffers {
    fn take(&self) -> Buffer {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        free.pop().unwrap_or_default()
    }

    fn give_back(&self, buffer: Buffer) {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < BUFFERS_MAX {
            free.push(buffer);
        }
    }

    /// Writes what of `parts` fills whole blocks around the cache; gives the range of the parts' bytes that it has written,
    /// an empty one if that is not worth it or the file system does not know how.
    pub(super) fn write(&self, path: &Path, parts: &[&[u8]], at: u64) -> io::Result<Range<usize>> {
        let all: usize = parts.iter().map(|part| part.len()).sum();
        let blocks = whole_blocks(all, at);
        if blocks.len() < AROUND_BYTES_MIN {
            return Ok(0..0);
        }
        let direct = OFlags::DIRECT.bits() as i32;
        let opened = OpenOptions::new()
            .write(true)
            .custom_flags(direct)
            .open(path);
        let file = match opened {
            Err(e) if e.kind() == io::ErrorKind::InvalidInput => return Ok(0..0),
            opened => opened?,
        };
        match self.write_blocks(&file, parts, at, blocks.clone()) {
            Err(e) if e.kind() == io::ErrorKind::InvalidInput => Ok(0..0),
            written => written.map(|()| blocks),
        }
    }

    fn write_blocks(
        &self,
        file: &File,
        parts: &[&[u8]],
        at: u64,
        blocks: Range<usize>,
    ) -> io::Result<()> {
        let chunks = Mutex::new(blocks.clone().step_by(BUFFER_BYTES));
        let next = || chunks.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || {
            let mut buffer = self.take();
            let mut written = Ok(());
            while let (Ok(()), Some(from)) = (&written, next()) {
                let part = buffer.part(BUFFER_BYTES.min(blocks.end - from));
                copy_out(parts, from, part);
                written = file.write_all_at(part, at + from as u64);
            }
            self.give_back(buffer);
            written
        };
        std::thread::scope(|scope| {
            let others = blocks.len().div_ceil(BUFFER_BYTES).min(THREADS) - 1;
            let others: Vec<_> = (0..others).map(|_| scope.spawn(work)).collect();
            let written = work();
            let died = |_| io::Error::other("a thread that wrote panicked");
            let all = others.into_iter().map(|thread| thread.join().map_err(died));
            all.fold(written, |written, other| written.and(other.and_then(|w| w)))
        })
    }
}

/// Which of `len` bytes that are written at `at` fill whole blocks.
fn whole_blocks(len: usize, at: u64) -> Range<usize> {
    let first = (at.next_multiple_of(BLOCK_BYTES as u64) - at) as usize;
    let block = BLOCK_BYTES as u64;
    let last = ((at + len as u64) / block * block).saturating_sub(at) as usize;
    first..last.max(first)
}

/// Fills `into` with the bytes of `parts` from `from` on.
fn copy_out(parts: &[&[u8]], mut from: usize, mut into: &mut [u8]) {
    for part in parts {
        if from >= part.len() {
            from -= part.len();
            continue;
        }
        let count = into.len().min(part.len() - from);
        let (now, later) = into.split_at_mut(count);
        now.copy_from_slice(&part[from..from + count]);
        (into, from) = (later, 0);
        if into.is_empty() {
            return;
        }
    }
}

/// The parts of which only the bytes in `range` are left.
pub(super) fn cut<'a>(parts: &[&'a [u8]], range: Range<usize>) -> Vec<&'a [u8]> {
    let mut at = 0;
    let left = parts.iter().map(|part| {
        let from = range.start.clamp(at, at + part.len()) - at;
        let to = range.end.clamp(at, at + part.len()) - at;
        at += part.len();
        &part[from..to.max(from)]
    });
    left.filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_blocks_go_around_the_cache() {
        assert_eq!(whole_blocks(10_000, 0), 0..8192);
        assert_eq!(whole_blocks(10_000, 4096), 0..8192);
        assert_eq!(whole_blocks(10_000, 100), 3996..8092);
        assert!(whole_blocks(10, 4090).is_empty());
        assert!(whole_blocks(100, 100).is_empty());
        assert!(whole_blocks(0, 0).is_empty());
    }

    #[test]
    fn a_cut_of_parts_has_the_bytes_of_the_range() {
        let parts: [&[u8]; 4] = [b"abc", b"", b"defg", b"h"];
        let whole = parts.concat();
        for from in 0..=whole.len() {
            for to in from..=whole.len() {
                assert_eq!(cut(&parts, from..to).concat(), whole[from..to]);
                let mut copied = vec![0; to - from];
                copy_out(&parts, from, &mut copied);
                assert_eq!(copied, whole[from..to]);
            }
        }
    }
}
