//! Sessions with a server that has a certificate, which `openssl` makes.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use headwater_cdc::ErrorKind;
use headwater_cdc::postgres::{Address, Received, Replication, Session, Tls, TlsMode};

use crate::replication::{WAIT, start};
use crate::server::Server;

/// Makes an authority and a key with a certificate of it for `localhost`, in `dir`.
const CERTIFICATES: &str = r"
    set -e; cd $1
    key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout'
    openssl req -x509 $key ca.key -out ca.pem -subj /CN=authority -days 2
    openssl req $key server.key -out server.csr -subj /CN=server
    echo subjectAltName=DNS:localhost > names
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem
    openssl req -x509 $key other.key -out other.pem -subj /CN=other -days 2
";

/// A server that speaks TLS, the address of its database, and its folder, where the certificates are.
fn start_with_tls() -> Option<(Server, Address, PathBuf)> {
    let (server, address) = start()?;
    let dir = server.dir().to_owned();
    make_certificates(&dir);
    let mut session = Session::connect(&address).unwrap();
    for (name, value) in [
        ("ssl_cert_file", "server.pem"),
        ("ssl_key_file", "server.key"),
    ] {
        let file = dir.join(value);
        let sql = format!("ALTER SYSTEM SET {name} = '{}'", file.display());
        session.query(&sql).unwrap();
    }
    session.query("ALTER SYSTEM SET ssl = on").unwrap();
    session.query("SELECT pg_reload_conf()").unwrap();
    Some((server, address, dir))
}

fn make_certificates(dir: &Path) {
    let mut shell = Command::new("sh");
    let made = shell
        .arg("-c")
        .arg(CERTIFICATES)
        .arg("sh")
        .arg(dir)
        .output();
    let made = made.unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    // The server reads only keys that are its own.
    let (key, owner) = (dir.join("server.key"), dir.metadata().unwrap());
    chown(&key, Some(owner.uid()), Some(owner.gid())).unwrap();
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
}

fn with(address: &Address, host: &str, mode: TlsMode, roots: Option<PathBuf>) -> Address {
    Address {
        host: host.to_owned(),
        tls: Tls {
            mode,
            root_certificates: roots,
        },
        ..address.clone()
    }
}

fn is_encrypted(session: &mut Session) -> bool {
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    session.value(sql).unwrap().as_deref() == Some("t")
}

#[test]
fn sessions_are_encrypted_with_the_server_that_is_meant_and_no_other() {
    let Some((_server, address, dir)) = start_with_tls() else {
        return;
    };
    let (ca, other) = (Some(dir.join("ca.pem")), Some(dir.join("other.pem")));
    let connect = |host, mode, roots: &Option<PathBuf>| {
        Session::connect(&with(&address, host, mode, roots.clone()))
    };
    use TlsMode::{Disable, Prefer, Require, VerifyCa, VerifyFull};
    // The server takes the new settings a moment later.
    while !is_encrypted(&mut connect("localhost", Prefer, &None).unwrap()) {
        std::thread::yield_now();
    }
    assert!(!is_encrypted(
        &mut connect("localhost", Disable, &None).unwrap()
    ));
    for (host, mode, roots) in [
        ("127.0.0.1", Require, &None),
        ("127.0.0.1", Require, &ca),
        ("127.0.0.1", VerifyCa, &ca),
        ("localhost", VerifyFull, &ca),
    ] {
        let session = &mut connect(host, mode, roots).unwrap();
        assert!(is_encrypted(session), "{host} {mode:?}");
        // More than one record of TLS at a time, and none between.
        let sql = "SELECT length(string_agg(md5(n::text), '')) FROM generate_series(1, 9) n";
        assert_eq!(session.value(sql).unwrap().as_deref(), Some("288"));
        let sql = "SELECT repeat('x', 100000) FROM generate_series(1, 10)";
        assert_eq!(session.query(sql).unwrap().len(), 10);
    }
    for (host, mode, roots) in [
        ("127.0.0.1", VerifyFull, &ca),
        ("localhost", VerifyFull, &other),
        ("localhost", VerifyFull, &None),
        ("localhost", VerifyCa, &other),
        ("localhost", Require, &other),
    ] {
        let error = connect(host, mode, roots).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{host} {mode:?}: {error}");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
    let missing = Some(dir.join("missing.pem"));
    let error = connect("localhost", VerifyFull, &missing).unwrap_err();
    assert!(error.to_string().contains("missing.pem"), "{error}");
}

#[test]
fn a_server_without_tls_is_taken_only_if_that_is_allowed() {
    let Some((_server, address)) = start() else {
        return;
    };
    let connect = |mode| Session::connect(&with(&address, "localhost", mode, None));
    assert!(!is_encrypted(&mut connect(TlsMode::Prefer).unwrap()));
    let error = connect(TlsMode::Require).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(
        error.hint().unwrap_or_default().contains("ssl = on"),
        "{error}"
    );
}

#[test]
fn a_stream_is_encrypted_too() {
    let Some((_server, address, dir)) = start_with_tls() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    session
        .query("CREATE TABLE t (id int PRIMARY KEY, body text)")
        .unwrap();
    session.query("CREATE PUBLICATION p FOR TABLE t").unwrap();
    let ca = Some(dir.join("ca.pem"));
    let address = with(&address, "localhost", TlsMode::VerifyFull, ca);
    let mut replication = loop {
        match Replication::connect(&address) {
            Ok(replication) => break replication,
            Err(error) => assert!(error.message().contains("no TLS"), "{error}"),
        }
    };
    let slot = replication.create_slot("p", false).unwrap();
    replication.start("p", "p", slot.consistent).unwrap();
    session
        .query("INSERT INTO t SELECT n, repeat('x', 50000) FROM generate_series(1, 20) n")
        .unwrap();
    let mut inserts = 0;
    while inserts < 20 {
        if let Received::Message(headwater_cdc::postgres::Message::Insert { .. }) =
            replication.receive(WAIT).unwrap()
        {
            inserts += 1;
        }
    }
}
