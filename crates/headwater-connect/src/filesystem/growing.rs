//! One file that grows with every epoch. An epoch's bytes wait in `.<name>.<epoch>.staged` until its commit is durable;
//! `.<name>.note` says from which length to which the last epoch made the file grow, so that a crash while it did can
//! be put right.

use std::collections::BTreeSet;
use std::path::PathBuf;

use headwater_flow::{Error, ErrorKind, Result};

use super::durable;

/// A file that grows.
pub(super) struct GrowingOutput {
    path: PathBuf,
    name: String,
    staged: BTreeSet<u64>,
}

/// How an epoch made the file grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Note {
    epoch: u64,
    from: u64,
    to: u64,
}

impl GrowingOutput {
    /// The file at `path`, whose folder is made if it is not there.
    ///
    /// # Errors
    /// `Invalid` or `Unavailable` if the folder cannot be made.
    pub(super) fn new(path: PathBuf) -> Result<Self> {
        durable::make_folder(durable::folder_of(&path))?;
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Ok(Self {
            path,
            name,
            staged: BTreeSet::new(),
        })
    }

    /// Whether nothing was ever written to it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) fn is_empty(&self) -> Result<bool> {
        Ok(self.staged.is_empty() && durable::length(&self.path)? == 0)
    }

    fn staged_path(&self, epoch: u64) -> PathBuf {
        self.path
            .with_file_name(format!(".{}.{epoch}.staged", self.name))
    }

    fn note_path(&self) -> PathBuf {
        self.path.with_file_name(format!(".{}.note", self.name))
    }

    /// Keeps an epoch's bytes until it is committed.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) fn stage(&mut self, epoch: u64, bytes: &[u8]) -> Result<()> {
        durable::write_new(&self.staged_path(epoch), bytes)?;
        self.staged.insert(epoch);
        Ok(())
    }

    /// Puts what is staged up to `epoch` behind the file.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub(super) fn deliver(&mut self, epoch: u64) -> Result<()> {
        while let Some(first) = self.staged.first().copied().filter(|e| *e <= epoch) {
            self.grow(first)?;
            self.staged.pop_first();
        }
        Ok(())
    }

    fn grow(&self, epoch: u64) -> Result<()> {
        let staged = self.staged_path(epoch);
        let Some(bytes) = durable::read(&staged)? else {
            return Ok(());
        };
        let note = self.note()?;
        // The epoch of the note is known to begin at its length, however far it got.
        let from = match note {
            Some(note) if note.epoch > epoch => return durable::remove(&staged),
            Some(note) if note.epoch == epoch => note.from,
            _ => durable::length(&self.path)?,
        };
        let to = from + bytes.len() as u64;
        durable::replace(
            &self.note_path(),
            format!("{epoch} {from} {to}\n").as_bytes(),
        )?;
        durable::put(&self.path, from, &bytes)?;
        durable::remove(&staged)
    }

    fn note(&self) -> Result<Option<Note>> {
        let path = self.note_path();
        let Some(bytes) = durable::read(&path)? else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&bytes);
        let numbers: Vec<u64> = text
            .split_whitespace()
            .filter_map(|n| n.parse().ok())
            .collect();
        match *numbers.as_slice() {
            [epoch, from, to] => Ok(Some(Note { epoch, from, to })),
            _ => Err(Error::new(
                ErrorKind::Corrupt,
                format!("'{}' is damaged", path.display()),
            )),
        }
    }

    /// Goes on after `epoch`: a new pipeline (`epoch` 0) adds to whatever the file has; another one finishes what was
    /// committed, drops what was not, and cuts the file where its epoch ended.
    ///
    /// # Errors
    /// `Corrupt` if the file is shorter than what was written.
    pub(super) fn recover(&mut self, epoch: u64) -> Result<()> {
        let found = self.find_staged()?;
        if epoch == 0 {
            durable::remove(&self.note_path())?;
        }
        for staged in found {
            if staged <= epoch {
                self.staged.insert(staged);
            } else {
                durable::remove(&self.staged_path(staged))?;
            }
        }
        self.deliver(epoch)?;
        let Some(note) = self.note()? else {
            return Ok(());
        };
        let length = durable::length(&self.path)?;
        let wanted = if note.epoch > epoch {
            note.from
        } else {
            note.to
        };
        if length < wanted {
            let text = format!(
                "'{}' is shorter than what epoch {} had written",
                self.path.display(),
                note.epoch
            );
            return Err(Error::new(ErrorKind::Corrupt, text));
        }
        if note.epoch > epoch {
            durable::put(&self.path, wanted, &[])?;
        }
        Ok(())
    }

    fn find_staged(&self) -> Result<Vec<u64>> {
        let prefix = format!(".{}.", self.name);
        let names = durable::names(durable::folder_of(&self.path))?;
        let epoch = |(name, _): &(String, PathBuf)| {
            let rest = name.strip_prefix(&prefix)?.strip_suffix(".staged")?;
            rest.parse().ok()
        };
        Ok(names.iter().filter_map(epoch).collect())
    }
}
