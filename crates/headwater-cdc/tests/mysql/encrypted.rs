//! Encrypted connections: what a server must prove, and that a password is seen by nobody else.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use headwater_cdc::mysql::{Address, Position, Replica, Session, Tls, TlsMode};
use headwater_cdc::{Capture, ErrorKind, SILENCE};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::capturing::{catch_up, content, fold, memory, settings};
use super::following::read_to_end;
use super::server::Server;
use super::transactions::{numbers, run};

/// An authority, and a server's certificate for a name that it has signed.
struct Certificates(tempfile::TempDir);

impl Certificates {
    fn of(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let new = Self(folder);
        let extensions = format!("subjectAltName={name}\nbasicConstraints=CA:FALSE\n");
        std::fs::write(new.path("extensions"), extensions).unwrap();
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        new.openssl(&format!(
            "req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=authority -days 2"
        ));
        new.openssl(&format!(
            "req {key} -keyout key.pem -out request.pem -subj /CN=server"
        ));
        new.openssl(
            "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out cert.pem",
        );
        new.readable();
        new
    }

    fn path(&self, file: &str) -> String {
        self.0.path().join(file).display().to_string()
    }

    fn openssl(&self, arguments: &str) {
        let mut openssl = Command::new("openssl");
        openssl
            .args(arguments.split(' '))
            .current_dir(self.0.path());
        let output = openssl
            .output()
            .expect("openssl, which MariaDB's packages bring");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// The server runs as another user.
    fn readable(&self) {
        use std::os::unix::fs::PermissionsExt;
        let all = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        all(self.0.path(), 0o755);
        for file in ["ca.pem", "cert.pem", "key.pem"] {
            all(Path::new(&self.path(file)), 0o644);
        }
    }

    fn tls(&self, mode: TlsMode) -> Tls {
        Tls {
            mode,
            ca: Some(self.path("ca.pem").into()),
        }
    }

    /// What a server is told of them.
    fn settings(&self) -> [String; 3] {
        let setting = |name: &str, file: &str| format!("--ssl-{name}={}", self.path(file));
        [
            setting("ca", "ca.pem"),
            setting("cert", "cert.pem"),
            setting("key", "key.pem"),
        ]
    }
}

fn encrypted(server: &Server, tls: Tls) -> Address {
    Address {
        tls,
        ..server.address()
    }
}

#[test]
fn a_server_must_prove_what_was_asked_for() {
    let ours = Certificates::of("IP:127.0.0.1");
    for server in Server::each(&ours.settings().each_ref().map(String::as_str)) {
        let cipher = |tls: Tls| {
            let mut session = Session::connect(&encrypted(&server, tls))?;
            let rows = session.query("SHOW STATUS LIKE 'Ssl_cipher'")?;
            Ok::<_, headwater_cdc::Error>(rows[0][1].clone().unwrap_or_default())
        };
        assert_eq!(cipher(Tls::default()).unwrap(), "");
        let required = Tls {
            mode: TlsMode::Required,
            ca: None,
        };
        for tls in [
            required,
            ours.tls(TlsMode::VerifyCa),
            ours.tls(TlsMode::VerifyIdentity),
        ] {
            assert!(cipher(tls).unwrap().contains("AES"));
        }
        let others = Certificates::of("IP:127.0.0.1");
        let browsers = Tls {
            mode: TlsMode::VerifyIdentity,
            ca: None,
        };
        for tls in [
            others.tls(TlsMode::VerifyCa),
            others.tls(TlsMode::VerifyIdentity),
            browsers,
        ] {
            let error = cipher(tls).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
            assert!(error.message().contains("certificate"), "{error}");
        }
        let error = cipher(Tls {
            mode: TlsMode::VerifyCa,
            ca: Some("/none.pem".into()),
        });
        assert!(error.unwrap_err().message().contains("/none.pem"));
    }
}

#[test]
fn a_certificate_for_another_name_proves_no_identity() {
    let certificates = Certificates::of("DNS:elsewhere.example");
    for server in Server::each(&certificates.settings().each_ref().map(String::as_str)) {
        let connect = |mode| Session::connect(&encrypted(&server, certificates.tls(mode)));
        connect(TlsMode::VerifyCa).unwrap();
        let error = connect(TlsMode::VerifyIdentity).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.message().contains("name"), "{error}");
    }
}

#[test]
fn a_server_without_certificates_is_refused() {
    for server in Server::each(&["--skip-ssl"]) {
        let tls = Tls {
            mode: TlsMode::Required,
            ca: None,
        };
        let error = Session::connect(&encrypted(&server, tls)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.hint().unwrap().contains("ssl-mode"), "{error}");
    }
}

#[test]
fn a_log_and_tables_come_encrypted() {
    let certificates = Certificates::of("IP:127.0.0.1");
    for server in Server::each(&certificates.settings().each_ref().map(String::as_str)) {
        let address = encrypted(&server, certificates.tls(TlsMode::VerifyIdentity));
        let mut session = server.session("shop");
        let start = Position::current(&mut session).unwrap();
        run(
            &mut session,
            &[
                "CREATE TABLE t (id INT PRIMARY KEY, a INT, filling TEXT)",
                &format!(
                    "INSERT INTO t SELECT seq, 1, repeat('x', 2000) FROM {}",
                    numbers(1, 20000)
                ),
            ],
        );
        let mut rows = 0;
        let mut replica = Replica::connect(&address, 77, &start).unwrap();
        read_to_end(&mut replica, &mut session, |message| {
            if let headwater_cdc::mysql::Message::Rows(found) = message {
                rows += super::following::changes(&found).len();
            }
        })
        .unwrap();
        assert_eq!(rows, 20_000);
        run(&mut session, &["ALTER TABLE t DROP COLUMN filling"]);
        // Who may only come encrypted does.
        run(&mut session, &["SET GLOBAL require_secure_transport = ON"]);
        let settings = settings(&address, &["t"]);
        let log = memory();
        catch_up(&log, &settings);
        run(&mut session, &["UPDATE t SET a = 2 WHERE id < 10"]);
        catch_up(&log, &settings);
        let want = content(&mut session, "t", &["id", "a"], &["id"]);
        assert_eq!(fold(&log, "t"), want);
        drop(Capture::start(&log, settings));
    }
}

/// A packet of MySQL's protocol, with the number that it must have.
fn receive(stream: &mut impl Read, number: u8) -> Vec<u8> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[3], number);
    let length = u32::from_le_bytes([head[0], head[1], head[2], 0]);
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).unwrap();
    body
}

fn send(stream: &mut impl Write, number: u8, body: &[u8]) {
    let mut packet = (body.len() as u32).to_le_bytes().to_vec();
    packet[3] = number;
    packet.extend(body);
    stream.write_all(&packet).unwrap();
    stream.flush().unwrap();
}

/// The greeting of a MySQL whose users prove themselves by `caching_sha2_password`.
fn greet(stream: &mut TcpStream) {
    const CAPABILITIES: u32 = 0x000f_aaff;
    let [low, low2, high, high2] = CAPABILITIES.to_le_bytes();
    let mut greeting = b"\x0a8.0.36\0\x01\0\0\0saltsalt\0".to_vec();
    greeting.extend([low, low2, 45, 2, 0, high, high2, 21]);
    greeting.extend([0; 10]);
    greeting.extend(b"saltsaltsalt\0caching_sha2_password\0");
    send(stream, 0, &greeting);
}

const OK: &[u8] = b"\0\0\0\x02\0\0\0";
/// The server has nothing in its cache.
const FULL: &[u8] = b"\x01\x04";

/// A server that asks for the password as MySQL does; gives what it was told of it.
fn serve(listener: &TcpListener, certificates: Option<&Certificates>) -> Option<Vec<u8>> {
    let (mut socket, _) = listener.accept().unwrap();
    greet(&mut socket);
    let Some(certificates) = certificates else {
        receive(&mut socket, 1);
        send(&mut socket, 2, FULL);
        let mut rest = Vec::new();
        socket.read_to_end(&mut rest).unwrap();
        return (!rest.is_empty()).then_some(rest);
    };
    assert_eq!(receive(&mut socket, 1).len(), 32);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = CertificateDer::pem_file_iter(certificates.path("cert.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            chain.map(Result::unwrap).collect(),
            PrivateKeyDer::from_pem_file(certificates.path("key.pem")).unwrap(),
        );
    let connection = ServerConnection::new(Arc::new(config.unwrap())).unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    receive(&mut stream, 2);
    send(&mut stream, 3, FULL);
    let password = receive(&mut stream, 4);
    send(&mut stream, 5, OK);
    // What the session sets.
    receive(&mut stream, 0);
    send(&mut stream, 1, OK);
    Some(password)
}

#[test]
fn a_password_that_the_server_must_see_is_sent_encrypted_or_not_at_all() {
    let certificates = Certificates::of("IP:127.0.0.1");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = |tls| Address {
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr().unwrap().port(),
        user: "me".to_owned(),
        password: "s3cret".to_owned(),
        database: String::new(),
        tls,
        silence: SILENCE,
    };
    std::thread::scope(|scope| {
        let serving = scope.spawn(|| serve(&listener, Some(&certificates)));
        Session::connect(&address(certificates.tls(TlsMode::VerifyIdentity))).unwrap();
        assert_eq!(serving.join().unwrap().as_deref(), Some(&b"s3cret\0"[..]));

        let serving = scope.spawn(|| serve(&listener, None));
        let error = Session::connect(&address(Tls::default())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.hint().unwrap().contains("ssl-mode"), "{error}");
        assert_eq!(serving.join().unwrap(), None);
    });
}
