//! `sum` and `avg`.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array};
use arrow::datatypes::{
    ArrowNativeType, ArrowNativeTypeOp, DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION,
    DataType, i256,
};

use super::float::ExactSum;
use super::rows::{Accumulator, Rows, natives, primitive};
use crate::error::Result;
use crate::functions::into_type;
use crate::state::{Paged, StateValue, StateVisitor};

/// What is made of a sum.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Finish {
    /// The sum itself.
    Sum,
    /// The mean; `factor` brings the sum into its scale.
    Mean { factor: i128 },
}

/// A number that has room for whatever is added up.
pub(super) trait Total:
    ArrowNativeType + ArrowNativeTypeOp + StateValue + From<i128>
{
    /// The type of decimals that holds it.
    fn data_type(scale: i8) -> DataType;
}

impl Total for i128 {
    fn data_type(scale: i8) -> DataType {
        DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale)
    }
}

impl Total for i256 {
    fn data_type(scale: i8) -> DataType {
        DataType::Decimal256(DECIMAL256_MAX_PRECISION, scale)
    }
}

/// Sums of integers and decimals (`N`), with the number of values.
#[derive(Debug)]
pub(super) struct IntegerSum<N, S: Total> {
    arg: usize,
    finish: Finish,
    return_type: DataType,
    sums: Paged<(S, i64)>,
    values: PhantomData<N>,
}

impl<N, S: Total> IntegerSum<N, S> {
    pub(super) fn new(arg: usize, finish: Finish, return_type: DataType) -> Self {
        Self {
            arg,
            finish,
            return_type,
            sums: Paged::new(),
            values: PhantomData,
        }
    }

    fn result(&self, slot: u32) -> Option<S> {
        let (sum, count) = *self.sums.get(slot);
        if count <= 0 {
            return None;
        }
        Some(match self.finish {
            Finish::Sum => sum,
            Finish::Mean { factor } => {
                let sum = sum.mul_wrapping(S::from(factor));
                sum.div_wrapping(S::from(i128::from(count)))
            }
        })
    }
}

impl<N, S> Accumulator for IntegerSum<N, S>
where
    N: ArrowNativeType + Send,
    S: Total + From<N>,
{
    fn grow(&mut self, slots: usize) {
        self.sums.grow(slots);
    }

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        let column = &rows.columns[self.arg];
        let values = natives::<N>(column)?;
        rows.each(column.nulls(), |i, slot, weight| {
            let (sum, count) = self.sums.get_mut(slot);
            let times = S::from(i128::from(weight));
            *sum = sum.add_wrapping(S::from(values[i]).mul_wrapping(times));
            *count += weight;
        });
        Ok(())
    }

    fn merge(&mut self, into: u32, from: u32) {
        let (from_sum, from_count) = *self.sums.get(from);
        let (sum, count) = self.sums.get_mut(into);
        *sum = sum.add_wrapping(from_sum);
        *count += from_count;
    }

    fn evaluate(&self, slots: &[u32]) -> Result<ArrayRef> {
        let scale = match self.return_type {
            DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => scale,
            _ => 0,
        };
        let results = slots.iter().map(|slot| self.result(*slot));
        into_type(
            &primitive(&S::data_type(scale), results)?,
            &self.return_type,
        )
    }

    fn clear(&mut self, slot: u32) {
        self.sums.clear(slot);
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("sum", &mut self.sums)
    }
}

/// A sum of floats in progress.
pub(super) trait FloatState: StateValue {
    fn take(&mut self, x: f64, weight: i64);
    fn add(&mut self, other: &Self);
    /// The sum and the number of values; `None` without values.
    fn total(&self) -> Option<(f64, i64)>;
}

/// For append-only input: a plain sum.
impl FloatState for (f64, i64) {
    #[inline]
    fn take(&mut self, x: f64, weight: i64) {
        self.0 += x * weight as f64;
        self.1 += weight;
    }

    fn add(&mut self, other: &Self) {
        self.0 += other.0;
        self.1 += other.1;
    }

    fn total(&self) -> Option<(f64, i64)> {
        (self.1 > 0).then_some(*self)
    }
}

impl FloatState for ExactSum {
    fn take(&mut self, x: f64, weight: i64) {
        Self::take(self, x, weight);
    }

    fn add(&mut self, other: &Self) {
        self.merge(other);
    }

    fn total(&self) -> Option<(f64, i64)> {
        self.value()
    }
}

/// Sums and means of doubles.
#[derive(Debug)]
pub(super) struct FloatSum<S: FloatState> {
    arg: usize,
    mean: bool,
    sums: Paged<S>,
    state: PhantomData<S>,
}

impl<S: FloatState> FloatSum<S> {
    pub(super) fn new(arg: usize, mean: bool) -> Self {
        Self {
            arg,
            mean,
            sums: Paged::new(),
            state: PhantomData,
        }
    }
}

impl<S: FloatState> Accumulator for FloatSum<S> {
    fn grow(&mut self, slots: usize) {
        self.sums.grow(slots);
    }

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        let column = &rows.columns[self.arg];
        let values = natives::<f64>(column)?;
        rows.each(column.nulls(), |i, slot, weight| {
            self.sums.get_mut(slot).take(values[i], weight);
        });
        Ok(())
    }

    fn merge(&mut self, into: u32, from: u32) {
        let from = self.sums.get(from).clone();
        self.sums.get_mut(into).add(&from);
    }

    fn evaluate(&self, slots: &[u32]) -> Result<ArrayRef> {
        let results = slots.iter().map(|slot| {
            let (sum, count) = self.sums.get(*slot).total()?;
            Some(if self.mean { sum / count as f64 } else { sum })
        });
        Ok(Arc::new(results.collect::<Float64Array>()))
    }

    fn clear(&mut self, slot: u32) {
        self.sums.clear(slot);
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("sum", &mut self.sums)
    }
}
