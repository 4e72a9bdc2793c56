//! When and how a pipeline's state is saved, while it goes on: what changed is frozen between two epochs, which moves no
//! rows, and written by a thread of its own.

use std::thread::JoinHandle;
use std::time::Duration;

use headwater_log::{Log, Offset, Pin, TopicPartition};

use super::journal::Journal;
use super::pipeline::Pipeline;
use super::seam::{spawn, stop_watch};
use super::store::{Manifest, Store};
use crate::error::{Error, ErrorKind, Result};
use crate::state::FrozenState;

/// The time between snapshots when the log has little room, milliseconds: each lets go of what was pinned before it.
const EARLY_INTERVAL_MS: i64 = 1_000;
/// How the trouble of a snapshot that could not be written begins.
const NO_SNAPSHOT: &str = "no snapshot: ";

/// When snapshots are taken, and by whom they are written.
pub(super) struct SnapshotOptions {
    /// Time between snapshots, milliseconds.
    pub(super) interval_ms: i64,
    /// On a thread of their own.
    pub(super) background: bool,
    /// The present time, milliseconds.
    pub(super) now: i64,
}

/// The snapshots of a pipeline, and who writes the one at hand.
pub(super) struct Snapshots {
    /// `None` while it is being written to.
    store: Option<Store>,
    writer: Option<Writer>,
    options: SnapshotOptions,
    last: i64,
    /// The epoch of the newest snapshot that was begun, or, if it could not be written, of the one before.
    epoch: u64,
    /// Pages that changed were handed to a snapshot that could not be written: the next one must hold all.
    lacks_pages: bool,
}

/// A snapshot that is being written, or was.
enum Writer {
    Thread(JoinHandle<(Store, Result<()>)>),
    Done(Box<Store>, Result<()>),
}

impl Writer {
    fn is_done(&self) -> bool {
        match self {
            Self::Thread(thread) => thread.is_finished(),
            Self::Done(..) => true,
        }
    }

    fn join(self) -> Result<(Store, Result<()>)> {
        match self {
            Self::Thread(thread) => thread
                .join()
                .map_err(|_| Error::new(ErrorKind::Bug, "the snapshot writer panicked")),
            Self::Done(store, written) => Ok((*store, written)),
        }
    }
}

/// What keeps the log from giving up what a restart would read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InputPin {
    owner: String,
    of: TopicPartition,
    offset: Offset,
}

/// A snapshot that is taken and not written.
struct Taken {
    manifest: Manifest,
    full: bool,
    state: FrozenState,
    journal: Option<Journal>,
    pins: Vec<InputPin>,
    log: Log,
}

impl Taken {
    /// Writes it; then neither the journal before it nor the input is needed any more.
    fn write(self, store: &mut Store) -> Result<()> {
        let trimmed = Offset(self.manifest.journal);
        let bytes = self.state.encode()?;
        drop(self.state);
        store.write(self.manifest, self.full, bytes)?;
        if let Some(journal) = &self.journal {
            journal.trim(trimmed)?;
        }
        pin(&self.log, &self.pins)
    }
}

impl Snapshots {
    pub(super) fn open(log: &Log, pipeline: &str, options: SnapshotOptions) -> Result<Self> {
        let store = Store::open(log, pipeline)?;
        let epoch = store.current().map_or(0, |m| m.epoch);
        Ok(Self {
            store: Some(store),
            writer: None,
            last: options.now,
            options,
            epoch,
            lacks_pages: false,
        })
    }

    /// Where snapshots are, unless one is being written.
    pub(super) fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// Takes the store back from a writer that has ended, or waits for it; gives whether a snapshot was written.
    ///
    /// # Errors
    /// Why the snapshot could not be written; the one before is still there.
    fn collect(&mut self, wait: bool) -> Result<bool> {
        let Some(writer) = self.writer.take_if(|w| wait || w.is_done()) else {
            return Ok(false);
        };
        let (store, written) = writer.join()?;
        if written.is_err() {
            self.lacks_pages = true;
            self.epoch = store.current().map_or(0, |m| m.epoch);
        }
        self.store = Some(store);
        written.map(|()| true)
    }

    /// Whether the next one should hold all pages; `None` while one is being written.
    fn wants_full(&self) -> Option<bool> {
        let store = self.store.as_ref()?;
        Some(self.lacks_pages || store.wants_full())
    }

    /// When one of `epoch` is due, milliseconds; `None`: there is one. `early`: the log has little room.
    fn due_at(&self, epoch: u64, early: bool) -> Option<i64> {
        // One that must hold all pages costs more, and what keeps it from being written may last.
        let interval = match early && !self.lacks_pages {
            true => self.options.interval_ms.min(EARLY_INTERVAL_MS),
            false => self.options.interval_ms,
        };
        (epoch > self.epoch).then(|| self.last.saturating_add(interval))
    }

    fn write(&mut self, taken: Taken, now: i64) -> Result<()> {
        let Some(mut store) = self.store.take() else {
            return Err(Error::new(ErrorKind::Bug, "two snapshots at once"));
        };
        (self.last, self.epoch) = (now, taken.manifest.epoch);
        self.lacks_pages &= !taken.full;
        let write = move || {
            let written = taken.write(&mut store);
            (store, written)
        };
        self.writer = Some(match self.options.background {
            true => Writer::Thread(spawn("snapshot", write)?),
            false => {
                let (store, written) = write();
                Writer::Done(Box::new(store), written)
            }
        });
        Ok(())
    }
}

impl Drop for Snapshots {
    fn drop(&mut self) {
        // Whoever opens the pipeline again must not find a snapshot half written.
        if let Err(error) = self.collect(true) {
            tracing::debug!(%error, "the last snapshot was not written");
        }
    }
}

impl Pipeline {
    /// The newest snapshot.
    pub(super) fn manifest(&self) -> Option<&Manifest> {
        self.snapshots.as_ref()?.store()?.current()
    }

    /// Begins a snapshot if one is due and none is being written.
    pub(super) fn snapshot_if_due(&mut self) -> Result<()> {
        let began = stop_watch();
        let (now, epoch) = (self.now(), self.epoch);
        let Some(snapshots) = &mut self.snapshots else {
            return Ok(());
        };
        let written = snapshots.collect(false);
        let due_at = snapshots.due_at(epoch, self.log.is_short_of_room());
        let due = snapshots.writer.is_none() && due_at.is_some_and(|at| at <= now);
        self.tolerate(written)?;
        if due {
            self.begin_snapshot(false)?;
            let pause = began.elapsed().as_micros() as u64;
            self.control
                .update(|s| s.snapshot_pause_us_max = s.snapshot_pause_us_max.max(pause));
        }
        Ok(())
    }

    /// How long a pipeline that waits may do so before a snapshot is due; `None`: for ever.
    pub(super) fn until_snapshot(&self) -> Option<Duration> {
        let snapshots = self.snapshots.as_ref()?;
        let at = snapshots.due_at(self.epoch, self.log.is_short_of_room())?;
        Some(Duration::from_millis((at - self.now()).max(1) as u64))
    }

    /// Saves the state as it is, so that the log may give up what came before.
    ///
    /// # Errors
    /// As [`Pipeline::run`].
    pub(super) fn save(&mut self) -> Result<()> {
        let is_stale = |s: &Snapshots| s.writer.is_none() && self.epoch > s.epoch;
        match self.snapshots.as_ref().is_some_and(is_stale) {
            true => self.begin_snapshot(false),
            false => Ok(()),
        }
    }

    /// A snapshot of a clean stop, so that the next start replays nothing.
    pub(super) fn final_snapshot(&mut self) -> Result<()> {
        let Some(snapshots) = &mut self.snapshots else {
            return Ok(());
        };
        let written = snapshots.collect(true);
        let stale = self.epoch > snapshots.epoch;
        self.tolerate(written)?;
        if stale {
            self.begin_snapshot(true)?;
        }
        match &mut self.snapshots {
            Some(snapshots) => {
                let written = snapshots.collect(true);
                self.tolerate(written)
            }
            None => Ok(()),
        }
    }

    /// A snapshot that cannot be written now is no reason to stop: the one before and the journal are still there.
    fn tolerate(&self, written: Result<bool>) -> Result<()> {
        match written {
            Ok(true) => {
                let is_ours = |t: &mut String| t.starts_with(NO_SNAPSHOT);
                self.control.update(|s| drop(s.trouble.take_if(is_ours)));
                Ok(())
            }
            Err(e) if e.kind().is_retriable() => {
                let trouble = format!("{NO_SNAPSHOT}{e}");
                self.control.update(|s| s.trouble = Some(trouble));
                Ok(())
            }
            other => other.map(drop),
        }
    }

    fn begin_snapshot(&mut self, clean: bool) -> Result<()> {
        // The journal's end is known once the newest epoch is durable.
        self.settle()?;
        let journal = self.journal.as_ref().map_or(Ok(Offset(0)), |j| j.end())?;
        let now = self.now();
        let Some(full) = self.snapshots.as_ref().and_then(Snapshots::wants_full) else {
            return Ok(());
        };
        let inputs = self.inputs.iter();
        let manifest = Manifest {
            epoch: self.epoch,
            digest: self.digest.clone(),
            shards: self.shards,
            partitions: inputs.clone().map(|i| i.marks()).collect(),
            trackers: inputs.map(|i| i.recorded_time.clone()).collect(),
            clean,
            journal: journal.0,
            ..Manifest::default()
        };
        let taken = Taken {
            full,
            state: self.circuit.freeze(full)?,
            journal: self.journal.clone(),
            pins: self.input_pins(),
            log: self.log.clone(),
            manifest,
        };
        match &mut self.snapshots {
            Some(snapshots) => snapshots.write(taken, now),
            None => Ok(()),
        }
    }

    /// What must stay readable if the next restart begins where the inputs are now.
    pub(super) fn input_pins(&self) -> Vec<InputPin> {
        let mut pins = Vec::new();
        for input in &self.inputs {
            for (number, partition) in (0..).zip(&input.partitions) {
                pins.extend(input.source.pinned(number).map(|of| InputPin {
                    owner: format!(
                        "pipeline/{}/{}/{}",
                        self.name,
                        input.table(),
                        partition.name
                    ),
                    of,
                    offset: Offset(partition.next),
                }));
            }
        }
        pins
    }
}

/// Sees to it that what the inputs go on with is still there. Pins keep it, but somebody may have dropped them by hand.
///
/// # Errors
/// `Corrupt` if records are gone that were not read; those of the log.
pub(super) fn check_input(log: &Log, pins: &[InputPin]) -> Result<()> {
    for InputPin { owner, of, offset } in pins {
        let start = log.bounds(of)?.start;
        if *offset < start {
            let text = format!(
                "records {} to {} of topic partition '{of}' are gone and were not read: they were pinned by '{owner}', whose pin was dropped",
                offset.0, start.0
            );
            return Err(Error::new(ErrorKind::Corrupt, text));
        }
    }
    Ok(())
}

/// Puts pins in place, as far as the records are still there.
///
/// # Errors
/// Those of the log.
pub(super) fn pin(log: &Log, pins: &[InputPin]) -> Result<()> {
    let there = log.pins();
    for pin in pins {
        let bounds = log.bounds(&pin.of)?;
        let offset = pin.offset.clamp(bounds.start, bounds.end);
        let has = |p: &Pin| (&p.owner, &p.of, p.offset) == (&pin.owner, &pin.of, offset);
        if !there.iter().any(has) {
            log.pin(&pin.owner, &pin.of, offset)?;
        }
    }
    Ok(())
}
