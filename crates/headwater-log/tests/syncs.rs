//! Syncs that run at the same time: a commit is acknowledged when a sync has ended that began after it was written, and not
//! before.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex};

use bytes::Bytes;
use headwater_log::simulation::{Faults, FaultyDisk};
use headwater_log::{
    Disk, DiskFile, ErrorKind, Log, MemDisk, OpenMode, Options, TopicConfig, TopicPartition,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::{Seed, clock, commit, read_all, small};

/// Syncs of the write-ahead log that wait for the test to let them end.
#[derive(Debug, Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    is_shut: bool,
    begun: usize,
    /// Whether a sync, by the order in which they began, is to succeed.
    decided: BTreeMap<usize, bool>,
}

impl Gate {
    fn shut(&self) {
        self.state.lock().unwrap().is_shut = true;
    }

    /// Waits until so many syncs have begun.
    fn wait_for(&self, begun: usize) {
        let state = self.state.lock().unwrap();
        let fewer = |state: &mut GateState| state.begun < begun;
        drop(self.changed.wait_while(state, fewer).unwrap());
    }

    fn decide(&self, sync: usize, succeeds: bool) {
        self.state.lock().unwrap().decided.insert(sync, succeeds);
        self.changed.notify_all();
    }

    fn open(&self) {
        self.state.lock().unwrap().is_shut = false;
        self.changed.notify_all();
    }

    fn pass(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        if !state.is_shut {
            return Ok(());
        }
        let sync = state.begun;
        state.begun += 1;
        self.changed.notify_all();
        let waits = |state: &mut GateState| state.is_shut && !state.decided.contains_key(&sync);
        let state = self.changed.wait_while(state, waits).unwrap();
        match state.decided.get(&sync) {
            Some(false) => Err(io::Error::from_raw_os_error(5)),
            _ => Ok(()),
        }
    }
}

#[derive(Debug)]
struct GatedDisk(MemDisk, Arc<Gate>);

#[derive(Debug)]
struct GatedFile(Arc<dyn DiskFile>, Option<Arc<Gate>>);

impl Disk for GatedDisk {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let gate = path.starts_with("wal/").then(|| Arc::clone(&self.1));
        Ok(Arc::new(GatedFile(self.0.open(path, mode)?, gate)))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.0.list(dir)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.0.remove(path)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.0.sync_dir(dir)
    }
}

impl DiskFile for GatedFile {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        self.0.read_at(into, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.0.write_at(bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        // The keeper syncs the files that it has ready: no commit waits for that.
        let is_keeper = std::thread::current().name() == Some("log-keeper");
        if let Some(gate) = self.1.as_ref().filter(|_| !is_keeper) {
            gate.pass()?;
        }
        self.0.sync()
    }

    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn reserve(&self, end: u64) -> io::Result<()> {
        self.0.reserve(end)
    }
}

/// A log whose syncs wait.
fn gated() -> (Log, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let disk = GatedDisk(MemDisk::new(), Arc::clone(&gate));
    // Wide bounds, so that no checkpoint comes in between but that of the first write-ahead file.
    let log = Log::open(Arc::new(disk), clock(), Options::default()).unwrap();
    log.create_topic("t", TopicConfig::default()).unwrap();
    while log.stats().checkpoints == 0 {
        std::thread::yield_now();
    }
    gate.shut();
    (log, gate)
}

#[test]
fn a_sync_acknowledges_all_that_was_written_before_it_began() {
    let (log, gate) = gated();
    let first = log.submit(commit("t", ["a"]));
    gate.wait_for(1);
    let second = log.submit(commit("t", ["b"]));
    gate.wait_for(2);
    assert!(!first.is_done() && !second.is_done());
    gate.decide(1, true);
    let (first, second) = (first.wait().unwrap(), second.wait().unwrap());
    assert!(first.number < second.number);
    // The first sync still runs; what comes now is not acknowledged by it.
    let third = log.submit(commit("t", ["c"]));
    gate.wait_for(3);
    gate.decide(0, true);
    assert!(!third.is_done());
    gate.decide(2, true);
    third.wait().unwrap();
    gate.open();
    log.close().unwrap();
}

#[test]
fn an_earlier_sync_does_not_acknowledge_what_was_written_after_it_began() {
    let (log, gate) = gated();
    let first = log.submit(commit("t", ["a"]));
    gate.wait_for(1);
    let second = log.submit(commit("t", ["b"]));
    gate.wait_for(2);
    gate.decide(0, true);
    first.wait().unwrap();
    assert!(!second.is_done());
    let of = TopicPartition::new("t", 0);
    assert_eq!(read_all(&log, &of).len(), 1);
    gate.decide(1, true);
    second.wait().unwrap();
    assert_eq!(read_all(&log, &of).len(), 2);
    gate.open();
    log.close().unwrap();
}

#[test]
fn a_sync_that_fails_beside_another_one_poisons_the_log() {
    let (log, gate) = gated();
    let first = log.submit(commit("t", ["a"]));
    gate.wait_for(1);
    let second = log.submit(commit("t", ["b"]));
    gate.wait_for(2);
    gate.decide(1, false);
    for pending in [first, second] {
        assert_eq!(pending.wait().unwrap_err().kind(), ErrorKind::Closed);
    }
    gate.decide(0, true);
    gate.open();
    let refused = log.commit(commit("t", ["c"])).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Closed);
    assert_eq!(read_all(&log, &TopicPartition::new("t", 0)), []);
}

#[test]
fn what_many_threads_were_promised_is_there_after_a_power_cut() {
    for seed in 0..40 {
        let _seed = Seed(seed);
        let mut rng = StdRng::seed_from_u64(seed);
        let disk = FaultyDisk::new(seed);
        let log = Log::open(Arc::new(disk.clone()), clock(), small()).unwrap();
        log.create_topic("t", TopicConfig::default()).unwrap();
        disk.set_faults(Faults {
            power_off_at: Some(rng.random_range(1..400)),
            is_restless: rng.random(),
            ..Faults::default()
        });
        let promised: Vec<(u64, u64, Bytes)> = std::thread::scope(|scope| {
            let writer = |thread: usize| {
                let log = &log;
                scope.spawn(move || promised_to(log, thread))
            };
            let writers: Vec<_> = (0..4).map(writer).collect();
            writers
                .into_iter()
                .flat_map(|w| w.join().unwrap())
                .collect()
        });
        drop(log);
        let log = Log::open(Arc::new(disk.crash()), clock(), small()).unwrap();
        let found = read_all(&log, &TopicPartition::new("t", 0));
        for promise in &promised {
            assert!(found.contains(promise), "{promise:?} is lost");
        }
    }
}

/// Commits until that fails; gives what was acknowledged: offset, commit, value.
fn promised_to(log: &Log, thread: usize) -> Vec<(u64, u64, Bytes)> {
    let mut promised = Vec::new();
    for i in 0.. {
        let mut value = format!("{thread}/{i}:").into_bytes();
        value.resize(value.len() + (i * 37) % 3000, b'x');
        let value = Bytes::from(value);
        match log.commit(commit("t", [value.clone()])) {
            Ok(receipt) => promised.push((receipt.offsets[0].0, receipt.number.0, value)),
            Err(_) => return promised,
        }
    }
    promised
}
