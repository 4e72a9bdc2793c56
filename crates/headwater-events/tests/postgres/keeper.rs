//! The server of the tests goes away with the tests, whatever becomes of them.

use std::io::Read;
use std::process::{Command, Stdio};

use super::server::Server;

const INSIDE: &str = "HEADWATER_TEST_ABORTS";

/// Started by the test below in a process of its own, which it does not survive.
#[test]
fn process_that_aborts() {
    if std::env::var_os(INSIDE).is_some() {
        let server = Server::start(&["fsync = off"]).unwrap();
        std::fs::write(
            std::env::var_os(INSIDE).unwrap(),
            server.dir().to_str().unwrap(),
        )
        .unwrap();
        std::process::abort();
    }
}

#[test]
fn a_server_ends_with_a_process_that_aborts() {
    let Some(_there_is_one) = super::server::shared() else {
        return;
    };
    let told = tempfile::NamedTempFile::new().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "postgres::keeper::process_that_aborts"])
        .env(INSIDE, told.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The keeper has the other end of the pipe, too, so the end comes when it has cleaned up.
    let mut said = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(!child.wait().unwrap().success());
    let dir = std::fs::read_to_string(told.path()).unwrap();
    assert!(dir.contains("headwater-postgres-"), "{said}");
    assert!(!std::path::Path::new(&dir).join("data").exists());
}
