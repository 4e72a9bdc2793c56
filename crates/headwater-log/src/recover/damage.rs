//! What a log says that cannot be opened.

use crate::error::{Error, ErrorKind};
use crate::wal::file::path;
use crate::wal::frame::FILE_VERSION;

pub(super) fn corrupt(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Corrupt, what)
        .with_hint("restore the data directory; nothing in it has been changed")
}

pub(super) fn damaged(generation: u32, at: u64) -> Error {
    corrupt(format!(
        "durable bytes are damaged at byte {at} of \"{}\"",
        path(generation)
    ))
}

pub(super) fn inside(generation: u32, at: u64, error: &Error) -> Error {
    let (path, message) = (path(generation), error.message());
    corrupt(format!(
        "{message}, by the frame at byte {at} of \"{path}\""
    ))
}

/// A file that another version of this program wrote.
pub(super) fn of_version(generation: u32, version: u8) -> Error {
    let path = path(generation);
    let what = format!(
        "write-ahead file \"{path}\" has version {version} of its format; this program reads version {FILE_VERSION}"
    );
    Error::new(ErrorKind::Unsupported, what).with_hint(
        "open and close the directory with the program that wrote it; nothing in it has been changed",
    )
}
