//! How PostgreSQL is asked for TLS: the modes that its clients know.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;

use headwater_log::{Error, ErrorKind, Result};

use super::address::Address;
use super::failure::{malformed, unreachable};
use crate::tls::{Proof, Stream, Trust};

/// Asks whether the server speaks TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const HINT: &str = "sslrootcert names the file with the certificate that has signed the server's; sslmode=require asks for none";

/// Whether sessions are encrypted, as libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    /// Never.
    Disable,
    /// If the server can; whoever it is.
    #[default]
    Prefer,
    /// Always; whoever the server is, unless a root certificate is given.
    Require,
    /// Always, with a server whose certificate a root has signed.
    VerifyCa,
    /// The same, and the certificate is of that host.
    VerifyFull,
}

/// How sessions are encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// Whether.
    pub mode: TlsMode,
    /// A file with the certificates, in PEM, that sign servers' own; `None`: the public ones.
    pub root_certificates: Option<PathBuf>,
}

impl TlsMode {
    /// All of them by their names.
    pub const NAMES: &[&str] = &["disable", "prefer", "require", "verify-ca", "verify-full"];

    /// The mode of a name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "disable" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }
}

impl Tls {
    fn trust(&self) -> Trust<'_> {
        let roots = self.root_certificates.as_deref();
        let proof = match self.mode {
            TlsMode::VerifyFull => Proof::Name,
            TlsMode::VerifyCa => Proof::Chain,
            // As libpq does: a root certificate that is named is asked for.
            _ if roots.is_some() => Proof::Chain,
            _ => Proof::Nothing,
        };
        Trust {
            proof,
            roots,
            hint: HINT,
        }
    }
}

/// Asks the server for TLS, as far as it is wanted. `socket` has limits of time already.
///
/// # Errors
/// `Unavailable`; `Invalid` if the server has no TLS or is somebody else.
pub(super) fn begin(mut socket: TcpStream, address: &Address) -> Result<Stream> {
    let broke = |e| unreachable(&format!("connection to {address}"), e);
    if address.tls.mode == TlsMode::Disable {
        return Ok(Stream::Plain(socket));
    }
    socket.write_all(&SSL_REQUEST).map_err(broke)?;
    let mut answer = [0];
    socket.read_exact(&mut answer).map_err(broke)?;
    match (&answer, address.tls.mode) {
        (b"S", _) => Stream::encrypted(socket, &address.host, &address.tls.trust()),
        (b"N", TlsMode::Prefer) => Ok(Stream::Plain(socket)),
        (b"N", _) => Err(
            Error::new(ErrorKind::Invalid, format!("{address} has no TLS"))
                .with_hint("set ssl = on in its configuration, or connect with sslmode=prefer"),
        ),
        _ => Err(malformed("answer to the wish for TLS")),
    }
}
