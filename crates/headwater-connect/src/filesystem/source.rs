//! Files as partitions: chunks of whole records, and the same chunks again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headwater_flow::connector::{
    Chunk, Decoder, Partition, Payload, Poll, Range, Source, ValueDecoder, Waker,
};
use headwater_flow::{Error, ErrorKind, Result};

use super::decoder::{FileDecoder, FileNames};
use super::listing;
use super::reader::FileReader;

/// The size of a chunk, unless the driver wants less.
const CHUNK_BYTES: usize = 1 << 20;
/// The smallest piece that is read.
const CHUNK_BYTES_MIN: usize = 4 << 10;
/// A record that is longer is cut, and its pieces become rejects.
const RECORD_BYTES_MAX: usize = 64 << 20;

/// A file, directory or pattern.
pub(super) struct FileSource {
    path: String,
    monitor: Option<Duration>,
    files: Vec<FileReader>,
    names: FileNames,
    values: Arc<dyn ValueDecoder>,
    decoder: Arc<FileDecoder>,
}

impl FileSource {
    /// Opens the files that are there now.
    ///
    /// # Errors
    /// `NotFound` if there is none and nobody waits for one.
    pub(super) fn open(
        path: String,
        monitor: Option<Duration>,
        values: Arc<dyn ValueDecoder>,
        decoder: FileDecoder,
    ) -> Result<Self> {
        let mut source = Self {
            path,
            monitor,
            files: Vec::new(),
            names: decoder.names(),
            values,
            decoder: Arc::new(decoder),
        };
        source.add(listing::files(&source.path)?)?;
        if source.files.is_empty() && monitor.is_none() {
            let text = format!("no file matches '{}'", source.path);
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        Ok(source)
    }

    /// Appends files that are not known yet.
    fn add(&mut self, paths: Vec<PathBuf>) -> Result<()> {
        for path in paths {
            if self.files.iter().any(|f| f.path() == path) {
                continue;
            }
            let mut reader = FileReader::new(path);
            // An unreadable file is better found before the pipeline runs.
            reader.read(0, 0)?;
            reader.close();
            self.names.push(reader.path());
            self.files.push(reader);
        }
        Ok(())
    }

    fn file(&mut self, partition: u32) -> Result<&mut FileReader> {
        let count = self.files.len();
        self.files.get_mut(partition as usize).ok_or_else(|| {
            let text = format!("file {partition} of {count} was asked for");
            Error::new(ErrorKind::Bug, text)
        })
    }

    /// The next whole records from `from`, or what is left of a file that will not grow.
    fn next_records(
        &mut self,
        partition: u32,
        from: u64,
        length: usize,
    ) -> Result<Option<Vec<u8>>> {
        let follows = self.monitor.is_some();
        let values = Arc::clone(&self.values);
        let file = self.file(partition)?;
        let mut length = length;
        loop {
            let mut piece = file.read(from, length)?;
            let framed = values.frame(&piece.bytes);
            if framed > 0 && (follows || !piece.is_end) {
                piece.bytes.truncate(framed);
                return Ok(Some(piece.bytes));
            }
            if piece.is_end {
                let ends = !follows && !piece.bytes.is_empty();
                return Ok(ends.then_some(piece.bytes));
            }
            if length >= RECORD_BYTES_MAX {
                return Ok(Some(piece.bytes));
            }
            length *= 2;
        }
    }
}

/// The hash of a chunk's bytes that an epoch records.
fn digest(bytes: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes)
}

impl Source for FileSource {
    fn resume(&mut self, known: &[String]) -> Result<()> {
        let now: Vec<&Path> = self.files.iter().map(FileReader::path).collect();
        let files = listing::resumed(known, &now, self.monitor.is_some())?;
        self.names.replace(&files);
        self.files = files.into_iter().map(FileReader::new).collect();
        Ok(())
    }

    fn partitions(&mut self) -> Result<Vec<Partition>> {
        if self.monitor.is_some() {
            self.add(listing::files(&self.path)?)?;
        }
        let partition = |file: &FileReader| Partition {
            name: file.path().display().to_string(),
            start: 0,
        };
        Ok(self.files.iter().map(partition).collect())
    }

    fn poll(&mut self, partition: u32, from: u64, max_bytes: usize) -> Result<Poll> {
        let length = max_bytes.clamp(CHUNK_BYTES_MIN, CHUNK_BYTES);
        if let Some(bytes) = self.next_records(partition, from, length)? {
            let range = Range {
                partition,
                from,
                to: from + bytes.len() as u64,
                digest: Some(digest(&bytes)),
            };
            return Ok(Poll::Ready(Chunk {
                range,
                payload: Payload::Bytes(Bytes::from(bytes)),
            }));
        }
        Ok(match self.monitor {
            Some(interval) => Poll::Pending {
                retry_after: Some(interval),
            },
            None => {
                self.file(partition)?.close();
                Poll::Ended
            }
        })
    }

    fn reread(&mut self, range: &Range) -> Result<Chunk> {
        let file = self.file(range.partition)?;
        let length = usize::try_from(range.to.saturating_sub(range.from))
            .map_err(|_| Error::new(ErrorKind::Corrupt, "a recorded range is too long"))?;
        let piece = file.read(range.from, length)?;
        if piece.bytes.len() != length || range.digest.is_some_and(|d| d != digest(&piece.bytes)) {
            let text = format!(
                "'{}' has changed since it was read: bytes {} to {} differ",
                file.path().display(),
                range.from,
                range.to
            );
            return Err(Error::new(ErrorKind::Corrupt, text)
                .with_hint("put the original file back, or start without the old state"));
        }
        Ok(Chunk {
            range: range.clone(),
            payload: Payload::Bytes(Bytes::from(piece.bytes)),
        })
    }

    fn decoder(&self) -> Arc<dyn Decoder> {
        Arc::clone(&self.decoder) as Arc<dyn Decoder>
    }

    fn watch(&mut self, _waker: Waker) {
        // Followed files are looked at again after the monitor interval; nothing calls.
    }
}
