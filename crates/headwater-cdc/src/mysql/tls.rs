//! Encrypted connections: what a server's certificate must prove, by the modes that all clients of MySQL know.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use headwater_log::{Error, ErrorKind, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore,
    SignatureScheme, StreamOwned,
};

use super::failure::unreachable;

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

    /// # Errors
    /// `Invalid` if the file of authorities cannot be read or the host has no name that a certificate can be for.
    fn client(&self, host: &str) -> Result<ClientConnection> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(wrong)?;
        let roots = || {
            self.ca
                .as_deref()
                .map_or_else(|| Ok(browsers()), authorities)
        };
        let builder = match self.mode {
            TlsMode::VerifyIdentity => builder.with_root_certificates(roots()?),
            TlsMode::VerifyCa => {
                let inner = WebPkiServerVerifier::builder_with_provider(roots()?.into(), provider);
                let verifier = Nameless(inner.build().map_err(|e| invalid(e.to_string()))?);
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(verifier))
            }
            TlsMode::Required | TlsMode::Disabled => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Unchecked(provider))),
        };
        let config = builder.with_no_client_auth();
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| invalid(format!("no certificate can be for '{host}'")))?;
        ClientConnection::new(Arc::new(config), name).map_err(wrong)
    }
}

fn browsers() -> RootCertStore {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    }
}

fn authorities(path: &Path) -> Result<RootCertStore> {
    let unread = |why: String| invalid(format!("ssl-ca '{}': {why}", path.display()));
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|e| unread(e.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|e| unread(e.to_string()))?;
        roots.add(certificate).map_err(|e| unread(e.to_string()))?;
    }
    match roots.is_empty() {
        true => Err(unread("there is no certificate in it".to_owned())),
        false => Ok(roots),
    }
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::Invalid, text)
}

fn wrong(error: rustls::Error) -> Error {
    let text = format!("the connection cannot be encrypted: {error}");
    Error::new(ErrorKind::Invalid, text).with_source(error)
}

/// A connection, encrypted or not.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Encrypted(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self, Self::Encrypted(_))
    }

    /// Encrypts what comes from here on.
    ///
    /// # Errors
    /// `Unavailable`; `Invalid` if the server does not prove what it must.
    pub(super) fn encrypted(self, tls: &Tls, host: &str, timeout: Duration) -> Result<Self> {
        let mut client = tls.client(host)?;
        let Self::Plain(mut socket) = self else {
            return Ok(self);
        };
        let broke = |e| unreachable("the connection broke", e);
        socket.set_read_timeout(Some(timeout)).map_err(broke)?;
        while client.is_handshaking() {
            if let Err(e) = client.complete_io(&mut socket) {
                // What is the matter with a certificate is wrapped into an error of reading.
                let found = e.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
                return Err(match found.cloned() {
                    Some(error) => wrong(error),
                    None => broke(e),
                });
            }
        }
        Ok(Self::Encrypted(Box::new(StreamOwned::new(client, socket))))
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Encrypted(stream) => stream.get_ref(),
        }
    }

    pub(super) fn set_read_timeout(&self, timeout: Duration) -> std::io::Result<()> {
        self.socket().set_read_timeout(Some(timeout))
    }
}

impl Read for Stream {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(room),
            Self::Encrypted(stream) => stream.read(room),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Encrypted(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Encrypted(stream) => stream.flush(),
        }
    }
}

/// Signatures are checked, so that the server has the key of its certificate; whose that is is not.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// All is checked but the name.
#[derive(Debug)]
struct Nameless(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for Nameless {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        match self
            .0
            .verify_server_cert(certificate, others, name, ocsp, now)
        {
            // The name is looked at last.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
