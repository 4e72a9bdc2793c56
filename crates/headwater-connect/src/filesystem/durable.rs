//! Files that are whole or absent.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use headwater_flow::{Error, ErrorKind, Result};

/// The folder that a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes a folder and those above it.
///
/// # Errors
/// `Invalid` or `Unavailable`, naming it.
pub(super) fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|e| failed(folder, e))
}

/// Writes a new file and makes its bytes and its name durable.
///
/// # Errors
/// `Unavailable`, naming the file.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        File::open(folder_of(path))?.sync_all()
    };
    write().map_err(|e| failed(path, e))
}

/// Replaces a file as a whole.
///
/// # Errors
/// `Unavailable`, naming the file.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    let hidden = path.with_file_name(name);
    write_new(&hidden, bytes)?;
    rename(&hidden, path)
}

/// Gives a file another name, durably.
///
/// # Errors
/// `Unavailable`, naming the file.
pub(super) fn rename(from: &Path, to: &Path) -> Result<()> {
    let folder = folder_of(to);
    fs::rename(from, to)
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(|e| failed(to, e))
}

/// Makes a file exactly `length` long and puts `bytes` behind that, durably.
///
/// # Errors
/// `Unavailable`, naming the file.
pub(super) fn put(path: &Path, length: u64, bytes: &[u8]) -> Result<()> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        if file.metadata()?.len() != length {
            file.set_len(length)?;
        }
        file.write_all(bytes)?;
        file.sync_data()?;
        match length {
            // It may be new.
            0 => File::open(folder_of(path))?.sync_all(),
            _ => Ok(()),
        }
    };
    write().map_err(|e| failed(path, e))
}

/// The length of a file; 0 if it is not there.
///
/// # Errors
/// `Unavailable`, naming the file.
pub(super) fn length(path: &Path) -> Result<u64> {
    match fs::metadata(path) {
        Ok(meta) => Ok(meta.len()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(e) => Err(failed(path, e)),
    }
}

/// What a file says, if it is there.
///
/// # Errors
/// `Unavailable`, naming the file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed(path, e)),
    }
}

/// Removes a file, if it is there.
///
/// # Errors
/// `Unavailable`, naming the file.
pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed(path, e)),
        _ => Ok(()),
    }
}

/// The names in a folder, in order.
///
/// # Errors
/// `Unavailable`, naming the folder.
pub(super) fn names(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let entries = fs::read_dir(folder).map_err(|e| failed(folder, e))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| failed(folder, e))?;
        found.push((
            entry.file_name().to_string_lossy().into_owned(),
            entry.path(),
        ));
    }
    found.sort();
    Ok(found)
}

/// An error of writing, with the path.
fn failed(path: &Path, e: io::Error) -> Error {
    let kind = match e.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::NotADirectory => ErrorKind::Invalid,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, format!("cannot write '{}'", path.display())).with_source(e)
}
