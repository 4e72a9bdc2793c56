//! Aggregates over sessions of input that deletes rows: exact, since every row of a session is kept with its own
//! results, and slower than [`super::SessionAggregate`] for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};

use super::frame::{SessionFrame, SessionOptions};
use super::instants::{Chain, Instants};
use crate::batch::ZBatch;
use crate::error::Result;
use crate::operator::upsert::row_codec;
use crate::operator::window::{Layout, WindowMode};
use crate::operator::{AggregateSet, EpochContext, Operator, Outbox};
use crate::state::{KeyCodec, StateVisitor};
use crate::time::Watermark;

/// One shard of an aggregate over sessions that may fall apart.
pub(crate) struct ChangingSessions {
    frame: SessionFrame,
    instants: Instants,
    /// Encodes whole rows, so that a deletion finds the one that it means.
    rows: KeyCodec,
    /// The keys that changed in this epoch.
    dirty: BTreeSet<u32>,
    /// The output rows of their sessions before it.
    old: Vec<RecordBatch>,
}

impl ChangingSessions {
    pub(crate) fn new(
        layout: Arc<Layout>,
        options: SessionOptions,
        aggregates: AggregateSet,
    ) -> Result<Self> {
        let frame = SessionFrame::new(layout, options, aggregates)?;
        Ok(Self {
            instants: Instants::new(options.gap, frame.key_width()),
            rows: row_codec(&frame.layout.input)?,
            frame,
            dirty: BTreeSet::new(),
            old: Vec::new(),
        })
    }

    /// Keeps the sessions of a key as they are before its first change in the epoch.
    fn touch(&mut self, key: u32) -> Result<()> {
        if self.dirty.insert(key) && self.frame.options.mode == WindowMode::Updating {
            let chains: Vec<Chain> = self.instants.chains(key).collect();
            let old = self.output(&chains)?;
            self.old.push(old);
        }
        Ok(())
    }

    /// The output rows of sessions.
    fn output(&mut self, chains: &[Chain]) -> Result<RecordBatch> {
        let mut slots = Vec::with_capacity(chains.len());
        let mut made = Vec::new();
        for chain in chains {
            if let [slot] = chain.slots[..] {
                slots.push(slot);
                continue;
            }
            let whole = self.instants.take_slot();
            self.frame.groups.grow(self.instants.slots());
            for slot in &chain.slots {
                self.frame.groups.merge(whole, *slot)?;
            }
            slots.push(whole);
            made.push(whole);
        }
        let windows: Vec<_> = chains.iter().map(|c| (c.start, c.end)).collect();
        let keys = chains.iter().map(|c| self.instants.keys.key(c.key));
        let rows = self.frame.output(&windows, keys, &slots);
        self.frame.groups.clear(&made);
        self.instants.give_back(&made);
        rows
    }

    fn emit_changes(&mut self, dirty: &BTreeSet<u32>, out: &mut Outbox) -> Result<()> {
        let mut new = Vec::with_capacity(dirty.len());
        for key in dirty {
            let chains: Vec<Chain> = self.instants.chains(*key).collect();
            new.push(self.output(&chains)?);
        }
        let old = concat_batches(&self.frame.layout.output, &std::mem::take(&mut self.old))?;
        let new = concat_batches(&self.frame.layout.output, &new)?;
        out.rows.extend(difference(&old, &new)?);
        Ok(())
    }

    fn close(&mut self, through: i64, out: &mut Outbox) -> Result<()> {
        let mut closing = self.instants.closing(through);
        let keys = &self.instants.keys;
        closing
            .sort_by(|a, b| (a.end.cmp(&b.end)).then_with(|| keys.key(a.key).cmp(keys.key(b.key))));
        if self.frame.options.mode == WindowMode::OnClose && !closing.is_empty() {
            let rows = self.output(&closing)?;
            out.rows.push(ZBatch::append_only(rows));
        }
        for chain in &closing {
            self.instants.close(chain);
            self.frame.groups.clear(&chain.slots);
            self.instants.give_back(&chain.slots);
        }
        Ok(())
    }
}

impl Operator for ChangingSessions {
    fn push(
        &mut self,
        context: &EpochContext,
        _port: usize,
        rows: ZBatch,
        out: &mut Outbox,
    ) -> Result<()> {
        let bytes = self.rows.encode(rows.rows().columns(), rows.num_rows())?;
        let incoming = self.frame.read(context, rows)?;
        let placed = incoming.place(out, |incoming, i, time, through| {
            let key = self.instants.key(incoming.key(i));
            self.touch(key)?;
            let (row, weight) = ((time, bytes.key(i)), incoming.weight(i));
            Ok(self.instants.place(key, row, weight, through))
        })?;
        if placed.slots.is_empty() {
            return Ok(());
        }
        self.frame.groups.grow(self.instants.slots());
        self.frame.groups.update(&placed.slots, &placed.rows)?;
        let gone = self.instants.take_gone();
        self.frame.groups.clear(&gone);
        self.instants.give_back(&gone);
        Ok(())
    }

    fn finish(&mut self, context: &EpochContext, out: &mut Outbox) -> Result<()> {
        let reached = self.frame.clock.advance(context);
        let dirty = std::mem::take(&mut self.dirty);
        if self.frame.options.mode == WindowMode::Updating {
            self.emit_changes(&dirty, out)?;
        }
        for key in dirty {
            self.instants.expect(key);
        }
        self.close(self.frame.options.closed_through(reached), out)?;
        let next = self.instants.due.next(context.processing_time);
        self.frame.ask(next, out);
        Ok(())
    }

    fn watermark(&self, input: Watermark) -> Watermark {
        self.frame.options.watermark(input)
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        let instants = &mut self.instants;
        self.frame.visit_state(visitor, |v| instants.visit_state(v))
    }

    fn restored(&mut self) -> Result<()> {
        self.dirty.clear();
        self.old.clear();
        self.instants.restored(self.frame.groups.slots())
    }
}

/// `new` without what is in `old` too, and the rest of `old` deleted.
fn difference(old: &RecordBatch, new: &RecordBatch) -> Result<Option<ZBatch>> {
    let both = concat_batches(&new.schema(), [old, new])?;
    let codec = KeyCodec::new(both.columns().iter().map(|c| c.data_type().clone()))?;
    let bytes = codec.encode(both.columns(), both.num_rows())?;
    let mut net: BTreeMap<&[u8], (u32, i64)> = BTreeMap::new();
    for i in 0..both.num_rows() {
        let (_, weight) = net.entry(bytes.key(i)).or_insert((i as u32, 0));
        *weight += if i < old.num_rows() { -1 } else { 1 };
    }
    let mut changes: Vec<(u32, i64)> = net.into_values().filter(|(_, w)| *w != 0).collect();
    if changes.is_empty() {
        return Ok(None);
    }
    changes.sort_unstable();
    let rows = UInt32Array::from_iter_values(changes.iter().map(|c| c.0));
    let weights = Int64Array::from_iter_values(changes.iter().map(|c| c.1));
    ZBatch::new(take_record_batch(&both, &rows)?, Some(weights)).map(Some)
}
