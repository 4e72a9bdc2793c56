//! What stands between a capture and its server, and cuts, freezes or slows what goes through.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a thread waits for bytes before it looks whether all has ended.
const LOOK: Duration = Duration::from_millis(50);
/// What is passed on at a time while it is slow, and how long that takes.
const PIECE_BYTES: usize = 700;
const PIECE_TIME: Duration = Duration::from_millis(3);

/// What becomes of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// They are passed on.
    Passes,
    /// They wait here, on connections that stand, and on new ones too.
    Frozen,
    /// They are passed on in small pieces.
    Slow,
}

#[derive(Debug)]
struct Shared {
    server: AtomicU16,
    flow: Mutex<Flow>,
    changed: Condvar,
    stop: AtomicBool,
    /// Both ends of every connection.
    ends: Mutex<Vec<TcpStream>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// A proxy on a port of its own.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Stands before the server at this port of this host.
    pub(crate) fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            server: AtomicU16::new(server),
            flow: Mutex::new(Flow::Passes),
            changed: Condvar::new(),
            stop: AtomicBool::new(false),
            ends: Mutex::default(),
            threads: Mutex::default(),
        });
        let theirs = Arc::clone(&shared);
        let accepting = std::thread::spawn(move || theirs.accept(&listener));
        Self {
            port,
            shared,
            accepting: Some(accepting),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From now on who comes is led to another server.
    pub(crate) fn lead_to(&self, server: u16) {
        self.shared.server.store(server, Ordering::Relaxed);
    }

    /// From now on bytes flow so.
    pub(crate) fn set(&self, flow: Flow) {
        *self.shared.flow.lock().unwrap() = flow;
        self.shared.changed.notify_all();
    }

    /// Ends all connections; gives how many ends there were.
    pub(crate) fn cut(&self) -> usize {
        let ends: Vec<TcpStream> = self.shared.ends.lock().unwrap().drain(..).collect();
        let is_open = |end: &&TcpStream| end.shutdown(Shutdown::Both).is_ok();
        ends.iter().filter(is_open).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.set(Flow::Passes);
        // Whoever accepts looks up for this.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        drop(self.accepting.take().map(JoinHandle::join));
        self.cut();
        let threads: Vec<_> = self.shared.threads.lock().unwrap().drain(..).collect();
        threads.into_iter().for_each(|t| drop(t.join()));
    }
}

impl Shared {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            if self.is_stopped() {
                return;
            }
            let client = client.unwrap();
            // Who comes while the server is away is sent away.
            let Ok(server) = TcpStream::connect(("127.0.0.1", self.server.load(Ordering::Relaxed)))
            else {
                continue;
            };
            for (from, to) in [(&client, &server), (&server, &client)] {
                from.set_read_timeout(Some(LOOK)).unwrap();
                from.set_nodelay(true).unwrap();
                let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                let ours = Arc::clone(self);
                let passing = std::thread::spawn(move || ours.pass(from, to));
                let mut threads = self.threads.lock().unwrap();
                threads.retain(|t| !t.is_finished());
                threads.push(passing);
            }
            let mut ends = self.ends.lock().unwrap();
            ends.retain(|end| end.peer_addr().is_ok());
            ends.extend([client, server]);
        }
    }

    /// Waits while all is frozen.
    fn flow(&self) -> Flow {
        let flow = self.flow.lock().unwrap();
        let is_frozen = |flow: &mut Flow| *flow == Flow::Frozen && !self.is_stopped();
        *self.changed.wait_while(flow, is_frozen).unwrap()
    }

    /// Passes on what comes, until one of the two has had enough.
    fn pass(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut room = [0; 16 << 10];
        while !self.is_stopped() {
            let most = match self.flow() {
                Flow::Slow => PIECE_BYTES,
                _ => room.len(),
            };
            let count = match from.read(&mut room[..most]) {
                Ok(0) => break,
                Ok(count) => count,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    continue;
                }
                Err(_) => break,
            };
            // What came just before all froze stays here too.
            if self.flow() == Flow::Slow {
                std::thread::park_timeout(PIECE_TIME);
            }
            if to.write_all(&room[..count]).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Both));
        drop(from.shutdown(Shutdown::Both));
    }
}
