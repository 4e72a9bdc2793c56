//! Encrypted connections: the modes that all clients of MySQL know.

use std::path::PathBuf;
use std::str::FromStr;

use headwater_log::{Error, ErrorKind, Result};

use crate::tls::{Proof, Trust};

const HINT: &str = "ssl-ca names the file with the certificate that has signed the server's; ssl-mode=required asks for none";

/// Whether a connection is encrypted, and what the server must prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    /// It is not.
    #[default]
    Disabled,
    /// It is; whoever answers is believed to be the server.
    Required,
    /// The certificate must be signed by a known authority, whatever name it is for.
    VerifyCa,
    /// The certificate must also be for the name of the host.
    VerifyIdentity,
}

/// As they are written in options: `disabled`, `required`, `verify-ca`, `verify-identity`.
impl FromStr for TlsMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "disabled" => Ok(Self::Disabled),
            "required" => Ok(Self::Required),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-identity" => Ok(Self::VerifyIdentity),
            _ => {
                let text = format!("'{text}' is no ssl-mode");
                Err(Error::new(ErrorKind::Invalid, text)
                    .with_hint("there are disabled, required, verify-ca, verify-identity"))
            }
        }
    }
}

/// How a connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// What the server must prove.
    pub mode: TlsMode,
    /// A file of certificates in PEM of the authorities that are known; `None`: those that browsers know.
    pub ca: Option<PathBuf>,
}

impl Tls {
    /// What both say together.
    ///
    /// # Errors
    /// `Invalid` for authorities where nothing is verified.
    pub fn new(mode: TlsMode, ca: Option<PathBuf>) -> Result<Self> {
        if ca.is_some() && matches!(mode, TlsMode::Disabled | TlsMode::Required) {
            let text = "ssl-ca says who signs certificates, but nothing is verified";
            return Err(Error::new(ErrorKind::Invalid, text)
                .with_hint("let ssl-mode be verify-ca or verify-identity"));
        }
        Ok(Self { mode, ca })
    }

    /// Whether connections are to be encrypted.
    pub(super) fn is_wanted(&self) -> bool {
        self.mode != TlsMode::Disabled
    }

    /// Whom a connection trusts.
    pub(super) fn trust(&self) -> Trust<'_> {
        Trust {
            proof: match self.mode {
                TlsMode::VerifyIdentity => Proof::Name,
                TlsMode::VerifyCa => Proof::Chain,
                TlsMode::Required | TlsMode::Disabled => Proof::Nothing,
            },
            roots: self.ca.as_deref(),
            hint: HINT,
        }
    }
}
