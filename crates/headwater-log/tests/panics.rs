//! A thread that panics at work, wherever that is: nobody waits for it for ever, and nothing that was acknowledged is lost.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use headwater_log::{
    Cleanup, Disk, DiskFile, ErrorKind, Log, MemDisk, Offset, OpenMode, Result, TopicConfig,
    TopicPartition,
};

use crate::support::{clock, commit, read_all, small};

/// How long everybody may take to hear of a panic.
const DEADLINE: Duration = Duration::from_secs(60);

/// A disk with an operation at which whoever asks for it panics.
#[derive(Debug, Clone)]
struct Trap {
    disk: Arc<MemDisk>,
    /// Operations until then.
    left: Arc<AtomicI64>,
}

#[derive(Debug)]
struct TrapFile(Arc<dyn DiskFile>, Trap);

impl Trap {
    fn step(&self) {
        assert_ne!(self.left.fetch_sub(1, Ordering::SeqCst), 1, "the trap");
    }
}

impl Disk for Trap {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        self.step();
        Ok(Arc::new(TrapFile(
            self.disk.open(path, mode)?,
            self.clone(),
        )))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.step();
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.step();
        self.disk.remove(path)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.step();
        self.disk.sync_dir(dir)
    }
}

impl DiskFile for TrapFile {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        self.0.read_at(into, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.1.step();
        self.0.write_at(bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        self.1.step();
        self.0.sync()
    }

    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn reserve(&self, end: u64) -> io::Result<()> {
        self.0.reserve(end)
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future and for nothing else, as an executor does.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done;
        }
        std::thread::park();
    }
}

/// Does something until it fails or the trap is sprung; gives how often it did not.
fn repeat<T>(what: impl Fn(usize) -> Result<T>) -> usize {
    let done = AtomicI64::new(0);
    let until_it_fails = || {
        for i in 0.. {
            match what(i) {
                Ok(_) => done.fetch_add(1, Ordering::SeqCst),
                // Without whoever makes checkpoints the write-ahead log may be full before all is refused.
                Err(e) if e.kind() == ErrorKind::Unavailable => return,
                Err(e) => {
                    assert_eq!(e.kind(), ErrorKind::Closed, "{e}");
                    return;
                }
            };
        }
    };
    if let Err(cause) = catch_unwind(AssertUnwindSafe(until_it_fails)) {
        let is_trap = |text: &&String| text.contains("the trap");
        assert!(cause.downcast_ref::<String>().filter(is_trap).is_some());
    }
    done.into_inner() as usize
}

fn table() -> TopicConfig {
    TopicConfig {
        segment_bytes: 4 << 10,
        cleanup: Cleanup {
            retention_bytes: Some(32 << 10),
            ..Cleanup::default()
        },
        ..TopicConfig::default()
    }
}

/// Everybody at work until the trap is sprung, then the log is closed; gives how many records were promised.
fn spring(disk: &Trap, after: i64) -> usize {
    let log = Log::open(Arc::new(disk.clone()), clock(), small()).unwrap();
    log.create_topic("t", TopicConfig::default()).unwrap();
    log.create_topic("u", table()).unwrap();
    disk.left.store(after, Ordering::SeqCst);
    let value = |i: usize| vec![b'x'; i * 37 % 3000];
    let pinned = TopicPartition::new("t", 0);
    let promised = std::thread::scope(|scope| {
        let waits = || repeat(|i| log.commit(commit("t", [value(i)])));
        let awaits = || repeat(|i| block_on(log.submit(commit("t", [value(i)]))));
        let others = || repeat(|i| log.commit(commit("u", [value(i)])));
        let changes = || {
            repeat(|i| match i % 2 {
                0 => log.pin("me", &pinned, Offset(0)),
                _ => log.unpin("me"),
            })
        };
        let writers = [scope.spawn(waits), scope.spawn(awaits), scope.spawn(awaits)];
        scope.spawn(others);
        scope.spawn(changes);
        scope.spawn(|| repeat(|_| log.checkpoint()));
        writers.map(|w| w.join().unwrap()).iter().sum()
    });
    let closed = catch_unwind(AssertUnwindSafe(|| log.close()));
    assert!(closed.is_err() || closed.unwrap().is_err());
    promised
}

#[test]
fn whoever_waits_hears_of_a_panic_and_what_was_promised_is_there() {
    for after in (1..200).step_by(2) {
        let disk = Trap {
            disk: Arc::new(MemDisk::new()),
            left: Arc::default(),
        };
        let (ended, end) = channel();
        let shared = disk.clone();
        let all = std::thread::spawn(move || ended.send(spring(&shared, after)));
        let promised = match end.recv_timeout(DEADLINE) {
            Ok(promised) => promised,
            Err(RecvTimeoutError::Disconnected) => {
                std::panic::resume_unwind(all.join().unwrap_err())
            }
            Err(RecvTimeoutError::Timeout) => {
                panic!("somebody still waits for what panicked at operation {after}")
            }
        };
        let log = Log::open(Arc::new(disk), clock(), small()).unwrap();
        let found = read_all(&log, &TopicPartition::new("t", 0)).len();
        assert!(found >= promised, "{found} of {promised} records: {after}");
    }
}
