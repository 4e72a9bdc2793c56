//! Writes a run, entry by entry in order, in memory bounded by its directory and filter.

use std::sync::Arc;

use crate::disk::{Disk, DiskFile, OpenMode};
use crate::error::{Result, storage};

use super::filter::Filter;
use super::footer::{BLOCK_BYTES, Footer};
use super::id::RunId;
use super::reader::{Opened, Run};
use crate::batch::put_uvarint;
use crate::keyindex::postings::PostingList;

/// Blocks are written to the file in pieces of about this size.
const WRITE_BYTES: usize = 256 << 10;

/// Writes one run.
pub(in crate::keyindex) struct RunWriter {
    run: Run,
    file: Arc<dyn DiskFile>,
    /// Bytes already in the file.
    written: u64,
    /// Whole blocks, not in the file yet.
    pending: Vec<u8>,
    block: Vec<u8>,
    block_hash: u64,
    last_hash: u64,
    /// For each block the hash of its first term and where it begins.
    directory: Vec<u8>,
    filter: Filter,
    entries: u64,
}

impl RunWriter {
    /// Begins a run of at most `entries` entries in `dir`.
    pub(in crate::keyindex) fn create(
        disk: &Arc<dyn Disk>,
        dir: &str,
        id: RunId,
        entries: u64,
    ) -> Result<Self> {
        let run = Run::named(Arc::clone(disk), dir, id);
        let create = || {
            disk.remove(run.path())?; // left by a crash before anything named it
            disk.open(run.path(), OpenMode::Create)
        };
        let file = create().map_err(|e| storage("key index", run.path(), e))?;
        Ok(Self {
            run,
            file,
            written: 0,
            pending: Vec::new(),
            block: Vec::with_capacity(BLOCK_BYTES),
            block_hash: 0,
            last_hash: 0,
            directory: Vec::new(),
            filter: Filter::with_room(entries),
            entries: 0,
        })
    }

    /// Adds an entry; entries come in the order of hash and term.
    pub(in crate::keyindex) fn add(
        &mut self,
        hash: u64,
        term: &[u8],
        list: &PostingList,
    ) -> Result<()> {
        // Terms of one hash stay in one block, so that one block answers a look-up.
        if self.block.len() >= BLOCK_BYTES && hash != self.last_hash {
            self.close_block()?;
        }
        if self.block.is_empty() {
            self.block_hash = hash;
        }
        self.block.extend_from_slice(&hash.to_le_bytes());
        put_uvarint(&mut self.block, term.len() as u64);
        self.block.extend_from_slice(term);
        list.encode(&mut self.block);
        self.filter.add(hash);
        self.last_hash = hash;
        self.entries += 1;
        Ok(())
    }

    fn close_block(&mut self) -> Result<()> {
        let at = self.written + self.pending.len() as u64;
        self.directory
            .extend_from_slice(&self.block_hash.to_le_bytes());
        self.directory.extend_from_slice(&at.to_le_bytes());
        let crc = crc_fast::crc32_iscsi(&self.block);
        self.pending.extend_from_slice(&crc.to_le_bytes());
        self.pending.extend_from_slice(&self.block);
        self.block.clear();
        if self.pending.len() >= WRITE_BYTES {
            self.write_pending()?;
        }
        Ok(())
    }

    fn write_pending(&mut self) -> Result<()> {
        self.file
            .write_at(&self.pending, self.written)
            .map_err(|e| storage("key index", self.run.path(), e))?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// Writes the rest and syncs the file. The directory is still to be synced.
    pub(in crate::keyindex) fn finish(mut self) -> Result<Run> {
        if !self.block.is_empty() {
            self.close_block()?;
        }
        let directory_at = self.written + self.pending.len() as u64;
        let mut tail = self.directory;
        let directory_bytes = tail.len() as u64;
        tail.extend_from_slice(self.filter.bytes());
        let footer = Footer {
            entries: self.entries,
            directory_at,
            directory_bytes,
            filter_bytes: self.filter.bytes().len() as u64,
            crc: crc_fast::crc32_iscsi(&tail),
        };
        self.pending.extend_from_slice(&tail);
        self.pending.extend_from_slice(&footer.encode());
        self.file
            .write_at(&self.pending, self.written)
            .and_then(|()| self.file.sync())
            .map_err(|e| storage("key index", self.run.path(), e))?;
        let bytes = self.written + self.pending.len() as u64;
        let file = self.file;
        Ok(self.run.written(Opened {
            file,
            footer,
            bytes,
        }))
    }
}
