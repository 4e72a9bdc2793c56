//! Which files a path stands for, in an order that stays the same.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use headwater_flow::{Error, ErrorKind, Result};

use super::pattern;

/// How deep folders are searched.
const FOLDER_DEPTH_MAX: usize = 32;

/// The files that `path` stands for, by name. Names that begin with `.` or `_` are hidden, as for Flink.
///
/// # Errors
/// `NotFound` if `path` is no pattern and does not exist, `Unavailable` if a folder cannot be read.
pub(super) fn files(path: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if pattern::is_pattern(path) && !Path::new(path).exists() {
        expand(path, &mut found)?;
    } else {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => walk(Path::new(path), 0, &mut found)?,
            Ok(_) => found.push(PathBuf::from(path)),
            Err(e) => return Err(failed(Path::new(path), e)),
        }
    }
    found.sort();
    found.dedup();
    found
        .iter()
        .try_for_each(|file| check_can_be_read_again(file))?;
    Ok(found)
}

/// A file that came after an input that is read once had been taken to be whole.
pub(super) fn added(path: &Path) -> Error {
    let text = format!(
        "file '{}' was added to an input that is read once",
        path.display()
    );
    Error::new(ErrorKind::Invalid, text).with_hint(
        "follow the input with 'source.monitor-interval', or start without the old state",
    )
}

/// A pipe or a device gives its bytes once, but what a pipeline has read it must be able to read again.
fn check_can_be_read_again(path: &Path) -> Result<()> {
    let meta = fs::metadata(path).map_err(|e| failed(path, e))?;
    if meta.is_file() {
        return Ok(());
    }
    let text = format!(
        "'{}' is no regular file: it cannot be read again",
        path.display()
    );
    Err(Error::new(ErrorKind::Invalid, text)
        .with_hint("put it into a file, or into a topic: … | headwater topic produce NAME"))
}

/// An error of the file system, with the path.
pub(super) fn failed(path: &Path, e: io::Error) -> Error {
    let kind = match e.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory => ErrorKind::Invalid,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, format!("cannot read '{}'", path.display())).with_source(e)
}

fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let read = fs::read_dir(folder).map_err(|e| failed(folder, e))?;
    let mut found = Vec::new();
    for entry in read {
        let entry = entry.map_err(|e| failed(folder, e))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with(['.', '_']) {
            found.push((name, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    if depth > FOLDER_DEPTH_MAX {
        let text = format!("folder '{}' is nested too deep", folder.display());
        return Err(Error::new(ErrorKind::Invalid, text));
    }
    for (_, path) in entries(folder)? {
        if path.is_dir() {
            walk(&path, depth + 1, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

fn expand(path: &str, found: &mut Vec<PathBuf>) -> Result<()> {
    let (root, rest) = match path.strip_prefix('/') {
        Some(rest) => (PathBuf::from("/"), rest),
        None => (PathBuf::new(), path),
    };
    let parts: Vec<&str> = rest.split('/').filter(|p| !p.is_empty()).collect();
    step(&root, &parts, 0, found)
}

/// Matches `parts` below `folder`.
fn step(folder: &Path, parts: &[&str], depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    let Some((part, rest)) = parts.split_first() else {
        if folder.is_dir() {
            return walk(folder, depth, found);
        }
        if folder.exists() {
            found.push(folder.to_owned());
        }
        return Ok(());
    };
    if !pattern::is_pattern(part) {
        return step(&folder.join(part), rest, depth, found);
    }
    let here = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    if !here.is_dir() || depth > FOLDER_DEPTH_MAX {
        return Ok(());
    }
    if *part == "**" {
        step(folder, rest, depth, found)?;
    }
    for (name, _) in entries(here)? {
        let below = folder.join(&name);
        if *part == "**" {
            if below.is_dir() {
                step(&below, parts, depth + 1, found)?;
            }
        } else if pattern::matches(part, &name) {
            step(&below, rest, depth, found)?;
        }
    }
    Ok(())
}
