//! Files as partitions: read once, or followed as they grow and as others come.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use headwater_flow::connector::{
    Chunk, Decoder, KnownPartition, Partition, Poll, Range, Seal, Source, Waker,
};
use headwater_flow::{Error, ErrorKind, Result};
use headwater_log::{Clock, Timestamp};

use super::decoder::FileNames;
use super::file::{InputFile, Piece};
use super::listing;
use super::prefix::{Prefix, changed, is_same, stamp};

/// A file, directory or pattern.
pub(super) struct FileSource<F: InputFile> {
    path: String,
    monitor: Option<Duration>,
    /// Whether somebody remembers the digests of what was read.
    is_recorded: bool,
    clock: Arc<dyn Clock>,
    reading: F::Reading,
    decoder: Arc<dyn Decoder>,
    /// The paths for the decoder.
    names: FileNames,
    files: Vec<Entry<F>>,
    /// The paths of `files`.
    known: HashSet<PathBuf>,
}

/// One of the files.
struct Entry<F> {
    path: PathBuf,
    /// `None`: it was removed after it had been read.
    file: Option<F>,
    read: Prefix,
    /// What it looked like when it was found read to its end.
    at_end: String,
}

impl<F: InputFile> FileSource<F> {
    /// Opens the files that are there now.
    ///
    /// # Errors
    /// `NotFound` if there is none and nobody waits for one.
    pub(super) fn open(
        path: String,
        monitor: Option<Duration>,
        clock: Arc<dyn Clock>,
        reading: F::Reading,
        (decoder, names): (Arc<dyn Decoder>, FileNames),
    ) -> Result<Self> {
        let mut source = Self {
            path,
            monitor,
            is_recorded: true,
            clock,
            reading,
            decoder,
            names,
            files: Vec::new(),
            known: HashSet::new(),
        };
        source.add(listing::files(&source.path)?)?;
        if source.files.is_empty() && monitor.is_none() {
            let text = format!("no file matches '{}'", source.path);
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        Ok(source)
    }

    /// The same; if nothing that was read is recorded, it is not hashed.
    pub(super) fn recorded(mut self, is_recorded: bool) -> Self {
        self.is_recorded = is_recorded;
        self
    }

    /// Appends files that are not known yet.
    fn add(&mut self, paths: Vec<PathBuf>) -> Result<()> {
        for path in paths {
            if !self.known.contains(&path) {
                let read = Prefix {
                    stamp: stamp(&path, self.clock.now()),
                    ..Prefix::default()
                };
                let file = Some(F::open(path.clone(), &self.reading)?);
                let at_end = String::new();
                self.push(Entry {
                    path,
                    file,
                    read,
                    at_end,
                });
            }
        }
        Ok(())
    }

    fn push(&mut self, entry: Entry<F>) {
        self.names.push(&entry.path);
        self.known.insert(entry.path.clone());
        self.files.push(entry);
    }

    /// Takes up a file that was read before, if it still is what it was.
    fn take_up(&mut self, known: &KnownPartition) -> Result<Entry<F>> {
        let path = PathBuf::from(&known.name);
        let looks = stamp(&path, self.clock.now());
        if !path.exists() {
            let sealed = known.seal.as_ref().is_some_and(|s| s.to == known.next);
            return match self.monitor.is_some() && sealed {
                // What was read of a followed file and is in a snapshot is not needed any more.
                true => Ok(Entry {
                    path,
                    file: None,
                    read: Prefix::default(),
                    at_end: String::new(),
                }),
                false => Err(changed(&path, "is gone, but was read before")),
            };
        }
        let mut file = F::open(path.clone(), &self.reading)?;
        let mut read = Prefix::default();
        let mut same = false;
        if let Some(seal) = &known.seal {
            same = is_same(&seal.stamp, &looks);
            if !same && file.digest(seal.to)? != seal.digest {
                return Err(changed(&path, "has changed since it was read"));
            }
            (read.to, read.digest) = (seal.to, seal.digest);
        }
        let once = self.monitor.is_none();
        if once && known.ended && !same && file.next(known.next, 1, false, &self.reading)?.is_some()
        {
            return Err(changed(&path, "has grown since it was read to its end"));
        }
        file.close();
        read.stamp = looks;
        Ok(Entry {
            path,
            file: Some(file),
            read,
            at_end: String::new(),
        })
    }

    fn index(&self, partition: u32) -> Result<usize> {
        let (index, count) = (partition as usize, self.files.len());
        match index < count {
            true => Ok(index),
            false => {
                let text = format!("file {partition} of {count} was asked for");
                Err(Error::new(ErrorKind::Bug, text))
            }
        }
    }
}

impl<F: InputFile> Source for FileSource<F> {
    fn resume(&mut self, known: &[KnownPartition]) -> Result<()> {
        let now: Vec<PathBuf> = self.files.drain(..).map(|f| f.path).collect();
        self.names.clear();
        self.known.clear();
        for known in known {
            let entry = self.take_up(known)?;
            self.push(entry);
        }
        let added = now.iter().find(|path| !self.known.contains(*path));
        match added {
            Some(path) if self.monitor.is_none() => Err(listing::added(path)),
            _ => self.add(now),
        }
    }

    fn partitions(&mut self) -> Result<Vec<Partition>> {
        if self.monitor.is_some() {
            self.add(listing::files(&self.path)?)?;
        }
        let partition = |entry: &Entry<F>| Partition {
            name: entry.path.display().to_string(),
            start: 0,
        };
        Ok(self.files.iter().map(partition).collect())
    }

    fn poll(&mut self, partition: u32, from: u64, max_bytes: usize) -> Result<Poll> {
        let (monitor, now) = (self.monitor, self.clock.now());
        let index = self.index(partition)?;
        let is_recorded = self.is_recorded;
        let (entry, reading) = (&mut self.files[index], &self.reading);
        let found = match monitor {
            Some(_) => entry.follow(from, max_bytes, now, reading)?,
            None => entry.next(from, max_bytes, false, reading)?,
        };
        Ok(match (found, monitor) {
            (Some(piece), _) => Poll::Ready(Chunk {
                range: Range {
                    partition,
                    from,
                    to: piece.to,
                    digest: is_recorded.then(|| entry.note(from, &piece)).transpose()?,
                },
                payload: piece.payload,
            }),
            (None, Some(interval)) => Poll::Pending {
                retry_after: Some(interval),
            },
            (None, None) => Poll::Ended,
        })
    }

    fn reread(&mut self, range: &Range) -> Result<Chunk> {
        let index = self.index(range.partition)?;
        let (entry, reading) = (&mut self.files[index], &self.reading);
        let Some(file) = &mut entry.file else {
            return Err(changed(&entry.path, "is gone, but was read before"));
        };
        let piece = file.again(range.from, range.to, reading)?;
        let hash = entry.note(range.from, &piece)?;
        if range.digest.is_some_and(|d| d != hash) {
            let places = format!("{} to {} differ", range.from, range.to);
            let how = format!("has changed since it was read: {places}");
            return Err(changed(&entry.path, &how));
        }
        Ok(Chunk {
            range: range.clone(),
            payload: piece.payload,
        })
    }

    fn decoder(&self) -> Arc<dyn Decoder> {
        Arc::clone(&self.decoder)
    }

    fn watch(&mut self, _waker: Waker) {
        // Followed files are looked at again after the monitor interval; nothing calls.
    }

    fn seal(&self, partition: u32, next: u64) -> Option<Seal> {
        self.files.get(partition as usize)?.read.seal(next)
    }

    fn discovery_interval(&self) -> Option<Duration> {
        self.monitor
    }
}

impl<F: InputFile> Entry<F> {
    /// The next records, if there are any.
    fn next(
        &mut self,
        from: u64,
        max_bytes: usize,
        grows: bool,
        reading: &F::Reading,
    ) -> Result<Option<Piece>> {
        let Some(file) = &mut self.file else {
            return Ok(None);
        };
        let piece = file.next(from, max_bytes, grows, reading)?;
        if piece.is_none() {
            file.close();
        }
        Ok(piece)
    }

    /// The next records of a file that may grow. What comes behind its end is taken to be all that has changed.
    fn follow(
        &mut self,
        from: u64,
        max_bytes: usize,
        now: Timestamp,
        reading: &F::Reading,
    ) -> Result<Option<Piece>> {
        let looks = stamp(&self.path, now);
        if is_same(&self.at_end, &looks) {
            return Ok(None);
        }
        match self.next(from, max_bytes, true, reading) {
            Ok(Some(piece)) => {
                self.read.stamp = looks;
                Ok(Some(piece))
            }
            Ok(None) => {
                self.at_end = looks;
                Ok(None)
            }
            // It was removed after it had been read to its end.
            Err(e) if e.kind() == ErrorKind::NotFound => {
                self.file = None;
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// A piece was read that begins at `from`: its hash.
    fn note(&mut self, from: u64, piece: &Piece) -> Result<u64> {
        let Some(file) = &mut self.file else {
            return Err(changed(&self.path, "is gone, but was read before"));
        };
        let hash = file.hash(from, piece)?;
        if from == self.read.to {
            self.read.digest = file.extended(self.read.digest, from, piece.to, hash);
            self.read.to = piece.to;
        }
        Ok(hash)
    }
}
