//! The answering side: a thread that accepts, and one for each connection.

use std::collections::BTreeMap;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::connection::{Answer, Service, converse};
use super::{socket, wire};
use crate::cli::exit::{Failure, Outcome};
use crate::cli::request::{Replies, Request};

/// Connections that are served at a time; more are told to come back.
const CONNECTIONS_MAX: usize = 64;
/// How long answers that are being given are waited for at the end.
const PATIENCE: Duration = Duration::from_secs(30);
/// Whoever serves for less than this may be about to end: what others want to last is declined, and they open the
/// directory themselves when it has ended.
const BRIEF: Duration = Duration::from_secs(5);
/// How often it is looked whether those who wait for them are still there.
const NAP: Duration = Duration::from_millis(50);

/// Serves a data directory, or memory, until it is dropped.
pub(crate) struct Server {
    shared: Arc<Shared>,
    door: Option<Door>,
}

/// The socket and the thread that accepts.
struct Door {
    dir: PathBuf,
    acceptor: JoinHandle<()>,
}

struct Shared {
    answer: Box<Answer>,
    since: Instant,
    /// Whether what this process itself does goes on until somebody ends it.
    lasts: AtomicBool,
    state: Mutex<State>,
    /// A connection has ended.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    is_closing: bool,
    next: u64,
    streams: BTreeMap<u64, UnixStream>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

impl Server {
    /// Serves only whom [`connect`](Self::connect) connects.
    pub(crate) fn inside(
        answer: impl Fn(Request, Replies<'_>) -> Outcome + Send + Sync + 'static,
    ) -> Self {
        let shared = Shared {
            answer: Box::new(answer),
            since: Instant::now(),
            lasts: AtomicBool::new(false),
            state: Mutex::default(),
            ended: Condvar::new(),
        };
        Self {
            shared: Arc::new(shared),
            door: None,
        }
    }

    /// Serves `dir`, whose lock this process holds: so a socket that lies there is a dead one.
    pub(crate) fn start(
        dir: &Path,
        answer: impl Fn(Request, Replies<'_>) -> Outcome + Send + Sync + 'static,
    ) -> Outcome<Self> {
        let mut server = Self::inside(answer);
        let listener = socket::bind(dir)
            .map_err(|e| Failure::io(format!("cannot serve '{}'", dir.display()), &e))?;
        let shared = Arc::clone(&server.shared);
        let folder = dir.to_owned();
        let acceptor = thread("control", move || accept(&folder, &listener, &shared))?;
        server.door = Some(Door {
            dir: dir.to_owned(),
            acceptor,
        });
        Ok(server)
    }

    /// A connection from within the process.
    pub(crate) fn connect(&self) -> Outcome<UnixStream> {
        let (ours, theirs) =
            UnixStream::pair().map_err(|e| Failure::io("cannot make a pair of sockets", &e))?;
        serve(&self.shared, theirs, Whose::Ours)?;
        Ok(ours)
    }

    /// The process goes on until somebody ends it: whatever lasts is served from now on.
    pub(crate) fn last(&self) {
        self.shared.lasts.store(true, Ordering::Relaxed);
    }
}

impl Drop for Server {
    /// Lets nobody in any more and waits for the answers that are being given.
    fn drop(&mut self) {
        self.shared.close();
        // The acceptor sleeps in accept: a last connection wakes it.
        if let Some(door) = self.door.take()
            && socket::connect(&door.dir).is_ok()
        {
            drop(door.acceptor.join());
        }
        self.shared.wait();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a connection; `None`: the process ends.
    fn enter(&self, stream: UnixStream) -> Option<(u64, bool)> {
        let mut state = self.state();
        if state.is_closing {
            return None;
        }
        let number = state.next;
        state.next += 1;
        let has_room = state.streams.len() < CONNECTIONS_MAX;
        state.streams.insert(number, stream);
        Some((number, has_room))
    }

    fn leave(&self, number: u64) {
        self.state().streams.remove(&number);
        self.ended.notify_all();
    }

    /// Hangs up on everybody who asks; answers go on to their ends.
    fn close(&self) {
        let mut state = self.state();
        state.is_closing = true;
        for stream in state.streams.values() {
            // One that is hung up already needs nothing.
            drop(stream.shutdown(Shutdown::Read));
        }
    }

    /// Waits until everybody who still listens has been answered.
    fn wait(&self) {
        let started = Instant::now();
        let mut state = self.state();
        while state.streams.values().any(is_connected) && started.elapsed() < PATIENCE {
            let waited = self.ended.wait_timeout(state, NAP);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether a request is answered here: one that lasts is not by a process that has nothing lasting to do itself.
    fn takes(&self, request: &Request, whose: Whose) -> bool {
        if !request.can_be_stopped() {
            return true;
        }
        if whose == Whose::Ours {
            self.lasts.store(true, Ordering::Relaxed);
        }
        self.lasts.load(Ordering::Relaxed) || self.since.elapsed() > BRIEF
    }

    fn service(&self, has_room: bool) -> Service {
        match (self.state().is_closing, has_room) {
            (true, _) => Service::Closing,
            (false, true) => Service::Open,
            (false, false) => Service::Full,
        }
    }
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// The command of this process.
    Ours,
    /// Another process.
    Theirs,
}

/// Whether the other side is still there.
fn is_connected(stream: &UnixStream) -> bool {
    let mut fds = [PollFd::new(stream, PollFlags::empty())];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    !matches!(poll(&mut fds, Some(&now)), Ok(1) if fds[0].revents().contains(PollFlags::HUP))
}

fn accept(dir: &Path, listener: &UnixListener, shared: &Arc<Shared>) {
    // A connection that breaks concerns only whoever was at its other end.
    for stream in listener.incoming() {
        drop(stream.map(|stream| serve(shared, stream, Whose::Theirs)));
        if shared.state().is_closing {
            break;
        }
    }
    // Whoever was before the door when it was closed is told so.
    drop(socket::unbind(dir));
    if listener.set_nonblocking(true).is_ok() {
        let rest = std::iter::from_fn(|| listener.accept().ok());
        rest.for_each(|(stream, _)| drop(serve(shared, stream, Whose::Theirs)));
    }
}

/// Serves a connection on a thread of its own.
fn serve(shared: &Arc<Shared>, mut stream: UnixStream, whose: Whose) -> Outcome {
    let broken = |e: io::Error| Failure::io("cannot serve a connection", &e);
    stream.set_nonblocking(false).map_err(broken)?;
    let ours = stream.try_clone().map_err(broken)?;
    let Some((number, has_room)) = shared.enter(ours) else {
        return wire::write_closing(&mut stream).map_err(broken);
    };
    let served = Arc::clone(shared);
    let conversation = move || {
        let service = || served.service(has_room);
        let takes = |request: &Request| served.takes(request, whose);
        drop(converse(stream, &served.answer, &service, &takes));
        served.leave(number);
    };
    thread("control-client", conversation)
        .map(drop)
        .inspect_err(|_| shared.leave(number))
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> Outcome<JoinHandle<()>> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    spawned.map_err(|e: io::Error| Failure::io("cannot start a thread", &e))
}
