//! Parquet files as partitions; a position is a row's number.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use headwater_flow::connector::{
    Chunk, Decoded, Decoder, Offsets, OriginalRecord, Partition, Payload, Poll, Range, Source,
    SourceRequest, Waker,
};
use headwater_flow::{Error, ErrorKind, Result};

use super::super::listing;
use super::reader::ParquetFile;

/// The most rows of a chunk.
const CHUNK_ROWS: usize = 8_192;
/// How large a row is taken to be when the driver asks for bytes.
const ROW_BYTES: usize = 128;

/// Hands on the rows that the source has read.
pub(in crate::filesystem) struct ParquetDecoder(SchemaRef);

impl ParquetDecoder {
    /// For the columns of a request.
    ///
    /// # Errors
    /// `Invalid` if there are metadata columns.
    pub(in crate::filesystem) fn new(request: &SourceRequest) -> Result<Self> {
        if let Some(key) = request.metadata.iter().flatten().next() {
            let text = format!("parquet files have no metadata '{key}'");
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        Ok(Self(Arc::clone(&request.schema)))
    }
}

impl Decoder for ParquetDecoder {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0)
    }

    fn decode(&self, chunk: &Chunk) -> Result<Decoded> {
        let Payload::Rows(rows) = &chunk.payload else {
            return Err(Error::new(ErrorKind::Bug, "a parquet chunk without rows"));
        };
        Ok(Decoded {
            rows: rows.clone(),
            weights: None,
            offsets: Offsets::From(chunk.range.from),
            rejects: Vec::new(),
        })
    }

    fn original(&self, _chunk: &Chunk, _offset: u64) -> Option<OriginalRecord> {
        None
    }
}

/// Reads Parquet files.
pub(in crate::filesystem) struct ParquetSource {
    path: String,
    monitor: Option<Duration>,
    files: Vec<ParquetFile>,
    decoder: Arc<ParquetDecoder>,
}

impl ParquetSource {
    /// Opens the files that are there now.
    ///
    /// # Errors
    /// `NotFound` if there is none and nobody waits for one; `Corrupt` for a damaged one.
    pub(in crate::filesystem) fn open(
        path: String,
        monitor: Option<Duration>,
        decoder: ParquetDecoder,
    ) -> Result<Self> {
        let mut source = Self {
            path,
            monitor,
            files: Vec::new(),
            decoder: Arc::new(decoder),
        };
        source.add(listing::files(&source.path)?)?;
        if source.files.is_empty() && monitor.is_none() {
            let text = format!("no file matches '{}'", source.path);
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        Ok(source)
    }

    fn add(&mut self, paths: Vec<PathBuf>) -> Result<()> {
        for path in paths {
            if !self.files.iter().any(|f| f.path() == path) {
                self.files.push(ParquetFile::open(path)?);
            }
        }
        Ok(())
    }

    fn file(&mut self, partition: u32) -> Result<&mut ParquetFile> {
        let file = self.files.get_mut(partition as usize);
        file.ok_or_else(|| Error::new(ErrorKind::Bug, "a file that was not listed was asked for"))
    }
}

impl Source for ParquetSource {
    fn resume(&mut self, known: &[String]) -> Result<()> {
        let now: Vec<&Path> = self.files.iter().map(ParquetFile::path).collect();
        let files = listing::resumed(known, &now, self.monitor.is_some())?;
        self.files = files
            .into_iter()
            .map(ParquetFile::open)
            .collect::<Result<_>>()?;
        Ok(())
    }

    fn partitions(&mut self) -> Result<Vec<Partition>> {
        if self.monitor.is_some() {
            self.add(listing::files(&self.path)?)?;
        }
        let partition = |file: &ParquetFile| Partition {
            name: file.path().display().to_string(),
            start: 0,
        };
        Ok(self.files.iter().map(partition).collect())
    }

    fn poll(&mut self, partition: u32, from: u64, max_bytes: usize) -> Result<Poll> {
        let count = (max_bytes / ROW_BYTES).clamp(1, CHUNK_ROWS);
        let schema = self.decoder.schema();
        let file = self.file(partition)?;
        let digest = Some(file.rows());
        if let Some(rows) = file.read(from, count, &schema)? {
            return Ok(Poll::Ready(Chunk {
                range: Range {
                    partition,
                    from,
                    to: from + rows.num_rows() as u64,
                    digest,
                },
                payload: Payload::Rows(rows),
            }));
        }
        Ok(match self.monitor {
            Some(interval) => Poll::Pending {
                retry_after: Some(interval),
            },
            None => Poll::Ended,
        })
    }

    fn reread(&mut self, range: &Range) -> Result<Chunk> {
        let schema = self.decoder.schema();
        let file = self.file(range.partition)?;
        let changed = || {
            let text = format!("'{}' has changed since it was read", file.path().display());
            Error::new(ErrorKind::Corrupt, text)
                .with_hint("put the original file back, or start without the old state")
        };
        if range.digest.is_some_and(|rows| rows != file.rows()) {
            return Err(changed());
        }
        let lost = changed();
        let mut parts = Vec::new();
        let mut at = range.from;
        while at < range.to {
            let count = usize::try_from(range.to - at)
                .unwrap_or(usize::MAX)
                .min(CHUNK_ROWS);
            let Some(rows) = file.read(at, count, &schema)? else {
                return Err(lost);
            };
            at += rows.num_rows() as u64;
            parts.push(rows);
        }
        Ok(Chunk {
            range: range.clone(),
            payload: Payload::Rows(arrow::compute::concat_batches(&schema, &parts)?),
        })
    }

    fn decoder(&self) -> Arc<dyn Decoder> {
        Arc::clone(&self.decoder) as Arc<dyn Decoder>
    }

    fn watch(&mut self, _waker: Waker) {
        // Followed folders are looked at again after the monitor interval; nothing calls.
    }
}
