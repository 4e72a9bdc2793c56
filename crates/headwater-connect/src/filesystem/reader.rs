//! The bytes of one file at any offset, decompressed as they are read.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use headwater_flow::{Error, ErrorKind, Result};

use super::buffers::{Buffer, Buffers};
use super::config::Compression;
use super::listing::failed;
use super::prefix::shorter;

/// Bytes of a file and whether the file ends with them.
#[derive(Debug)]
pub(super) struct Piece {
    /// The bytes.
    pub(super) bytes: Buffer,
    /// Whether the file had no more at the time.
    pub(super) is_end: bool,
    /// Whether the file does not even reach to where the bytes were to begin.
    ends_before: bool,
}

/// Reads one file.
#[derive(Debug)]
pub(super) struct FileReader {
    path: PathBuf,
    bytes: Bytes,
}

enum Bytes {
    Plain(Option<File>),
    Packed(Compression, Option<Unpacked>),
}

/// A decompressed stream with a window on its newest bytes.
struct Unpacked {
    stream: Box<dyn Read + Send>,
    window: Vec<u8>,
    window_at: u64,
    is_end: bool,
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Packed(..) => "Packed",
        })
    }
}

impl FileReader {
    /// A reader of the file at `path`, which is opened when it is first read.
    pub(super) fn new(path: PathBuf) -> Self {
        let bytes = match Compression::of(&path) {
            Compression::None => Bytes::Plain(None),
            packed => Bytes::Packed(packed, None),
        };
        Self { path, bytes }
    }

    /// The file's path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the file; reading opens it again.
    pub(super) fn close(&mut self) {
        match &mut self.bytes {
            Bytes::Plain(file) => *file = None,
            Bytes::Packed(_, stream) => *stream = None,
        }
    }

    /// At most `length` bytes from offset `from` of the decompressed file; fewer only at its end.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`, or `Corrupt` for a damaged archive or a file that ends before `from`.
    pub(super) fn read(&mut self, from: u64, length: usize, buffers: &Buffers) -> Result<Piece> {
        let piece = self.read_to_end(from, buffers.take(length), length)?;
        match piece.ends_before {
            true => Err(shorter(&self.path)),
            false => Ok(piece),
        }
    }

    fn read_to_end(&mut self, from: u64, mut bytes: Buffer, length: usize) -> Result<Piece> {
        let path = &self.path;
        let into = &mut bytes.memory()[..length];
        let (got, is_end, ends_before) = match &mut self.bytes {
            Bytes::Plain(file) => {
                read_plain(file, path, from, into).map_err(|e| failed(path, e))?
            }
            Bytes::Packed(compression, slot) => {
                if slot.as_ref().is_none_or(|s| from < s.window_at) {
                    *slot = Some(Unpacked::open(path, *compression).map_err(|e| failed(path, e))?);
                }
                let Some(stream) = slot else {
                    return Err(Error::new(ErrorKind::Bug, "an archive that is not open"));
                };
                stream.read(from, into).map_err(|e| damaged(path, e))?
            }
        };
        bytes.truncate(got);
        Ok(Piece {
            bytes,
            is_end,
            ends_before,
        })
    }
}

/// How many bytes were read, whether the file ends with them, whether it ends before them.
type Got = (usize, bool, bool);

fn read_plain(file: &mut Option<File>, path: &Path, from: u64, into: &mut [u8]) -> io::Result<Got> {
    let open = match file {
        Some(open) => open,
        None => file.insert(File::open(path)?),
    };
    let mut got = 0;
    while got < into.len() {
        match open.read_at(&mut into[got..], from + got as u64) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    let ends_before = got == 0 && from > 0 && open.metadata()?.len() < from;
    let is_end = got < into.len();
    if is_end {
        // All files of a folder are read in turns: thousands of them must not stay open.
        *file = None;
    }
    Ok((got, is_end, ends_before))
}

impl Unpacked {
    fn open(path: &Path, compression: Compression) -> io::Result<Self> {
        let file = BufReader::with_capacity(1 << 18, File::open(path)?);
        let stream: Box<dyn Read + Send> = match compression {
            Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(file)?),
            _ => Box::new(MultiGzDecoder::new(file)),
        };
        Ok(Self {
            stream,
            window: Vec::new(),
            window_at: 0,
            is_end: false,
        })
    }

    fn read(&mut self, from: u64, into: &mut [u8]) -> io::Result<Got> {
        self.skip_to(from)?;
        self.fill(into.len())?;
        let got = match self.window_at == from {
            true => into.len().min(self.window.len()),
            false => 0,
        };
        into[..got].copy_from_slice(&self.window[..got]);
        let is_end = self.is_end && got == self.window.len();
        Ok((got, is_end, self.window_at < from))
    }

    /// Moves the beginning of the window to `from`.
    fn skip_to(&mut self, from: u64) -> io::Result<()> {
        while self.window_at + (self.window.len() as u64) < from && !self.is_end {
            self.window_at += self.window.len() as u64;
            self.window.clear();
            let step = (from - self.window_at).min(1 << 20);
            self.fill(step as usize)?;
        }
        let drop = (from - self.window_at).min(self.window.len() as u64);
        self.window.drain(..drop as usize);
        self.window_at += drop;
        Ok(())
    }

    fn fill(&mut self, length: usize) -> io::Result<()> {
        let missing = length.saturating_sub(self.window.len());
        if missing > 0 && !self.is_end {
            let mut part = (&mut self.stream).take(missing as u64);
            let got = part.read_to_end(&mut self.window)?;
            self.is_end = got < missing;
        }
        Ok(())
    }
}

fn damaged(path: &Path, e: io::Error) -> Error {
    let text = format!("'{}' is damaged or cut off", path.display());
    Error::new(ErrorKind::Corrupt, text).with_source(e)
}
