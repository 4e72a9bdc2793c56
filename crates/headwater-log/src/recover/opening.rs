//! Opening: from an empty directory or from what was left in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::damage::corrupt;
use super::replay::Replay;
use super::restore::restore;
use crate::checkpoint::{self, CHECKPOINT, Cut};
use crate::disk::{Disk, OpenMode};
use crate::error::{Result, storage};
use crate::shared::{Seams, Shared};
use crate::topics::TOPICS_DIR;
use crate::wal::file::{WAL_DIR, generation_of, path};
use crate::wal::pool::Pool;
use crate::wal::ring::Ring;
use crate::writer::Writer;

/// Opens the log on a disk, or makes one there.
///
/// # Errors
/// `Corrupt`, `Unavailable`.
pub(crate) fn open(seams: Seams) -> Result<Shared> {
    let cut = match checkpoint::read(&*seams.disk)? {
        Some(cut) => cut,
        None => begin(&*seams.disk)?,
    };
    let files = wal_files(&*seams.disk)?;
    let next_generation = files
        .keys()
        .next_back()
        .map_or(0, |last| last + 1)
        .max(cut.wal.generation + 1);
    let mut state = restore(&seams.disk, &cut)?;
    let end = Replay::new(&*seams.disk, &mut state).run(&cut, &files)?;
    let pool = Arc::new(Pool::new(
        Arc::clone(&seams.disk),
        seams.options.wal_file_bytes,
        next_generation,
        files,
        end.generation,
    ));
    let writer = Writer::new(Ring::new(Arc::clone(&pool), end), state.last);
    let shared = Shared::new(seams, state.topics, state.positions, pool, writer);
    for (partition, bytes, direct) in state.dirty {
        shared.keeper.count(bytes, direct);
        shared.keeper.mark_dirty(partition);
    }
    shared.keeper.ask_if_due(&shared);
    shared.measure();
    Ok(shared)
}

/// Makes the first checkpoint of a log, if there is nothing that one should have named.
fn begin(disk: &dyn Disk) -> Result<Cut> {
    if has_files(disk)? {
        return Err(corrupt(format!(
            "there are files in \"{WAL_DIR}\" or \"{TOPICS_DIR}\", but no \"{CHECKPOINT}\""
        )));
    }
    let cut = Cut::empty();
    checkpoint::write(disk, &cut)?;
    Ok(cut)
}

/// Whether there are files that a checkpoint should name.
pub(crate) fn has_files(disk: &dyn Disk) -> Result<bool> {
    for dir in [WAL_DIR, TOPICS_DIR] {
        let names = disk.list(dir).map_err(|e| storage("directory", dir, e))?;
        if !names.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Generations and sizes of the write-ahead files.
pub(super) fn wal_files(disk: &dyn Disk) -> Result<BTreeMap<u32, u64>> {
    let names = disk
        .list(WAL_DIR)
        .map_err(|e| storage("directory", WAL_DIR, e))?;
    let mut files = BTreeMap::new();
    for generation in names.iter().filter_map(|name| generation_of(name)) {
        let path = path(generation);
        let len = disk
            .open(&path, OpenMode::Read)
            .and_then(|file| file.size())
            .map_err(|e| storage("write-ahead file", &path, e))?;
        files.insert(generation, len);
    }
    Ok(files)
}
