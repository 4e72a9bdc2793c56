//! Opening a log: the checkpoint, then the frames of the write-ahead log after it. Nothing else is read, whatever
//! the log's size, and nothing is deleted because something that should name it is missing.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::batch::LogBatch;
use crate::change::Change;
use crate::checkpoint::{self, CHECKPOINT, Cut, PartitionCut, TopicCut};
use crate::disk::{Disk, OpenMode, read_all};
use crate::error::{Error, ErrorKind, Result, storage};
use crate::partition::{Lane, Partition, Tail, View};
use crate::positions::Positions;
use crate::record::{CommitNumber, Offset};
use crate::segment::Segment;
use crate::segment::index::ENTRY_BYTES;
use crate::shared::{Seams, Shared};
use crate::topic::{TopicDescription, check_name};
use crate::topics::{TOPICS_DIR, Topic, Topics, origin};
use crate::wal::frame::{FILE_HEADER_BYTES, FrameKind};
use crate::wal::payload::{self, BatchEntry};
use crate::wal::ring::{Pool, Ring, WAL_DIR, WalPosition, generation_of, path};
use crate::wal::scan;
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
    let used = files.into_iter().collect();
    let pool = Arc::new(Pool::new(
        Arc::clone(&seams.disk),
        seams.options.wal_file_bytes,
        next_generation,
        used,
    ));
    let writer = Writer::new(Ring::new(Arc::clone(&pool), end), state.last);
    let shared = Shared::new(seams, state.topics, state.positions, pool, writer);
    for (partition, bytes, direct) in state.dirty {
        shared.keeper.count(bytes, direct);
        shared.keeper.mark_dirty(partition);
    }
    shared.keeper.ask_if_due(&shared);
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

/// Applies the write-ahead log after a checkpoint without changing a file; gives the newest commit.
///
/// # Errors
/// `Corrupt`, `Unavailable`.
pub(crate) fn replay(disk: &Arc<dyn Disk>, cut: &Cut) -> Result<CommitNumber> {
    let files = wal_files(&**disk)?;
    let mut state = restore(disk, cut)?;
    let mut replay = Replay::new(&**disk, &mut state);
    replay.mode = OpenMode::Read;
    replay.run(cut, &files)?;
    Ok(state.last)
}

/// The write-ahead files after a checkpoint: name, bytes, and where they are damaged, if they are.
pub(crate) fn scan_files(disk: &dyn Disk, cut: &Cut) -> Result<Vec<(String, u64, Option<u64>)>> {
    let files = wal_files(disk)?;
    let links = match Chain::read(disk, cut.wal, &files, OpenMode::Read) {
        Ok(chain) => chain.links,
        Err(e) if e.kind() == ErrorKind::Corrupt => Vec::new(),
        Err(e) => return Err(e),
    };
    let scan = |link: &Link| {
        let found = scan::scan(
            &link.bytes,
            link.generation,
            link.from as usize,
            link.durable,
        );
        let bytes = link.bytes.len() as u64;
        (
            path(link.generation),
            bytes,
            found.err().map(|damage| damage.at),
        )
    };
    Ok(links.iter().rev().map(scan).collect())
}

/// Generations and sizes of the write-ahead files.
fn wal_files(disk: &dyn Disk) -> Result<BTreeMap<u32, u64>> {
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

/// What recovery builds up.
struct State {
    topics: Topics,
    positions: Positions,
    last: CommitNumber,
    /// Partitions that got batches from the write-ahead log, with their bytes and those in segments already.
    dirty: Vec<(Arc<Partition>, usize, usize)>,
}

fn restore(disk: &Arc<dyn Disk>, cut: &Cut) -> Result<State> {
    let mut topics = Topics::new(Arc::clone(disk));
    topics.reserve_ids(cut.next_topic);
    for topic in &cut.topics {
        topics.restore(restore_topic(disk, topic)?);
    }
    for (key, offset) in &cut.pins {
        topics.restore_pin(key.clone(), *offset);
    }
    for garbage in &cut.garbage {
        topics.discard(garbage.clone());
    }
    let positions = Positions::default();
    let position = |p: &checkpoint::PositionCut| (p.owner.clone(), Some(p.value.clone()));
    positions.set(cut.positions.iter().map(position));
    Ok(State {
        topics,
        positions,
        last: cut.last,
        dirty: Vec::new(),
    })
}

fn restore_topic(disk: &Arc<dyn Disk>, cut: &TopicCut) -> Result<Topic> {
    let partition = |(number, partition): (u32, &PartitionCut)| {
        let origin = origin(disk, &cut.name, cut.id, number, &cut.config);
        let (lane, view) = restore_partition(&**disk, &origin.dir, partition)?;
        let keys = origin.keys(&partition.index.clone().unwrap_or_default());
        if let Some(keys) = &keys {
            keys.check()?;
        }
        let restored = Partition::new(origin, lane, view, keys);
        restored.set_cleaned(partition.cleaned);
        restored.set_checkpointed(partition.end);
        Ok(Arc::new(restored))
    };
    let partitions: Result<_> = (0..).zip(&cut.partitions).map(partition).collect();
    Ok(Topic {
        description: TopicDescription {
            name: cut.name.clone(),
            id: cut.id,
            config: cut.config.clone(),
        },
        partitions: partitions?,
    })
}

fn restore_partition(disk: &dyn Disk, dir: &Arc<str>, cut: &PartitionCut) -> Result<(Lane, View)> {
    let mut segments = Vec::with_capacity(cut.segments.len());
    for segment in &cut.segments {
        let restored = Segment::new(
            Arc::clone(dir),
            segment.base,
            segment.revision,
            segment.extent,
        );
        restored.seal(Some(segment.extent));
        if segment.extent.entries > 0 {
            must_have(disk, &restored.data_path(), segment.extent.bytes)?;
            let index_bytes = u64::from(segment.extent.entries) * ENTRY_BYTES as u64;
            must_have(disk, &restored.index_path(), index_bytes)?;
        }
        segments.push(Arc::new(restored));
    }
    let (Some(open), Some(last)) = (segments.last(), cut.segments.last()) else {
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!("checkpoint names no segment of \"{dir}\""),
        ));
    };
    open.seal(None);
    let lane = Lane::new(cut.end, Arc::clone(open), last.extent);
    Ok((lane, View::new(cut.start, cut.end, segments)))
}

fn must_have(disk: &dyn Disk, path: &str, bytes: u64) -> Result<()> {
    let len = disk
        .open(path, OpenMode::Read)
        .and_then(|file| file.size())
        .map_err(|e| storage("segment", path, e))?;
    if len < bytes {
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!("segment \"{path}\" has {len} bytes, but {bytes} were made durable"),
        )
        .with_hint("restore the data directory; nothing in it has been changed"));
    }
    Ok(())
}

/// Applies the frames of the write-ahead log.
struct Replay<'a> {
    disk: &'a dyn Disk,
    state: &'a mut State,
    mode: OpenMode,
}

impl<'a> Replay<'a> {
    fn new(disk: &'a dyn Disk, state: &'a mut State) -> Self {
        Self {
            disk,
            state,
            mode: OpenMode::Write,
        }
    }

    /// Applies all frames after the checkpoint; gives where they end.
    fn run(&mut self, cut: &Cut, files: &BTreeMap<u32, u64>) -> Result<WalPosition> {
        let mut end = cut.wal;
        if cut.wal.generation > 0 && !files.contains_key(&cut.wal.generation) {
            return Err(corrupt(format!(
                "write-ahead file \"{}\" is missing",
                path(cut.wal.generation)
            )));
        }
        let mut chain = Chain::read(self.disk, cut.wal, files, self.mode)?;
        while let Some(link) = chain.next(end)? {
            end = self.apply_file(link)?;
        }
        Ok(end)
    }

    fn apply_file(&mut self, link: Link) -> Result<WalPosition> {
        let found = scan::scan(
            &link.bytes,
            link.generation,
            link.from as usize,
            link.durable,
        );
        let found = found.map_err(|damage| damaged(link.generation, damage.at))?;
        for frame in &found.frames {
            let at = frame.payload.start as u64;
            match frame.header.kind {
                FrameKind::Start => {}
                FrameKind::Commit if frame.header.commit <= self.state.last.0 => {}
                FrameKind::Commit if frame.header.commit == self.state.last.0 + 1 => {
                    let payload = link.bytes.slice(frame.payload.clone());
                    self.apply_commit(frame.header.commit, &payload)
                        .map_err(|e| inside(link.generation, at, &e))?;
                }
                FrameKind::Commit => return Err(damaged(link.generation, at)),
            }
        }
        Ok(WalPosition {
            generation: link.generation,
            at: found.end as u64,
        })
    }

    fn apply_commit(&mut self, number: u64, payload: &Bytes) -> Result<()> {
        let payload = payload::decode(payload)?;
        for entry in payload.batches {
            self.apply_batch(number, entry)?;
        }
        self.state.positions.set(payload.positions);
        for change in &payload.changes {
            check_change(change)?;
            self.state.topics.apply(change);
        }
        self.state.last = CommitNumber(number);
        Ok(())
    }

    fn apply_batch(&mut self, number: u64, entry: BatchEntry) -> Result<()> {
        let partition = self
            .state
            .topics
            .partition_by_id(entry.topic, entry.partition)
            .cloned()
            .ok_or_else(|| corrupt(format!("topic {} is not known", entry.topic)))?;
        let direct = entry.bytes.is_none();
        let bytes = match entry.bytes {
            Some(bytes) => bytes,
            None => self.read_direct(&partition, &entry)?,
        };
        let batch = LogBatch::parse(bytes)?;
        let mut lane = partition.lane();
        let fits = {
            let (open, extent) = lane.open_segment();
            let goes_on = entry.segment == open.base() && u64::from(entry.at) == extent.bytes;
            goes_on || (entry.segment == entry.base && entry.at == 0)
        };
        let is_next = batch.base_offset() == Offset(entry.base) && lane.next() == entry.base;
        if !(fits && is_next) {
            return Err(corrupt(format!(
                "batch at offset {} of \"{}\" is not the next one",
                entry.base, partition.name
            )));
        }
        let len = batch.bytes().len();
        let segment = lane.replace(
            entry.segment,
            len as u64,
            batch.next_offset().0,
            batch.max_timestamp().0,
        );
        drop(lane);
        index(&partition, &batch)?;
        partition.view().publish(Tail {
            batch,
            commit: CommitNumber(number),
            segment,
            at: entry.at,
            direct,
        });
        self.count(partition, len, if direct { len } else { 0 });
        Ok(())
    }

    fn count(&mut self, partition: Arc<Partition>, bytes: usize, direct: usize) {
        let known = |(p, _, _): &&mut (Arc<Partition>, usize, usize)| Arc::ptr_eq(p, &partition);
        match self.state.dirty.iter_mut().rev().find(known) {
            Some((_, b, d)) => {
                *b += bytes;
                *d += direct;
            }
            None => self.state.dirty.push((partition, bytes, direct)),
        }
    }

    /// A batch that went straight to its segment.
    fn read_direct(&self, partition: &Partition, entry: &BatchEntry) -> Result<Bytes> {
        let segment = Segment::new(
            Arc::clone(&partition.dir),
            entry.segment,
            0,
            crate::segment::Extent::EMPTY,
        );
        let path = segment.data_path();
        let read = || {
            let file = self.disk.open(&path, OpenMode::Read)?;
            if file.size()? < u64::from(entry.at) + u64::from(entry.len) {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let mut bytes = vec![0; entry.len as usize];
            file.read_at(&mut bytes, entry.at.into())?;
            Ok(bytes)
        };
        let bytes = read().map_err(|e| storage("segment", &path, e))?;
        Ok(bytes.into())
    }
}

/// The write-ahead files that are still to be read.
struct Chain {
    links: Vec<Link>,
}

/// A write-ahead file and what is known of it.
struct Link {
    generation: u32,
    bytes: Bytes,
    /// Where to begin.
    from: u64,
    /// Up to where it was durable when something later was written.
    durable: u64,
    /// Where the file before it ended, by its own first frame.
    before: Option<WalPosition>,
}

impl Chain {
    /// Reads the files from `from` on. They are synced first: what is read from it will be shown to readers.
    fn read(
        disk: &dyn Disk,
        from: WalPosition,
        files: &BTreeMap<u32, u64>,
        mode: OpenMode,
    ) -> Result<Self> {
        let mut links: Vec<Link> = Vec::new();
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
            let before = scan::predecessor(&bytes, generation);
            let first = generation == from.generation;
            if before.is_none() && !first {
                // A spare file, or one whose first group was torn.
                scan::scan(&bytes, generation, FILE_HEADER_BYTES, 0)
                    .map_err(|damage| damaged(generation, damage.at))?;
                continue;
            }
            links.push(Link {
                generation,
                bytes: bytes.into(),
                from: if first {
                    from.at
                } else {
                    FILE_HEADER_BYTES as u64
                },
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
        Ok(Self { links })
    }

    /// The file to be read after everything before `end` has been.
    fn next(&mut self, end: WalPosition) -> Result<Option<Link>> {
        let Some(link) = self.links.pop() else {
            return Ok(None);
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

/// What another program may have written is not to be believed.
fn check_change(change: &Change) -> Result<()> {
    match change {
        Change::CreateTopic { config, name, .. } => {
            check_name(name)?;
            config.check()
        }
        Change::AlterTopic { config, .. } => config.check(),
        _ => Ok(()),
    }
}

fn corrupt(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Corrupt, what)
        .with_hint("restore the data directory; nothing in it has been changed")
}

fn damaged(generation: u32, at: u64) -> Error {
    corrupt(format!(
        "durable bytes are damaged at byte {at} of \"{}\"",
        path(generation)
    ))
}

fn inside(generation: u32, at: u64, error: &Error) -> Error {
    let (path, message) = (path(generation), error.message());
    corrupt(format!(
        "{message}, by the frame at byte {at} of \"{path}\""
    ))
}

/// Takes a batch into the key index, if there is one.
fn index(partition: &Partition, batch: &LogBatch) -> Result<()> {
    let Some(keys) = partition.keys() else {
        return Ok(());
    };
    let records: Result<Vec<_>> = batch.records().map(|record| Ok(record?.1)).collect();
    let records = records?;
    keys.prepare(&records)?;
    keys.apply(partition.view().start().0, batch.base_offset().0, &records);
    Ok(())
}
