//! The table of (slot, value) that DISTINCT calls over the same argument share.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::buffer::{BooleanBuffer, Buffer};
use arrow::datatypes::{DataType, SchemaRef};

use super::lists::SlotLists;
use super::passed::Passed;
use super::values::{Codec, Scratch};
use crate::error::Result;
use crate::operator::aggregate::rows::{Accumulator, Rows};
use crate::state::{KeyTable, Paged, StateVisitor};

/// The most calls that share a table.
pub(in crate::operator::aggregate) const MEMBERS_MAX: usize = 64;

/// A call in a table.
pub(in crate::operator::aggregate) struct Member {
    /// The column of its FILTER.
    pub(in crate::operator::aggregate) filter: Option<usize>,
    /// The function over the distinct rows.
    pub(in crate::operator::aggregate) inner: Box<dyn Accumulator>,
}

/// What a table is made for.
#[derive(Debug, Clone, Copy)]
pub(in crate::operator::aggregate) struct TableMode {
    /// Rows may be deleted.
    pub(in crate::operator::aggregate) updating: bool,
    /// Slots will be merged or cleared.
    pub(in crate::operator::aggregate) linked: bool,
    /// Nulls are values.
    pub(in crate::operator::aggregate) sees_nulls: bool,
}

/// The values of slots.
///
/// Invariants: a value is in the table while a member has it; with `linked`, the values of a slot form a list.
pub(in crate::operator::aggregate) struct DistinctTable {
    args: Vec<usize>,
    mode: TableMode,
    codec: Codec,
    keys: KeyTable,
    /// Append-only: by value a bit a member.
    seen: Paged<u64>,
    /// Updating: by value a count a member.
    counts: Vec<Paged<i64>>,
    /// With `linked`: the values of each slot.
    lists: SlotLists,
    pub(in crate::operator::aggregate) members: Vec<Member>,
    scratch: Scratch,
}

impl DistinctTable {
    pub(in crate::operator::aggregate) fn new(
        args: &[usize],
        schema: &SchemaRef,
        mode: TableMode,
    ) -> Result<Self> {
        let types = args.iter().map(|i| schema.field(*i).data_type().clone());
        let codec = Codec::new(types.collect(), mode.sees_nulls)?;
        let width = codec.width().map(|width| width + size_of::<u32>());
        Ok(Self {
            args: args.to_vec(),
            mode,
            codec,
            keys: KeyTable::new(width),
            seen: Paged::new(),
            counts: Vec::new(),
            lists: SlotLists::default(),
            members: Vec::new(),
            scratch: Scratch::default(),
        })
    }

    /// Whether a call over `args` can share this table.
    pub(in crate::operator::aggregate) fn takes(&self, args: &[usize], sees_nulls: bool) -> bool {
        self.args == args && self.mode.sees_nulls == sees_nulls && self.members.len() < MEMBERS_MAX
    }

    pub(in crate::operator::aggregate) fn add(&mut self, member: Member) -> usize {
        self.members.push(member);
        if self.mode.updating {
            self.counts.push(Paged::new());
        }
        self.members.len() - 1
    }

    pub(in crate::operator::aggregate) fn grow(&mut self, slots: usize) {
        if self.mode.linked {
            self.lists.grow_slots(slots);
        }
        for member in &mut self.members {
            member.inner.grow(slots);
        }
    }

    /// Takes rows; `filters` has the mask of each member's FILTER.
    pub(in crate::operator::aggregate) fn update(
        &mut self,
        rows: &Rows<'_>,
        filters: &[Option<&BooleanBuffer>],
    ) -> Result<()> {
        let wanted = self.wanted(rows, filters);
        let args = self.args.iter().map(|i| Arc::clone(&rows.columns[*i]));
        let args: Vec<_> = args.collect();
        let values = self.codec.encode(&args, rows.slots.len())?;
        let mut passed: Vec<Passed> = self
            .members
            .iter()
            .map(|_| Passed::new(rows.slots.len(), self.mode.updating))
            .collect();
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.collect(rows, &wanted, &values);
        self.look_up(rows, &mut scratch);
        for (value, row) in scratch.values.iter().zip(&scratch.rows) {
            let row = *row as usize;
            if self.mode.updating {
                let weight = rows.weights.map_or(1, |w| w[row]);
                self.count(*value, wanted[row], (row, weight), &mut passed);
            } else {
                self.mark(*value, wanted[row], row, &mut passed);
            }
        }
        if self.mode.updating {
            for value in &scratch.values {
                self.forget_if_gone(*value);
            }
        }
        self.scratch = scratch;
        self.forward(rows, &passed)
    }

    /// The values of the collected keys; new ones are admitted.
    fn look_up(&mut self, rows: &Rows<'_>, scratch: &mut Scratch) {
        let Scratch {
            bytes,
            ends,
            rows: taken,
            values,
        } = scratch;
        let key = |i: usize| &bytes[ends[i]..ends[i + 1]];
        let mut admitted = Vec::new();
        self.keys.intern_many(taken.len(), key, values, |value, i| {
            admitted.push((value, rows.slots[taken[i] as usize]));
        });
        self.grow_values();
        for (value, slot) in admitted {
            if self.mode.linked {
                self.lists.link(value, slot);
            }
        }
    }

    /// Per row the members that want it.
    fn wanted(&self, rows: &Rows<'_>, filters: &[Option<&BooleanBuffer>]) -> Vec<u64> {
        let always = filters
            .iter()
            .enumerate()
            .filter(|(_, f)| f.is_none())
            .fold(0_u64, |bits, (m, _)| bits | 1 << m);
        let mut wanted = vec![always; rows.slots.len()];
        for (m, filter) in filters.iter().enumerate() {
            if let Some(filter) = filter {
                for i in filter.set_indices() {
                    wanted[i] |= 1 << m;
                }
            }
        }
        let nulls = rows.columns[self.args[0]].logical_nulls();
        if let Some(nulls) = nulls
            && !self.mode.sees_nulls
            && nulls.null_count() > 0
        {
            for (wanted, valid) in wanted.iter_mut().zip(nulls.iter()) {
                *wanted *= u64::from(valid);
            }
        }
        wanted
    }

    fn grow_values(&mut self) {
        let values = self.keys.slots();
        if self.mode.updating {
            for counts in &mut self.counts {
                counts.grow(values);
            }
        } else {
            self.seen.grow(values);
        }
        if self.mode.linked {
            self.lists.grow_values(values);
        }
    }

    #[inline]
    fn mark(&mut self, value: u32, wanted: u64, row: usize, passed: &mut [Passed]) {
        let mut fresh = wanted & !*self.seen.get(value);
        if fresh != 0 {
            *self.seen.get_mut(value) |= fresh;
            while fresh != 0 {
                passed[fresh.trailing_zeros() as usize].set(row);
                fresh &= fresh - 1;
            }
        }
    }

    fn count(
        &mut self,
        value: u32,
        wanted: u64,
        (row, weight): (usize, i64),
        passed: &mut [Passed],
    ) {
        let mut rest = wanted;
        while rest != 0 {
            let m = rest.trailing_zeros() as usize;
            let count = self.counts[m].get_mut(value);
            let before = *count > 0;
            *count += weight;
            match (before, *count > 0) {
                (false, true) => passed[m].set_weight(row, 1),
                (true, false) => passed[m].set_weight(row, -1),
                _ => {}
            }
            rest &= rest - 1;
        }
    }

    fn forget_if_gone(&mut self, value: u32) {
        let is_there = self.counts.iter().any(|c| *c.get(value) != 0);
        if is_there || !self.keys.is_live(value) {
            return;
        }
        if self.mode.linked {
            let slot = self.keys.key(value).first_chunk().copied();
            self.lists
                .unlink(value, u32::from_le_bytes(slot.unwrap_or_default()));
        }
        self.keys.remove(value);
    }

    fn forward(&mut self, rows: &Rows<'_>, passed: &[Passed]) -> Result<()> {
        for (member, passed) in self.members.iter_mut().zip(passed) {
            if passed.any {
                let bits = Buffer::from_slice_ref(&passed.bits);
                let selected = BooleanBuffer::new(bits, 0, rows.slots.len());
                member.inner.update(&Rows {
                    slots: rows.slots,
                    weights: self.mode.updating.then_some(&passed.weights[..]),
                    selected: Some(&selected),
                    columns: rows.columns,
                })?;
            }
        }
        Ok(())
    }

    /// Adds the values of slot `from` to slot `into`.
    pub(in crate::operator::aggregate) fn merge(&mut self, into: u32, from: u32) -> Result<()> {
        let values = self.lists.of(from);
        if values.is_empty() {
            return Ok(());
        }
        let columns = self.decode(&values)?;
        let updating = self.mode.updating;
        let mut passed: Vec<Passed> = self
            .members
            .iter()
            .map(|_| Passed::new(values.len(), updating))
            .collect();
        for (i, value) in values.iter().enumerate() {
            let mut key = into.to_le_bytes().to_vec();
            key.extend_from_slice(&self.keys.key(*value)[size_of::<u32>()..]);
            let (target, is_new) = self.keys.intern_new(&key);
            self.grow_values();
            if is_new && self.mode.linked {
                self.lists.link(target, into);
            }
            if updating {
                for m in 0..self.members.len() {
                    let weight = *self.counts[m].get(*value);
                    if weight != 0 {
                        self.count(target, 1 << m, (i, weight), &mut passed);
                    }
                }
                self.forget_if_gone(target);
            } else {
                let seen = *self.seen.get(*value);
                self.mark(target, seen, i, &mut passed);
            }
        }
        let rows = Rows {
            slots: &vec![into; values.len()],
            weights: None,
            selected: None,
            columns: &columns,
        };
        self.forward(&rows, &passed)
    }

    /// The argument columns of values, at their places in the input.
    fn decode(&self, values: &[u32]) -> Result<Vec<ArrayRef>> {
        let bytes = values
            .iter()
            .map(|v| &self.keys.key(*v)[size_of::<u32>()..]);
        let columns = self.codec.decode(values.len(), bytes)?;
        let width = self.args.iter().max().map_or(0, |last| last + 1);
        let unused = new_null_array(&DataType::Null, values.len());
        let mut placed = vec![unused; width];
        for (arg, column) in self.args.iter().zip(columns) {
            placed[*arg] = column;
        }
        Ok(placed)
    }

    pub(in crate::operator::aggregate) fn clear(&mut self, slot: u32) {
        if self.mode.linked {
            for value in self.lists.of(slot) {
                if self.mode.updating {
                    for counts in &mut self.counts {
                        counts.clear(value);
                    }
                } else {
                    self.seen.clear(value);
                }
                self.keys.remove(value);
            }
            self.lists.clear(slot);
        }
        for member in &mut self.members {
            member.inner.clear(slot);
        }
    }

    pub(in crate::operator::aggregate) fn visit_state(
        &mut self,
        visitor: &mut StateVisitor<'_>,
    ) -> Result<()> {
        visitor.column("values", &mut self.keys)?;
        visitor.column("seen", &mut self.seen)?;
        self.lists.visit_state(visitor)?;
        for (m, counts) in self.counts.iter_mut().enumerate() {
            visitor.column(&format!("counts{m}"), counts)?;
        }
        for (m, member) in self.members.iter_mut().enumerate() {
            visitor.scope(m, |v| member.inner.visit_state(v))?;
        }
        Ok(())
    }
}
