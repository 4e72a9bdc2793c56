//! One file an epoch: `part-<run>-<epoch>.<format>`, hidden behind a dot until the epoch's commit is durable.
//!
//! A run is one pipeline from its first epoch on, restarts included; `.headwater-run` holds the newest one's number, so
//! that a new pipeline does not overwrite what an older one wrote.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use headwater_flow::Result;

use super::durable;

const RUN_FILE: &str = ".headwater-run";

/// A folder that gets one file an epoch.
pub(super) struct FolderOutput {
    folder: PathBuf,
    extension: String,
    run: u64,
    /// Hidden files by epoch.
    staged: BTreeMap<u64, String>,
}

/// The run and epoch of a file, and whether it is still hidden.
fn parse(name: &str) -> Option<(u64, u64, bool)> {
    let shown = name.strip_prefix('.').unwrap_or(name);
    let (numbers, _) = shown.strip_prefix("part-")?.split_once('.')?;
    let (run, epoch) = numbers.split_once('-')?;
    Some((
        run.parse().ok()?,
        epoch.parse().ok()?,
        name.starts_with('.'),
    ))
}

impl FolderOutput {
    /// A folder, made if it is not there.
    ///
    /// # Errors
    /// `Invalid` or `Unavailable` if it cannot be made.
    pub(super) fn new(folder: PathBuf, extension: String) -> Result<Self> {
        durable::make_folder(&folder)?;
        Ok(Self {
            folder,
            extension,
            run: 1,
            staged: BTreeMap::new(),
        })
    }

    /// Writes an epoch's file, hidden.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) fn stage(&mut self, epoch: u64, bytes: &[u8]) -> Result<()> {
        let name = format!("part-{:04}-{epoch:012}.{}", self.run, self.extension);
        durable::write_new(&self.folder.join(format!(".{name}")), bytes)?;
        self.staged.insert(epoch, name);
        Ok(())
    }

    /// Shows the files up to `epoch`.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) fn deliver(&mut self, epoch: u64) -> Result<()> {
        while let Some((first, name)) = self.staged.first_key_value() {
            if *first > epoch {
                break;
            }
            show(&self.folder, name)?;
            self.staged.pop_first();
        }
        Ok(())
    }

    /// Goes on after `epoch`: shows what was committed, removes what was not.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) fn recover(&mut self, epoch: u64) -> Result<()> {
        let run_file = self.folder.join(RUN_FILE);
        let text = durable::read(&run_file)?.unwrap_or_default();
        let noted = std::str::from_utf8(&text)
            .ok()
            .and_then(|t| t.trim().parse().ok());
        let names = durable::names(&self.folder)?;
        let seen = names
            .iter()
            .filter_map(|(n, _)| parse(n))
            .map(|(run, _, _)| run)
            .max();
        let newest = seen.max(noted);
        if epoch == 0 {
            self.run = newest.unwrap_or(0) + 1;
            durable::replace(&run_file, self.run.to_string().as_bytes())?;
        } else {
            self.run = newest.unwrap_or(1);
        }
        for (name, path) in &names {
            match parse(name) {
                Some((run, e, true)) if run == self.run && e <= epoch => {
                    show(&self.folder, name.trim_start_matches('.'))?;
                }
                // Hidden files of other runs are what they never committed.
                Some((_, _, true)) => durable::remove(path)?,
                Some((run, e, false)) if run == self.run && e > epoch => durable::remove(path)?,
                _ => {}
            }
        }
        Ok(())
    }
}

fn show(folder: &Path, name: &str) -> Result<()> {
    durable::rename(&folder.join(format!(".{name}")), &folder.join(name))
}
