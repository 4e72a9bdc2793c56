//! The bytes of a session, encrypted or not, and what a server's certificate must prove.
//!
//! How a kind of server is asked for TLS, and what its clients call the modes, its own `tls` module says.

use std::io::{ErrorKind as IoKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use headwater_log::{Error, ErrorKind, Result};
use rustls::CertificateError::{NotValidForName, NotValidForNameContext};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    StreamOwned,
};

/// What a certificate must prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Nothing: whoever answers is believed to be the server.
    Nothing,
    /// That a known authority has signed it, for whatever name.
    Chain,
    /// That it is of the host's name, too.
    Name,
}

/// Whom a client trusts.
#[derive(Debug)]
pub(crate) struct Trust<'a> {
    pub(crate) proof: Proof,
    /// A file of certificates in PEM of the authorities that are known; `None`: those that browsers know.
    pub(crate) roots: Option<&'a Path>,
    /// What helps if the server does not prove it.
    pub(crate) hint: &'static str,
}

/// The bytes of a session.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Encrypted(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    /// Encrypts what comes from here on. `socket` has limits of time already.
    ///
    /// # Errors
    /// `Unavailable`; `Invalid` if the server does not prove what it must, or the file of authorities cannot be read.
    pub(crate) fn encrypted(mut socket: TcpStream, host: &str, trust: &Trust<'_>) -> Result<Self> {
        let name = ServerName::try_from(host.to_owned()).map_err(|e| {
            let text = format!("'{host}' cannot be the name of a server with TLS");
            Error::new(ErrorKind::Invalid, text).with_source(e)
        })?;
        let connection = ClientConnection::new(Arc::new(config(trust)?), name);
        let mut connection = connection.map_err(bug)?;
        while connection.is_handshaking() {
            let done = connection.complete_io(&mut socket);
            done.map_err(|e| refused(host, trust, e))?;
        }
        Ok(Self::Encrypted(Box::new(StreamOwned::new(
            connection, socket,
        ))))
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self, Self::Encrypted(_))
    }

    /// The connection that it goes through.
    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Encrypted(stream) => &stream.sock,
        }
    }

    /// What is there, at least one byte; none at the end.
    pub(crate) fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(room),
            Self::Encrypted(stream) => stream.read(room),
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Plain(socket) => socket.write_all(bytes),
            Self::Encrypted(stream) => {
                stream.write_all(bytes)?;
                stream.flush()
            }
        }
    }
}

fn bug(error: rustls::Error) -> Error {
    Error::new(ErrorKind::Bug, "TLS cannot be set up").with_source(error)
}

/// A server that is not who it should be is not tried again.
fn refused(host: &str, trust: &Trust<'_>, error: std::io::Error) -> Error {
    let text = format!("TLS with {host}: {error}");
    match error.kind() {
        // What is the matter with a certificate is wrapped into an error of reading.
        IoKind::InvalidData => Error::new(ErrorKind::Invalid, text)
            .with_source(error)
            .with_hint(trust.hint),
        _ => Error::new(ErrorKind::Unavailable, text).with_source(error),
    }
}

fn config(trust: &Trust<'_>) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(bug)?;
    let chain = match trust.proof {
        Proof::Name => {
            let builder = builder.with_root_certificates(roots(trust)?);
            return Ok(builder.with_no_client_auth());
        }
        Proof::Chain => Some(chain(trust, &provider)?),
        Proof::Nothing => None,
    };
    let verifier = Arc::new(AnyName { chain, provider });
    let builder = builder.dangerous();
    let builder = builder.with_custom_certificate_verifier(verifier);
    Ok(builder.with_no_client_auth())
}

fn chain(trust: &Trust<'_>, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>> {
    let roots = Arc::new(roots(trust)?);
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider));
    verifier.build().map_err(|e| {
        Error::new(ErrorKind::Invalid, "the root certificates are of no use").with_source(e)
    })
}

fn roots(trust: &Trust<'_>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(file) = trust.roots else {
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
    let file = file.display();
    let text = format!("certificates cannot be read from '{file}': {why}");
    Error::new(ErrorKind::Invalid, text)
}

/// Takes a server whatever its name. Signatures are checked: the server has the key of its certificate, whose that may be.
#[derive(Debug)]
struct AnyName {
    /// Who has signed the certificate; `None`: anybody.
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        // The name is looked at last, when everything else is right.
        match chain.verify_server_cert(certificate, others, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                NotValidForName | NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let known = &self.provider.signature_verification_algorithms;
        known.supported_schemes()
    }
}
