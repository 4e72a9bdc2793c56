//! The rows that an accumulator takes, and the interface of accumulators.

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{Array, ArrayRef, AsArray, make_array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowNativeType, DataType};

use crate::error::{Error, ErrorKind, Result};
use crate::state::StateVisitor;

/// Rows of one batch for one accumulator.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    /// Per row the slot it belongs to.
    pub(super) slots: &'a [u32],
    /// Per row its weight; `None`: all +1.
    pub(super) weights: Option<&'a [i64]>,
    /// The rows to take; `None`: all.
    pub(super) selected: Option<&'a BooleanBuffer>,
    /// The columns of the operator's input.
    pub(super) columns: &'a [ArrayRef],
}

impl Rows<'_> {
    /// Calls `f(row, slot, weight)` for the selected rows that are not null in `nulls`, in order.
    #[inline]
    pub(super) fn each(&self, nulls: Option<&NullBuffer>, mut f: impl FnMut(usize, u32, i64)) {
        let nulls = nulls.filter(|n| n.null_count() > 0);
        let both;
        let mask = match (self.selected, nulls) {
            (None, None) => None,
            (Some(selected), None) => Some(selected),
            (None, Some(nulls)) => Some(nulls.inner()),
            (Some(selected), Some(nulls)) => {
                both = selected & nulls.inner();
                Some(&both)
            }
        };
        match (mask, self.weights) {
            (None, None) => {
                for (i, slot) in self.slots.iter().enumerate() {
                    f(i, *slot, 1);
                }
            }
            (None, Some(weights)) => {
                for (i, (slot, weight)) in self.slots.iter().zip(weights).enumerate() {
                    f(i, *slot, *weight);
                }
            }
            (Some(mask), None) => {
                for i in mask.set_indices() {
                    f(i, self.slots[i], 1);
                }
            }
            (Some(mask), Some(weights)) => {
                for i in mask.set_indices() {
                    f(i, self.slots[i], weights[i]);
                }
            }
        }
    }
}

/// The rows where a FILTER column is true.
pub(super) fn true_rows(column: &ArrayRef) -> Result<BooleanBuffer> {
    let column = column
        .as_boolean_opt()
        .ok_or_else(|| Error::new(ErrorKind::Bug, "a FILTER is not boolean"))?;
    Ok(match column.nulls().filter(|n| n.null_count() > 0) {
        Some(nulls) => column.values() & NullBuffer::inner(nulls),
        None => column.values().clone(),
    })
}

/// State and computation of one aggregate function, by slot.
pub(super) trait Accumulator: Send {
    /// Makes sure that the slots below `slots` exist.
    fn grow(&mut self, slots: usize);

    /// Takes rows.
    fn update(&mut self, rows: &Rows<'_>) -> Result<()>;

    /// Adds what slot `from` has to slot `into`.
    fn merge(&mut self, into: u32, from: u32);

    /// The results of slots.
    fn evaluate(&self, slots: &[u32]) -> Result<ArrayRef>;

    /// Puts a slot back to its beginning.
    fn clear(&mut self, slot: u32);

    /// Shows the state.
    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()>;
}

/// The values of a primitive array, whatever its logical type.
pub(super) fn natives<N: ArrowNativeType>(array: &ArrayRef) -> Result<ScalarBuffer<N>> {
    let data = array.to_data();
    let fits = data.data_type().primitive_width() == Some(size_of::<N>());
    match data.buffers() {
        [buffer] if fits => Ok(ScalarBuffer::new(buffer.clone(), data.offset(), data.len())),
        _ => Err(Error::new(
            ErrorKind::Bug,
            format!("an accumulator got a column of {}", data.data_type()),
        )),
    }
}

/// A primitive array of any logical type; `None` is null.
pub(super) fn primitive<N: ArrowNativeType>(
    data_type: &DataType,
    values: impl ExactSizeIterator<Item = Option<N>>,
) -> Result<ArrayRef> {
    let mut natives: Vec<N> = Vec::with_capacity(values.len());
    let mut nulls = NullBufferBuilder::new(values.len());
    for value in values {
        match value {
            Some(_) => nulls.append_non_null(),
            None => nulls.append_null(),
        }
        natives.push(value.unwrap_or_default());
    }
    let data = arrow::array::ArrayData::builder(data_type.clone())
        .len(natives.len())
        .add_buffer(Buffer::from_vec(natives))
        .nulls(nulls.finish())
        .build()?;
    Ok(make_array(data))
}
