//! DISTINCT: lets the first row of each value through to the function, and takes it back with the last. All DISTINCT
//! calls over the same argument share one table of (slot, value), whatever their filters: one look-up a row.

use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, make_array, new_null_array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::row::{RowConverter, Rows as EncodedRows, SortField};

use super::rows::{Accumulator, Rows};
use crate::error::{Error, ErrorKind, Result};
use crate::state::{KeyTable, Paged, StateVisitor};

/// The most calls that share a table.
pub(super) const MEMBERS_MAX: usize = 64;

/// A call in a table.
pub(super) struct Member {
    /// The column of its FILTER.
    pub(super) filter: Option<usize>,
    /// The function over the distinct rows.
    pub(super) inner: Box<dyn Accumulator>,
}

/// What a table is made for.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableMode {
    /// Rows may be deleted.
    pub(super) updating: bool,
    /// Slots will be merged or cleared.
    pub(super) linked: bool,
    /// Nulls are values.
    pub(super) sees_nulls: bool,
}

/// The values of slots.
///
/// Invariants: a value is in the table while a member has it; with `linked`, the values of a slot form a list.
pub(super) struct DistinctTable {
    args: Vec<usize>,
    mode: TableMode,
    codec: Codec,
    keys: KeyTable,
    /// Append-only: by value a bit a member.
    seen: Paged<u64>,
    /// Updating: by value a count a member.
    counts: Vec<Paged<i64>>,
    /// By slot its first value plus one.
    heads: Paged<u32>,
    /// By value the next and the previous plus one.
    links: Paged<(u32, u32)>,
    pub(super) members: Vec<Member>,
    scratch: Scratch,
}

/// The keys of a batch's wanted rows.
#[derive(Default)]
struct Scratch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    rows: Vec<u32>,
    values: Vec<u32>,
}

impl Scratch {
    fn collect(&mut self, rows: &Rows<'_>, wanted: &[u64], values: &Values) {
        self.bytes.clear();
        self.rows.clear();
        self.ends.clear();
        self.ends.push(0);
        for (i, (slot, wanted)) in rows.slots.iter().zip(wanted).enumerate() {
            if *wanted != 0 {
                self.bytes.extend_from_slice(&slot.to_le_bytes());
                values.append(i, &mut self.bytes);
                self.ends.push(self.bytes.len());
                self.rows.push(i as u32);
            }
        }
    }
}

/// How values lie in keys.
enum Codec {
    /// The bytes of one primitive column that is never null.
    Fixed { width: usize, data_type: DataType },
    /// Arrow's row format.
    Rows(RowConverter),
}

/// The values of a batch as bytes.
enum Values {
    Fixed { width: usize, bytes: Buffer },
    Rows(EncodedRows),
}

impl Values {
    #[inline]
    fn append(&self, i: usize, out: &mut Vec<u8>) {
        match self {
            Self::Fixed { width: 8, bytes } => match bytes[i * 8..].first_chunk::<8>() {
                Some(value) => out.extend_from_slice(value),
                None => unreachable!("a value has its width"),
            },
            Self::Fixed { width, bytes } => {
                out.extend_from_slice(&bytes[i * width..(i + 1) * width]);
            }
            Self::Rows(rows) => out.extend_from_slice(rows.row(i).data()),
        }
    }
}

/// What changed for a member: the rows that pass and, on updating input, with which weights.
struct Passed {
    bits: Vec<u64>,
    weights: Vec<i64>,
    any: bool,
}

impl Passed {
    fn new(rows: usize, updating: bool) -> Self {
        Self {
            bits: vec![0; rows.div_ceil(64)],
            weights: if updating { vec![0; rows] } else { Vec::new() },
            any: false,
        }
    }

    #[inline]
    fn set(&mut self, row: usize) {
        self.bits[row / 64] |= 1 << (row % 64);
        self.any = true;
    }

    fn set_weight(&mut self, row: usize, weight: i64) {
        self.set(row);
        self.weights[row] = weight;
    }
}

impl DistinctTable {
    pub(super) fn new(args: &[usize], schema: &SchemaRef, mode: TableMode) -> Result<Self> {
        let types = args.iter().map(|i| schema.field(*i).data_type().clone());
        let types: Vec<DataType> = types.collect();
        let codec = match &types[..] {
            [one] if !mode.sees_nulls && one.primitive_width().is_some() => Codec::Fixed {
                width: one.primitive_width().unwrap_or_default(),
                data_type: one.clone(),
            },
            _ => Codec::Rows(RowConverter::new(
                types.into_iter().map(SortField::new).collect(),
            )?),
        };
        let width = match &codec {
            Codec::Fixed { width, .. } => Some(width + size_of::<u32>()),
            Codec::Rows(_) => None,
        };
        Ok(Self {
            args: args.to_vec(),
            mode,
            codec,
            keys: KeyTable::new(width),
            seen: Paged::new(),
            counts: Vec::new(),
            heads: Paged::new(),
            links: Paged::new(),
            members: Vec::new(),
            scratch: Scratch::default(),
        })
    }

    /// Whether a call over `args` can share this table.
    pub(super) fn takes(&self, args: &[usize], sees_nulls: bool) -> bool {
        self.args == args && self.mode.sees_nulls == sees_nulls && self.members.len() < MEMBERS_MAX
    }

    pub(super) fn add(&mut self, member: Member) -> usize {
        self.members.push(member);
        if self.mode.updating {
            self.counts.push(Paged::new());
        }
        self.members.len() - 1
    }

    pub(super) fn grow(&mut self, slots: usize) {
        if self.mode.linked {
            self.heads.grow(slots);
        }
        for member in &mut self.members {
            member.inner.grow(slots);
        }
    }

    /// Takes rows; `filters` has the mask of each member's FILTER.
    pub(super) fn update(
        &mut self,
        rows: &Rows<'_>,
        filters: &[Option<&BooleanBuffer>],
    ) -> Result<()> {
        let wanted = self.wanted(rows, filters);
        let values = self.encode(rows)?;
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
            self.link(value, slot);
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

    fn encode(&self, rows: &Rows<'_>) -> Result<Values> {
        let columns: Vec<ArrayRef> = self
            .args
            .iter()
            .map(|i| Arc::clone(&rows.columns[*i]))
            .collect();
        match &self.codec {
            Codec::Fixed { width, .. } => {
                let data = columns[0].to_data();
                let bytes = data.buffers()[0].slice(data.offset() * width);
                Ok(Values::Fixed {
                    width: *width,
                    bytes,
                })
            }
            Codec::Rows(converter) => Ok(Values::Rows(converter.convert_columns(&columns)?)),
        }
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
            self.links.grow(values);
        }
    }

    /// Puts a new value at the head of its slot's list.
    fn link(&mut self, value: u32, slot: u32) {
        if self.mode.linked {
            let head = std::mem::replace(self.heads.get_mut(slot), value + 1);
            *self.links.get_mut(value) = (head, 0);
            if head > 0 {
                self.links.get_mut(head - 1).1 = value + 1;
            }
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
            let slot = u32::from_le_bytes(slot.unwrap_or_default());
            let (next, previous) = *self.links.get(value);
            match previous {
                0 => *self.heads.get_mut(slot) = next,
                at => self.links.get_mut(at - 1).0 = next,
            }
            if next > 0 {
                self.links.get_mut(next - 1).1 = previous;
            }
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

    /// The values of a slot.
    fn chain(&self, slot: u32) -> Vec<u32> {
        let mut values = Vec::new();
        let mut next = *self.heads.get(slot);
        while next > 0 {
            values.push(next - 1);
            next = self.links.get(next - 1).0;
        }
        values.reverse();
        values
    }

    /// Adds the values of slot `from` to slot `into`.
    pub(super) fn merge(&mut self, into: u32, from: u32) -> Result<()> {
        let values = self.chain(from);
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
            if is_new {
                self.link(target, into);
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
        let bytes = |v: &u32| &self.keys.key(*v)[size_of::<u32>()..];
        let columns = match &self.codec {
            Codec::Fixed { data_type, .. } => {
                let bytes: Vec<u8> = values.iter().flat_map(bytes).copied().collect();
                let data = ArrayData::builder(data_type.clone())
                    .len(values.len())
                    .add_buffer(Buffer::from_vec(bytes))
                    .align_buffers(true)
                    .build()?;
                vec![make_array(data)]
            }
            Codec::Rows(converter) => {
                let parser = converter.parser();
                converter.convert_rows(values.iter().map(|v| parser.parse(bytes(v))))?
            }
        };
        let width = self.args.iter().max().map_or(0, |last| last + 1);
        let unused = new_null_array(&DataType::Null, values.len());
        let mut placed = vec![unused; width];
        for (arg, column) in self.args.iter().zip(columns) {
            placed[*arg] = column;
        }
        Ok(placed)
    }

    pub(super) fn clear(&mut self, slot: u32) {
        if self.mode.linked {
            for value in self.chain(slot) {
                if self.mode.updating {
                    for counts in &mut self.counts {
                        counts.clear(value);
                    }
                } else {
                    self.seen.clear(value);
                }
                self.keys.remove(value);
            }
            self.heads.clear(slot);
        }
        for member in &mut self.members {
            member.inner.clear(slot);
        }
    }

    pub(super) fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("values", &mut self.keys)?;
        visitor.column("seen", &mut self.seen)?;
        visitor.column("heads", &mut self.heads)?;
        visitor.column("links", &mut self.links)?;
        for (m, counts) in self.counts.iter_mut().enumerate() {
            visitor.column(&format!("counts{m}"), counts)?;
        }
        for (m, member) in self.members.iter_mut().enumerate() {
            visitor.scope(m, |v| member.inner.visit_state(v))?;
        }
        Ok(())
    }
}

/// The rows where a FILTER column is true.
pub(super) fn true_rows(column: &ArrayRef) -> Result<BooleanBuffer> {
    let column = column
        .as_any()
        .downcast_ref::<arrow::array::BooleanArray>()
        .ok_or_else(|| Error::new(ErrorKind::Bug, "a FILTER is not boolean"))?;
    Ok(match column.nulls().filter(|n| n.null_count() > 0) {
        Some(nulls) => column.values() & NullBuffer::inner(nulls),
        None => column.values().clone(),
    })
}
