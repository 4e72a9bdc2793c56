//! A file of records that its format frames: lines of JSON or CSV, plain or compressed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crc_fast::CrcAlgorithm::Crc64Nvme;
use headwater_flow::connector::{Payload, ValueDecoder};
use headwater_flow::{Error, ErrorKind, Result};

use super::buffers::{Buffer, Buffers};
use super::file::{InputFile, Piece};
use super::prefix::shorter;
use super::reader::FileReader;

/// The size of a chunk, unless the driver wants less.
const CHUNK_BYTES: usize = 1 << 20;
/// The smallest piece that is read.
const CHUNK_BYTES_MIN: usize = 4 << 10;
/// A record that is longer is cut, and its pieces become rejects.
const RECORD_BYTES_MAX: usize = 64 << 20;

/// What framed files share: the format, and memory for their chunks.
pub(super) struct Framing {
    values: Arc<dyn ValueDecoder>,
    buffers: Buffers,
}

impl Framing {
    /// Files of a format's records.
    pub(super) fn new(values: Arc<dyn ValueDecoder>) -> Self {
        Self {
            values,
            buffers: Buffers::new(CHUNK_BYTES),
        }
    }
}

/// A file of framed records; a place is a byte after decompression.
#[derive(Debug)]
pub(super) struct FramedFile(FileReader);

impl FramedFile {
    /// The next whole records from `from`, or what is left of a file that will not grow.
    fn records(
        &mut self,
        from: u64,
        mut length: usize,
        grows: bool,
        framing: &Framing,
    ) -> Result<Option<Buffer>> {
        loop {
            let mut piece = self.0.read(from, length, &framing.buffers)?;
            let framed = framing.values.frame(piece.bytes.as_ref());
            if framed > 0 && (grows || !piece.is_end) {
                piece.bytes.truncate(framed);
                return Ok(Some(piece.bytes));
            }
            if piece.is_end {
                let ends = !grows && !piece.bytes.as_ref().is_empty();
                return Ok(ends.then_some(piece.bytes));
            }
            if length >= RECORD_BYTES_MAX {
                return Ok(Some(piece.bytes));
            }
            length *= 2;
        }
    }
}

fn piece(from: u64, bytes: Buffer) -> Piece {
    Piece {
        to: from + bytes.as_ref().len() as u64,
        payload: Payload::Bytes(bytes.freeze()),
    }
}

impl InputFile for FramedFile {
    type Reading = Framing;

    fn open(path: PathBuf, framing: &Framing) -> Result<Self> {
        let mut reader = FileReader::new(path);
        reader.read(0, 0, &framing.buffers)?;
        reader.close();
        Ok(Self(reader))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn next(
        &mut self,
        from: u64,
        max_bytes: usize,
        grows: bool,
        framing: &Framing,
    ) -> Result<Option<Piece>> {
        let length = max_bytes.clamp(CHUNK_BYTES_MIN, CHUNK_BYTES);
        let bytes = self.records(from, length, grows, framing)?;
        Ok(bytes.map(|bytes| piece(from, bytes)))
    }

    fn again(&mut self, from: u64, to: u64, framing: &Framing) -> Result<Piece> {
        let length = usize::try_from(to.saturating_sub(from))
            .map_err(|_| Error::new(ErrorKind::Corrupt, "a recorded range is too long"))?;
        let bytes = self.0.read(from, length, &framing.buffers)?.bytes;
        match bytes.as_ref().len() == length {
            true => Ok(piece(from, bytes)),
            false => Err(shorter(self.path())),
        }
    }

    fn hash(&mut self, _from: u64, piece: &Piece) -> Result<u64> {
        match &piece.payload {
            Payload::Bytes(bytes) => Ok(crc_fast::checksum(Crc64Nvme, bytes)),
            _ => Err(Error::new(ErrorKind::Bug, "framed records are bytes")),
        }
    }

    fn extended(&self, digest: u64, from: u64, to: u64, hash: u64) -> u64 {
        crc_fast::checksum_combine(Crc64Nvme, digest, hash, to - from)
    }

    fn digest(&mut self, to: u64) -> Result<u64> {
        let mut digest = crc_fast::Digest::new(Crc64Nvme);
        let buffers = Buffers::new(CHUNK_BYTES);
        let mut at = 0;
        while at < to {
            let length = (to - at).min(CHUNK_BYTES as u64) as usize;
            let bytes = self.0.read(at, length, &buffers)?.bytes;
            let bytes = bytes.as_ref();
            if bytes.is_empty() {
                return Err(shorter(self.path()));
            }
            digest.update(bytes);
            at += bytes.len() as u64;
        }
        Ok(digest.finalize())
    }

    fn close(&mut self) {
        self.0.close();
    }
}
