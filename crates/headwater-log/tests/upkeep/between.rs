//! A compaction that is done while another thread writes a checkpoint, which has taken its cut and not yet recorded the
//! key indexes: the disk is where both can be held.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use headwater_log::{
    Cleanup, Commit, Condition, Disk, DiskFile, ExpectedVersion, Log, ManualClock, MemDisk,
    OpenMode, Options, Record, Timestamp, TopicConfig, TopicPartition, Version,
};

use crate::support::small;

/// How long a compaction may take that nothing keeps from being done.
const PATIENCE: Duration = Duration::from_secs(2);

type Hook = Box<dyn Fn(&str) -> io::Result<()> + Send + Sync>;

/// A disk in memory that says which files are made.
#[derive(Default)]
struct Hooked {
    disk: MemDisk,
    hook: OnceLock<Hook>,
}

impl std::fmt::Debug for Hooked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.disk.fmt(f)
    }
}

impl Disk for Hooked {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        if let Some(hook) = self.hook.get().filter(|_| mode == OpenMode::Create) {
            hook(path)?;
        }
        self.disk.open(path, mode)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }
}

fn open(disk: &Arc<Hooked>, clock: &Arc<ManualClock>) -> Log {
    let options = Options {
        cleanup_interval: Duration::from_secs(3_600),
        checkpoint_bytes: 1 << 30,
        flush_bytes: 1 << 30,
        wal_file_bytes: 1 << 20,
        wal_bytes_max: 16 << 20,
        ..small()
    };
    Log::open(disk.clone(), clock.clone(), options).unwrap()
}

fn table() -> TopicPartition {
    TopicPartition::new("table", 0)
}

fn put(key: &str, value: Option<&'static str>) -> Commit {
    let record = Record {
        key: Some(key.to_owned().into()),
        value: value.map(Into::into),
        ..Record::default()
    };
    Commit::new().append(table(), [record])
}

/// More than a segment of other keys.
fn fill(log: &Log) {
    for i in 0..80 {
        log.commit(put(&format!("k{i}"), Some("something of some length")))
            .unwrap();
    }
}

/// A log whose next compaction takes the tombstone of "gone", which has version 1.
fn about_to_forget(disk: &Arc<Hooked>, clock: &Arc<ManualClock>) -> Log {
    let log = open(disk, clock);
    let config = TopicConfig {
        key_index: true,
        segment_bytes: 4 << 10,
        cleanup: Cleanup {
            compact: true,
            delete_retention_ms: 10,
            ..Cleanup::default()
        },
        ..TopicConfig::default()
    };
    log.create_topic("table", config).unwrap();
    log.commit(put("gone", Some("here"))).unwrap();
    log.commit(put("gone", None)).unwrap();
    fill(&log);
    log.clean_up().unwrap();
    clock.advance(1_000);
    fill(&log);
    log
}

/// Whether a file is what compaction has made of segments.
fn is_rewritten(path: &str) -> bool {
    path.ends_with(".log") && !path.ends_with("-0.log")
}

struct Gate {
    reached: Sender<()>,
    go: Mutex<Receiver<()>>,
}

#[test]
fn a_compaction_beside_a_checkpoint_leaves_versions_as_they_were_acknowledged() {
    let disk = Arc::new(Hooked::default());
    let clock = Arc::new(ManualClock::new(Timestamp(1_000)));
    let log = about_to_forget(&disk, &clock);
    let (reached, is_reached) = channel();
    let (go, may_go) = channel();
    let (again, came_again) = channel();
    let gate = Gate {
        reached,
        go: Mutex::new(may_go),
    };
    let at_indexes = {
        let log = log.clone();
        move || {
            // The cut is taken. The key comes again, then the compaction goes on.
            let exact = Condition::Version {
                of: table(),
                key: "gone".into(),
                expected: ExpectedVersion::Exact(Version(1)),
            };
            let again_commit = log.commit(put("gone", Some("again")).when(exact));
            go.send(()).unwrap();
            again.send(again_commit.unwrap().number).unwrap();
            let last = log.last_commit();
            log.wait_for_commit(last, PATIENCE);
        }
    };
    let at_indexes = Mutex::new(Some(at_indexes));
    let is_past = AtomicBool::new(false);
    let hook: Hook = Box::new(move |path: &str| {
        match std::thread::current().name() {
            Some("compaction") if is_rewritten(path) && !is_past.swap(true, Ordering::SeqCst) => {
                gate.reached.send(()).unwrap();
                gate.go.lock().unwrap().recv().unwrap();
            }
            // The process does not live to write a checkpoint behind it.
            Some("compaction") if path == "checkpoint.new" && is_past.load(Ordering::SeqCst) => {
                return Err(io::Error::other("killed"));
            }
            Some("checkpoint") if path.ends_with(".keys") => {
                let at_indexes = at_indexes.lock().unwrap().take();
                if let Some(at_indexes) = at_indexes {
                    at_indexes();
                }
            }
            _ => {}
        }
        Ok(())
    });
    assert!(disk.hook.set(hook).is_ok());
    std::thread::scope(|scope| {
        let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let compaction = named("compaction").spawn_scoped(scope, || log.clean_up());
        is_reached.recv().unwrap();
        log.commit(put("other", Some("is new to the index")))
            .unwrap();
        let checkpoint = named("checkpoint").spawn_scoped(scope, || log.checkpoint());
        checkpoint.unwrap().join().unwrap().unwrap();
        if let Err(e) = compaction.unwrap().join().unwrap() {
            assert!(e.to_string().contains("killed"), "{e}");
        }
    });
    came_again.recv().unwrap();
    let version = |log: &Log| log.key_version(&table(), b"gone").unwrap();
    assert_eq!(version(&log), Some(Version(2)));
    std::mem::forget(log);
    assert_eq!(version(&open(&disk, &clock)), Some(Version(2)));
}
