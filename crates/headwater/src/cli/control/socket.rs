//! Where the socket is. The address of a Unix socket has room for about a hundred bytes; a deeper one is reached through
//! the folder's file descriptor.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The socket's name in the data directory.
pub(crate) const NAME: &str = "control";
/// Its name until it has its mode.
const NAME_NEW: &str = "control.new";
/// The longest address that every system takes.
const ADDRESS_BYTES_MAX: usize = 100;

/// A path by which a name in a folder can be an address; the folder must stay open meanwhile.
fn address(dir: &Path, name: &str) -> io::Result<(PathBuf, Option<File>)> {
    let path = dir.join(name);
    if path.as_os_str().len() <= ADDRESS_BYTES_MAX {
        return Ok((path, None));
    }
    let folder = File::open(dir)?;
    let short = format!("/proc/self/fd/{}/{name}", folder.as_raw_fd());
    Ok((short.into(), Some(folder)))
}

/// Connects to the socket of a data directory.
pub(super) fn connect(dir: &Path) -> io::Result<UnixStream> {
    let (path, _folder) = address(dir, NAME)?;
    UnixStream::connect(path)
}

/// Binds the socket of a data directory so that it is never there with another mode than 0600.
pub(super) fn bind(dir: &Path) -> io::Result<UnixListener> {
    for old in [NAME, NAME_NEW] {
        remove(dir, old)?;
    }
    let (path, _folder) = address(dir, NAME_NEW)?;
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(dir.join(NAME_NEW), fs::Permissions::from_mode(0o600))?;
    fs::rename(dir.join(NAME_NEW), dir.join(NAME))?;
    Ok(listener)
}

/// Removes the socket, so that nobody connects any more.
pub(super) fn unbind(dir: &Path) -> io::Result<()> {
    remove(dir, NAME)
}

fn remove(dir: &Path, name: &str) -> io::Result<()> {
    match fs::remove_file(dir.join(name)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
