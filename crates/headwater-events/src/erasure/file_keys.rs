//! Keys in a file beside the log; its bytes are described in `docs/formats/keys.md`.
//!
//! A key is appended and synced before it is used, and overwritten in its place and synced when its subject is forgotten. What
//! copies of the file, copy-on-write file systems or the cells of a drive still hold is beyond it.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::keys::{Key, Keys};
use crate::error::{Error, ErrorKind, Result};

const MAGIC: &[u8; 8] = b"HWKEYS01";
const LIVE: u8 = 1;
const FORGOTTEN: u8 = 0;
/// State, length of the subject, id, key.
const HEAD_BYTES: usize = 1 + 2 + 8 + 32;
const CRC_BYTES: usize = 4;
/// Where in an entry the key is.
const KEY_AT: u64 = 1 + 2 + 8;
const SUBJECT_BYTES_MAX: usize = 1024;

/// Keys in a file beside the log.
#[derive(Debug)]
pub struct FileKeys {
    path: PathBuf,
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    file: File,
    end: u64,
    /// Live keys and the places of their entries.
    keys: HashMap<String, (Key, u64)>,
    /// A write or sync failed: nobody knows what is in the file.
    broken: bool,
}

impl FileKeys {
    /// Opens the file, or makes it, and keeps other processes out of it.
    ///
    /// # Errors
    /// `Conflict` if another process has it open; `Unavailable` if it cannot be used; `Corrupt`.
    pub fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|e| unusable(path, e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("key file {path:?} is in use by another process");
                return Err(Error::new(ErrorKind::Conflict, message));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(path, error)),
        }
        let table = Table::read(file, path)?;
        Ok(Self {
            path: path.to_owned(),
            table: Mutex::new(table),
        })
    }

    fn table(&self) -> Result<MutexGuard<'_, Table>> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.broken {
            let message = format!("key file {:?} could not be written", self.path);
            return Err(Error::new(ErrorKind::Closed, message).with_hint("open it again"));
        }
        Ok(table)
    }

    /// Does something to the file; if it fails, nothing more is done to it.
    fn write<T>(
        &self,
        table: &mut Table,
        write: impl FnOnce(&mut Table) -> io::Result<T>,
    ) -> Result<T> {
        write(table).map_err(|e| {
            table.broken = true;
            unusable(&self.path, e)
        })
    }
}

fn unusable(path: &Path, error: io::Error) -> Error {
    let message = format!("key file {path:?} cannot be used");
    Error::new(ErrorKind::Unavailable, message).with_source(error)
}

impl Table {
    fn read(file: File, path: &Path) -> Result<Self> {
        let mut table = Self {
            end: MAGIC.len() as u64,
            file,
            keys: HashMap::new(),
            broken: false,
        };
        let bytes = table.begin().map_err(|e| unusable(path, e))?;
        let damaged = |at: usize| {
            let message = format!("key file {path:?} is damaged at byte {at}");
            Error::new(ErrorKind::Corrupt, message)
        };
        if bytes.get(..MAGIC.len()) != Some(MAGIC) {
            return Err(damaged(0));
        }
        let mut at = MAGIC.len();
        while at < bytes.len() {
            let Some(length) = table.take(&bytes[at..], at as u64) else {
                // Only an entry that was never used can be torn: the last one.
                if bytes.len() - at > HEAD_BYTES + SUBJECT_BYTES_MAX + CRC_BYTES {
                    return Err(damaged(at));
                }
                table
                    .file
                    .set_len(at as u64)
                    .map_err(|e| unusable(path, e))?;
                break;
            };
            at += length;
        }
        table.end = at as u64;
        Ok(table)
    }

    fn begin(&mut self) -> io::Result<Vec<u8>> {
        let length = self.file.metadata()?.len();
        if length < MAGIC.len() as u64 {
            self.file.write_all_at(MAGIC, 0)?;
            self.file.sync_all()?;
            return Ok(MAGIC.to_vec());
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Takes in the entry that `bytes` begin with; its length, unless it is not whole.
    fn take(&mut self, bytes: &[u8], at: u64) -> Option<usize> {
        let state = *bytes.first()?;
        let length = usize::from(u16::from_le_bytes(bytes.get(1..3)?.try_into().ok()?));
        let id = u64::from_le_bytes(bytes.get(3..11)?.try_into().ok()?);
        let key: [u8; 32] = bytes.get(11..HEAD_BYTES)?.try_into().ok()?;
        let end = HEAD_BYTES + length;
        let subject = bytes.get(HEAD_BYTES..end)?;
        let crc = bytes.get(end..end + CRC_BYTES)?;
        if crc != checksum(id, subject) {
            return None;
        }
        let subject = std::str::from_utf8(subject).ok()?.to_owned();
        if state == LIVE {
            self.keys.insert(subject, (Key { id, bytes: key }, at));
        }
        Some(end + CRC_BYTES)
    }

    fn add(&mut self, subject: &str, key: Key) -> io::Result<()> {
        let mut entry = vec![LIVE];
        let length = u16::try_from(subject.len()).map_err(io::Error::other)?;
        entry.extend_from_slice(&length.to_le_bytes());
        entry.extend_from_slice(&key.id.to_le_bytes());
        entry.extend_from_slice(&key.bytes);
        entry.extend_from_slice(subject.as_bytes());
        entry.extend_from_slice(&checksum(key.id, subject.as_bytes()));
        self.file.write_all_at(&entry, self.end)?;
        self.file.sync_data()?;
        self.keys.insert(subject.to_owned(), (key, self.end));
        self.end += entry.len() as u64;
        Ok(())
    }

    fn erase(&mut self, subject: &str) -> io::Result<bool> {
        let Some((_, at)) = self.keys.get(subject).copied() else {
            return Ok(false);
        };
        self.file.write_all_at(&[0; 32], at + KEY_AT)?;
        self.file.write_all_at(&[FORGOTTEN], at)?;
        self.file.sync_data()?;
        self.keys.remove(subject);
        Ok(true)
    }
}

/// Over what stays when a key is erased.
fn checksum(id: u64, subject: &[u8]) -> [u8; 4] {
    let mut bytes = id.to_le_bytes().to_vec();
    bytes.extend_from_slice(subject);
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &bytes);
    (crc as u32).to_le_bytes()
}

impl Keys for FileKeys {
    fn get(&self, subject: &str) -> Result<Option<Key>> {
        Ok(self.table()?.keys.get(subject).map(|(key, _)| *key))
    }

    fn get_or_make(&self, subject: &str) -> Result<Key> {
        if subject.is_empty() || subject.len() > SUBJECT_BYTES_MAX {
            let message = format!("a subject has 1 to {SUBJECT_BYTES_MAX} bytes");
            return Err(Error::invalid(message));
        }
        let mut table = self.table()?;
        if let Some((key, _)) = table.keys.get(subject) {
            return Ok(*key);
        }
        let key = Key::random()?;
        self.write(&mut table, |table| table.add(subject, key))?;
        Ok(key)
    }

    fn forget(&self, subject: &str) -> Result<bool> {
        let mut table = self.table()?;
        self.write(&mut table, |table| table.erase(subject))
    }
}
