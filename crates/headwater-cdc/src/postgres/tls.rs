//! What a session's bytes go through: the connection itself, or TLS if the server speaks it and it is wanted.

use std::io::{ErrorKind as IoKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_log::{Error, ErrorKind, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, StreamOwned};

use super::address::Address;
use super::failure::{malformed, unreachable};

/// Asks whether the server speaks TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

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

/// The bytes of a session.
#[derive(Debug)]
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    /// Asks the server for TLS, as far as it is wanted. `stream` has limits of time already.
    ///
    /// # Errors
    /// `Unavailable`; `Invalid` if the server has no TLS or is somebody else.
    pub(super) fn begin(mut stream: TcpStream, address: &Address) -> Result<Self> {
        let broke = |e| unreachable(&format!("connection to {address}"), e);
        if address.tls.mode == TlsMode::Disable {
            return Ok(Self::Plain(stream));
        }
        stream.write_all(&SSL_REQUEST).map_err(broke)?;
        let mut answer = [0];
        stream.read_exact(&mut answer).map_err(broke)?;
        match (&answer, address.tls.mode) {
            (b"S", _) => handshake(stream, address),
            (b"N", TlsMode::Prefer) => Ok(Self::Plain(stream)),
            (b"N", _) => Err(
                Error::new(ErrorKind::Invalid, format!("{address} has no TLS"))
                    .with_hint("set ssl = on in its configuration, or connect with sslmode=prefer"),
            ),
            _ => Err(malformed("answer to the wish for TLS")),
        }
    }

    /// The connection that it goes through.
    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        }
    }

    /// What is there, at least one byte; none at the end.
    pub(super) fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(room),
            Self::Tls(stream) => stream.read(room),
        }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes),
            Self::Tls(stream) => {
                stream.write_all(bytes)?;
                stream.flush()
            }
        }
    }
}

fn handshake(mut stream: TcpStream, address: &Address) -> Result<Wire> {
    let name = ServerName::try_from(address.host.clone()).map_err(|e| {
        let text = format!("'{}' cannot be the name of a server with TLS", address.host);
        Error::new(ErrorKind::Invalid, text).with_source(e)
    })?;
    let connection = ClientConnection::new(Arc::new(config(&address.tls)?), name);
    let mut connection =
        connection.map_err(|e| Error::new(ErrorKind::Bug, "TLS cannot be begun").with_source(e))?;
    while connection.is_handshaking() {
        let done = connection.complete_io(&mut stream);
        done.map_err(|e| refused(address, e))?;
    }
    Ok(Wire::Tls(Box::new(StreamOwned::new(connection, stream))))
}

/// A server that is not who it should be is not tried again.
fn refused(address: &Address, error: std::io::Error) -> Error {
    let text = format!("TLS with {address}");
    if error.kind() != IoKind::InvalidData {
        return unreachable(&text, error);
    }
    let text = format!("{text}: {error}");
    Error::new(ErrorKind::Invalid, text).with_source(error).with_hint(
        "sslrootcert names the file with the certificate that has signed the server's; sslmode=require asks for none",
    )
}

fn config(tls: &Tls) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let wrong = |e| Error::new(ErrorKind::Bug, "TLS cannot be set up").with_source(e);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(wrong)?;
    let is_any =
        matches!(tls.mode, TlsMode::Prefer | TlsMode::Require) && tls.root_certificates.is_none();
    if tls.mode == TlsMode::VerifyFull {
        return Ok(builder
            .with_root_certificates(roots(tls)?)
            .with_no_client_auth());
    }
    let chain = match is_any {
        true => None,
        false => {
            let verifier = WebPkiServerVerifier::builder_with_provider(
                Arc::new(roots(tls)?),
                Arc::clone(&provider),
            );
            Some(verifier.build().map_err(|e| {
                Error::new(ErrorKind::Invalid, "the root certificates are of no use").with_source(e)
            })?)
        }
    };
    let verifier = Arc::new(AnyName { chain, provider });
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    Ok(builder.with_no_client_auth())
}

fn roots(tls: &Tls) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(file) = &tls.root_certificates else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(roots);
    };
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|e| unusable(file, e))?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let found: Vec<_> = read.map_err(|e| unusable(file, e))?;
    match found.is_empty() {
        false => Ok(found),
        true => Err(unusable(file, "there is no certificate in it")),
    }
}

fn unusable(file: &Path, why: impl std::fmt::Display) -> Error {
    let text = format!(
        "certificates cannot be read from '{}': {why}",
        file.display()
    );
    Error::new(ErrorKind::Invalid, text)
}

/// Takes a server whatever its name: as libpq does unless it verifies all.
#[derive(Debug)]
struct AnyName {
    /// Who has signed its certificate; `None`: anybody.
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use rustls::CertificateError::{NotValidForName, NotValidForNameContext};
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        // The name is looked at last, when everything else is right.
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(rustls::Error::InvalidCertificate(
                NotValidForName | NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
