//! When and how a pipeline's state is saved, while it goes on.

use std::thread::JoinHandle;

use headwater_log::{Log, Offset, TopicPartition};

use super::pipeline::Pipeline;
use super::store::{Manifest, Store};
use crate::error::{Error, ErrorKind, Result};

/// The snapshots of a pipeline, and the thread that writes the one at hand.
pub(super) struct Snapshots {
    pub(super) store: Option<Store>,
    writer: Option<JoinHandle<(Store, Result<u64>)>>,
    interval_ms: i64,
    last: i64,
    /// The epoch of the newest snapshot that was begun.
    epoch: u64,
}

impl Snapshots {
    pub(super) fn open(log: &Log, pipeline: &str, interval_ms: i64, now: i64) -> Result<Self> {
        let store = Store::open(log, pipeline)?;
        let epoch = store.current().map_or(0, |m| m.epoch);
        Ok(Self {
            store: Some(store),
            writer: None,
            interval_ms,
            last: now,
            epoch,
        })
    }

    /// Takes the store back from a writer that has ended, or waits for it.
    fn collect(&mut self, wait: bool) -> Result<Option<u64>> {
        let done = self
            .writer
            .as_ref()
            .is_some_and(|w| wait || w.is_finished());
        let Some(writer) = self.writer.take_if(|_| done) else {
            return Ok(None);
        };
        let (store, written) = writer
            .join()
            .map_err(|_| Error::new(ErrorKind::Bug, "the snapshot writer panicked"))?;
        self.store = Some(store);
        written.map(Some)
    }
}

impl Pipeline {
    /// Begins a snapshot if one is due and none is being written.
    pub(super) fn snapshot_if_due(&mut self) -> Result<()> {
        let (now, epoch) = (self.now(), self.epoch);
        let Some(snapshots) = &mut self.snapshots else {
            return Ok(());
        };
        let written = snapshots.collect(false)?;
        let due = snapshots.writer.is_none()
            && now - snapshots.last >= snapshots.interval_ms
            && epoch > snapshots.epoch;
        self.after_snapshot(written)?;
        if due {
            self.begin_snapshot(false)
        } else {
            Ok(())
        }
    }

    /// A snapshot of a clean stop, so that the next start replays nothing.
    pub(super) fn final_snapshot(&mut self) -> Result<()> {
        let Some(snapshots) = &mut self.snapshots else {
            return Ok(());
        };
        let written = snapshots.collect(true)?;
        let stale = self.epoch > snapshots.epoch;
        self.after_snapshot(written)?;
        if stale {
            self.begin_snapshot(true)?;
        }
        let written = match &mut self.snapshots {
            Some(snapshots) => snapshots.collect(true)?,
            None => None,
        };
        self.after_snapshot(written)
    }

    fn begin_snapshot(&mut self, clean: bool) -> Result<()> {
        // The journal's end is known once the newest epoch is durable.
        self.settle()?;
        let journal = self.journal.as_ref().map_or(Ok(Offset(0)), |j| j.end())?;
        let positions = self.inputs.iter().map(|i| i.positions()).collect();
        let trackers = self
            .inputs
            .iter()
            .map(|i| i.tracker.state().clone())
            .collect();
        let now = self.now();
        let Some(snapshots) = &mut self.snapshots else {
            return Ok(());
        };
        let Some(mut store) = snapshots.store.take() else {
            return Ok(());
        };
        let full = store.wants_full();
        let state = self.circuit.freeze(full)?;
        let manifest = Manifest {
            epoch: self.epoch,
            digest: self.digest.clone(),
            shards: self.shards,
            positions,
            trackers,
            clean,
            journal: journal.0,
            ..Manifest::default()
        };
        (snapshots.last, snapshots.epoch) = (now, self.epoch);
        snapshots.writer = Some(std::thread::spawn(move || {
            let written = state.encode().and_then(|bytes| {
                drop(state);
                store.write(manifest, full, bytes).map(|()| journal.0)
            });
            (store, written)
        }));
        Ok(())
    }

    /// A snapshot is durable: the journal before it is not needed any more, nor is the input.
    fn after_snapshot(&mut self, journal: Option<u64>) -> Result<()> {
        let Some(journal_offset) = journal else {
            return Ok(());
        };
        if let Some(journal) = &self.journal {
            journal.trim(Offset(journal_offset))?;
        }
        self.pin_inputs()
    }

    /// Keeps retention from removing what a restart would read again.
    fn pin_inputs(&self) -> Result<()> {
        let manifest = self
            .snapshots
            .as_ref()
            .and_then(|s| s.store.as_ref()?.current());
        let Some(manifest) = manifest else {
            return Ok(());
        };
        for (input, positions) in self.inputs.iter().zip(&manifest.positions) {
            let def = &input.reader.scan.def;
            if def.connector != "topic" {
                continue;
            }
            let topic = def.options.get("topic").unwrap_or(&def.name);
            for (name, offset) in positions {
                let Ok(partition) = name.parse() else {
                    continue;
                };
                let owner = format!("pipeline/{}/{}/{name}", self.name, def.name);
                self.log.pin(
                    &owner,
                    &TopicPartition::new(topic, partition),
                    Offset(*offset),
                )?;
            }
        }
        Ok(())
    }
}
