//! Reads a run: one block for a look-up, all blocks in order for a merge.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hashbrown::HashMap;

use crate::batch::get_uvarint;
use crate::disk::{Disk, DiskFile, OpenMode};
use crate::error::{Result, storage};
use crate::keyindex::postings::PostingList;
use crate::keyindex::term::TermRef;

use super::filter::Filter;
use super::footer::{CRC_BYTES, FOOTER_BYTES, Footer, damaged};
use super::id::RunId;

/// Bytes of a block's place in the directory: hash and position.
const PLACE_BYTES: usize = 16;
/// Lists of so many postings are long: reading one takes longer than finding it.
const LONG: u64 = 1024;

/// An immutable run. Its file is opened when it is first needed, so that opening a log costs next to nothing.
#[derive(Debug)]
pub(in crate::keyindex) struct Run {
    pub(in crate::keyindex) id: RunId,
    disk: Arc<dyn Disk>,
    path: String,
    opened: OnceLock<Opened>,
    tables: OnceLock<Tables>,
    /// How long the long lists are that were asked about, by the hash of their terms.
    long: Mutex<HashMap<u64, u64>>,
}

#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) footer: Footer,
    pub(super) bytes: u64,
}

#[derive(Debug)]
pub(super) struct Tables {
    /// Hash of the first term and position of each block.
    pub(super) directory: Vec<(u64, u64)>,
    filter: Filter,
}

impl Run {
    /// The run of that name in `dir`.
    pub(in crate::keyindex) fn named(disk: Arc<dyn Disk>, dir: &str, id: RunId) -> Self {
        Self {
            id,
            disk,
            path: format!("{dir}/{}", id.file_name()),
            opened: OnceLock::new(),
            tables: OnceLock::new(),
            long: Mutex::default(),
        }
    }

    /// A run that has just been written.
    pub(super) fn written(self, opened: Opened) -> Self {
        Self {
            opened: OnceLock::from(opened),
            ..self
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Its file, opened if it was not.
    ///
    /// # Errors
    /// `Corrupt` if it is missing or its footer is damaged, `Unavailable`.
    pub(super) fn opened(&self) -> Result<&Opened> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let opened = self.open()?;
        Ok(self.opened.get_or_init(|| opened))
    }

    fn open(&self) -> Result<Opened> {
        let failed = |e| storage("key index", &self.path, e);
        let file = self.disk.open(&self.path, OpenMode::Read).map_err(failed)?;
        let bytes = file.size().map_err(failed)?;
        let at = bytes
            .checked_sub(FOOTER_BYTES as u64)
            .ok_or_else(|| damaged(&self.path, "it is too short"))?;
        let mut footer = [0; FOOTER_BYTES];
        file.read_at(&mut footer, at).map_err(failed)?;
        let footer = Footer::decode(&footer)
            .filter(|f| {
                let end = f.directory_at.checked_add(f.directory_bytes);
                end.and_then(|end| end.checked_add(f.filter_bytes)) == Some(at)
            })
            .ok_or_else(|| damaged(&self.path, "its footer is not whole"))?;
        Ok(Opened {
            file,
            footer,
            bytes,
        })
    }

    /// Bytes of its file, whole or not; 0 if there is none.
    pub(super) fn size(&self) -> u64 {
        let file = self.disk.open(&self.path, OpenMode::Read);
        file.and_then(|file| file.size()).unwrap_or(0)
    }

    /// Checks that it is there and its footer is whole.
    pub(in crate::keyindex) fn check(&self) -> Result<()> {
        self.opened().map(drop)
    }

    pub(in crate::keyindex) fn entries(&self) -> Result<u64> {
        Ok(self.opened()?.footer.entries)
    }

    pub(in crate::keyindex) fn bytes(&self) -> Result<u64> {
        Ok(self.opened()?.bytes)
    }

    /// Bytes in memory.
    pub(in crate::keyindex) fn heap_bytes(&self) -> usize {
        let tables = self.tables.get();
        tables.map_or(0, |t| {
            t.directory.len() * PLACE_BYTES + t.filter.bytes().len()
        })
    }

    /// Where a term occurs.
    pub(in crate::keyindex) fn get(&self, term: TermRef<'_>) -> Result<Option<PostingList>> {
        let tables = self.tables()?;
        if tables.directory.is_empty() || !tables.filter.may_have(term.hash()) {
            return Ok(None);
        }
        let after = tables
            .directory
            .partition_point(|(hash, _)| *hash <= term.hash());
        let Some(index) = after.checked_sub(1) else {
            return Ok(None);
        };
        let block = self.block(tables, index)?;
        find(&block, term).ok_or_else(|| damaged(&self.path, "an entry does not decode"))
    }

    /// About how often a term occurs that has no versions. To know it the list is read, a long one only once.
    pub(in crate::keyindex) fn count(&self, term: TermRef<'_>) -> Result<u64> {
        let long = || self.long.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = long().get(&term.hash()) {
            return Ok(*count);
        }
        let count = self.get(term)?.map_or(0, |list| list.count());
        if count >= LONG {
            long().insert(term.hash(), count);
        }
        Ok(count)
    }

    /// All entries, in order.
    pub(in crate::keyindex) fn iter(self: &Arc<Self>) -> RunEntries {
        RunEntries {
            run: Arc::clone(self),
            next_block: 0,
            block: Vec::new(),
            at: 0,
        }
    }

    pub(super) fn tables(&self) -> Result<&Tables> {
        if let Some(tables) = self.tables.get() {
            return Ok(tables);
        }
        let tables = self.read_tables()?;
        Ok(self.tables.get_or_init(|| tables))
    }

    fn read_tables(&self) -> Result<Tables> {
        let Opened { file, footer, .. } = self.opened()?;
        let at = footer.directory_at;
        // The footer is checked, and so these add up to less than the file's length.
        let (directory, filter) = (footer.directory_bytes, footer.filter_bytes);
        let mut bytes = vec![0; (directory + filter) as usize];
        file.read_at(&mut bytes, at)
            .map_err(|e| storage("key index", &self.path, e))?;
        if crc_fast::crc32_iscsi(&bytes) != footer.crc {
            return Err(damaged(&self.path, "its directory has another checksum"));
        }
        let filter = Filter::from_bytes(bytes.split_off(directory as usize))
            .ok_or_else(|| damaged(&self.path, "its filter is not whole"))?;
        let word = |b: &[u8]| u64::from_le_bytes(b.try_into().expect("half a place is 8 bytes"));
        let places = bytes.chunks_exact(PLACE_BYTES);
        Ok(Tables {
            directory: places.map(|p| (word(&p[..8]), word(&p[8..]))).collect(),
            filter,
        })
    }

    pub(super) fn block(&self, tables: &Tables, index: usize) -> Result<Vec<u8>> {
        let Opened { file, footer, .. } = self.opened()?;
        let at = tables.directory[index].1;
        let next = tables.directory.get(index + 1);
        let end = next.map_or(footer.directory_at, |(_, at)| *at);
        let length = end
            .checked_sub(at)
            .filter(|l| *l > CRC_BYTES as u64 && end <= footer.directory_at)
            .ok_or_else(|| damaged(&self.path, "its directory is out of order"))?;
        let mut block = vec![0; length as usize];
        file.read_at(&mut block, at)
            .map_err(|e| storage("key index", &self.path, e))?;
        let stored = u32::from_le_bytes(block[..CRC_BYTES].try_into().expect("4 bytes"));
        if crc_fast::crc32_iscsi(&block[CRC_BYTES..]) != stored {
            return Err(damaged(
                &self.path,
                &format!("the block at {at} has another checksum"),
            ));
        }
        Ok(block)
    }
}

/// Finds a term in a block. The outer `None` is damage.
fn find(block: &[u8], term: TermRef<'_>) -> Option<Option<PostingList>> {
    let mut at = CRC_BYTES;
    while at < block.len() {
        let (hash, found) = entry_head(block, &mut at)?;
        if hash > term.hash() {
            break;
        }
        if hash == term.hash() && found == term.bytes() {
            return PostingList::decode(block, &mut at).map(Some);
        }
        PostingList::skip(block, &mut at)?;
    }
    Some(None)
}

fn entry_head<'a>(block: &'a [u8], at: &mut usize) -> Option<(u64, &'a [u8])> {
    let hash = u64::from_le_bytes(block.get(*at..*at + 8)?.try_into().ok()?);
    *at += 8;
    let length = usize::try_from(get_uvarint(block, at)?).ok()?;
    let end = at.checked_add(length)?;
    let term = block.get(*at..end)?;
    *at = end;
    Some((hash, term))
}

/// An entry of a run.
#[derive(Debug)]
pub(in crate::keyindex) struct RunEntry {
    pub(in crate::keyindex) hash: u64,
    pub(in crate::keyindex) term: Box<[u8]>,
    pub(in crate::keyindex) list: PostingList,
}

/// Walks over the entries of a run.
#[derive(Debug)]
pub(in crate::keyindex) struct RunEntries {
    run: Arc<Run>,
    next_block: usize,
    block: Vec<u8>,
    at: usize,
}

impl RunEntries {
    /// The next entry.
    pub(in crate::keyindex) fn next_entry(&mut self) -> Result<Option<RunEntry>> {
        if self.at >= self.block.len() {
            let tables = self.run.tables()?;
            if self.next_block == tables.directory.len() {
                return Ok(None);
            }
            self.block = self.run.block(tables, self.next_block)?;
            self.next_block += 1;
            self.at = CRC_BYTES;
        }
        let entry = decode_entry(&self.block, &mut self.at);
        let damage = || damaged(&self.run.path, "an entry does not decode");
        entry.map(Some).ok_or_else(damage)
    }
}

pub(super) fn decode_entry(block: &[u8], at: &mut usize) -> Option<RunEntry> {
    let (hash, term) = entry_head(block, at)?;
    let term = term.into();
    let list = PostingList::decode(block, at)?;
    Some(RunEntry { hash, term, list })
}
