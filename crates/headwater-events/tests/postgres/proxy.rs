//! A network between a process and the server that loses what it is told to lose.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::server::Server;

/// What a client sends to have its transaction committed.
const COMMIT: &[u8] = b"COMMIT\0";

/// A network between a process and the server.
pub(crate) struct Proxy {
    port: u16,
    /// How many answers to a COMMIT are still to be lost.
    lose: Arc<AtomicUsize>,
}

impl Proxy {
    pub(crate) fn to(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let lose = Arc::new(AtomicUsize::new(0));
        let (its, to) = (Arc::clone(&lose), server.port());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect(("127.0.0.1", to)) {
                    connect(client, server, &its);
                }
            }
        });
        Self { port, lose }
    }

    /// The address of the server through this network.
    pub(crate) fn address(&self, server: &Server) -> String {
        let direct = format!(":{}/", server.port());
        server
            .url("postgres")
            .replace(&direct, &format!(":{}/", self.port))
    }

    /// The server gets the next COMMITs, and their answers are lost with their connections.
    pub(crate) fn lose_answers(&self, count: usize) {
        self.lose.store(count, Ordering::SeqCst);
    }

    pub(crate) fn left_to_lose(&self) -> usize {
        self.lose.load(Ordering::SeqCst)
    }
}

fn connect(client: TcpStream, server: TcpStream, lose: &Arc<AtomicUsize>) {
    let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let lose = Arc::clone(lose);
    std::thread::spawn(move || copy(from, to, |_| {}));
    std::thread::spawn(move || {
        let answers = client.try_clone().unwrap();
        let loses = |count: usize| count.checked_sub(1);
        copy(client, server, |sent| {
            let is_commit = sent.windows(COMMIT.len()).any(|w| w == COMMIT);
            if is_commit
                && lose
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, loses)
                    .is_ok()
            {
                // Before the server gets it: the answer cannot be faster.
                drop(answers.shutdown(Shutdown::Both));
            }
        });
    });
}

/// Copies until one side ends; `look` sees what comes before it is passed on.
fn copy(mut from: TcpStream, mut to: TcpStream, look: impl Fn(&[u8])) {
    let mut buffer = [0; 64 << 10];
    while let Ok(count) = from.read(&mut buffer) {
        look(&buffer[..count]);
        if count == 0 || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Write));
}
