//! The chain of write-ahead files from a checkpoint's place on.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::damage::{corrupt, damaged};
use crate::disk::{Disk, OpenMode, read_all};
use crate::error::{Result, storage};
use crate::wal::file::{WalPosition, path};
use crate::wal::frame::{self, FILE_HEADER_BYTES, FILE_VERSION};
use crate::wal::scan;

/// The write-ahead files that are still to be read.
pub(super) struct Chain {
    pub(super) links: Vec<Link>,
    /// A file whose first frame is damaged, and where: nothing says how it goes on the one before it.
    pub(super) damaged: Option<(u32, u64)>,
    /// A file of another version of the format, and its version: nothing from there on was looked at.
    pub(super) foreign: Option<(u32, u8)>,
}

/// A write-ahead file and what is known of it.
pub(super) struct Link {
    pub(super) generation: u32,
    pub(super) bytes: Bytes,
    /// Where to begin.
    pub(super) from: u64,
    /// Up to where it was durable when something later was written.
    pub(super) durable: u64,
    /// Where the file before it ended, by its own first frame.
    pub(super) before: Option<WalPosition>,
}

impl Chain {
    /// Reads the files from `from` on. They are synced first: what is read from it will be shown to readers.
    pub(super) fn read(
        disk: &dyn Disk,
        from: WalPosition,
        files: &BTreeMap<u32, u64>,
        mode: OpenMode,
    ) -> Result<Self> {
        let mut links: Vec<Link> = Vec::new();
        let (mut damaged, mut foreign) = (None, None);
        for generation in files.range(from.generation..).map(|(g, _)| *g) {
            let path = path(generation);
            let read = || {
                let file = disk.open(&path, mode)?;
                if mode != OpenMode::Read {
                    file.sync()?;
                }
                read_all(&*file)
            };
            let bytes = read().map_err(|e| storage("write-ahead file", &path, e))?;
            let first = generation == from.generation;
            let begin = match first {
                true => from.at,
                false => FILE_HEADER_BYTES as u64,
            };
            // After a clean close nothing of an older file is needed.
            let other = frame::file_version(&bytes).filter(|v| *v != FILE_VERSION);
            if let Some(other) = other.filter(|_| frame::begins(&bytes, begin as usize, generation))
            {
                foreign = Some((generation, other));
                break;
            }
            let before = scan::predecessor(&bytes, generation);
            if before.is_none() && !first {
                // A spare file, or one whose first group was torn.
                let found = scan::scan(&bytes, generation, FILE_HEADER_BYTES, 0);
                damaged = damaged.or(found.err().map(|damage| (generation, damage.at)));
                continue;
            }
            links.push(Link {
                generation,
                bytes: bytes.into(),
                from: begin,
                durable: if first { from.at } else { 0 },
                before,
            });
        }
        for i in 1..links.len() {
            let before = links[i].before;
            let link = &mut links[i - 1];
            if let Some(before) = before.filter(|b| b.generation == link.generation) {
                link.durable = link.durable.max(before.at);
                link.bytes.truncate(before.at as usize);
            }
        }
        links.reverse();
        Ok(Self {
            links,
            damaged,
            foreign,
        })
    }

    /// The file to be read after everything before `end` has been.
    pub(super) fn next(&mut self, end: WalPosition) -> Result<Option<Link>> {
        let Some(link) = self.links.pop() else {
            let whole = self
                .damaged
                .map_or(Ok(None), |(generation, at)| Err(damaged(generation, at)));
            return whole;
        };
        if link.generation != end.generation && link.before != Some(end) {
            return Err(corrupt(format!(
                "write-ahead file \"{}\" does not go on where the one before it ends",
                path(link.generation)
            )));
        }
        Ok(Some(link))
    }
}
