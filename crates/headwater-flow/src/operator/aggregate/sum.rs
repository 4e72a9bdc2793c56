//! `sum` and `avg`.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array};
use arrow::datatypes::{ArrowNativeType, ArrowNativeTypeOp, DataType, Decimal128Type, DecimalType};

use super::float::ExactSum;
use super::rows::{Accumulator, Rows, natives, primitive};
use crate::error::{Error, ErrorKind, Result};
use crate::state::{Paged, StateValue, StateVisitor};

/// What is made of a sum.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Finish {
    /// The sum itself.
    Sum,
    /// The mean.
    Mean,
    /// The mean of decimals, in another scale.
    DecimalMean { scale_up: i128 },
}

/// A number whose multiples add up.
pub(super) trait Summand: ArrowNativeType + ArrowNativeTypeOp + StateValue {
    fn weighted(self, weight: i64) -> Self;
    fn mean(self, count: i64) -> Self;
    fn scaled(self, factor: i128) -> Option<Self>;
    fn wide(self) -> i128;
}

macro_rules! summand {
    ($($native:ty),*) => {$(
        impl Summand for $native {
            #[inline]
            fn weighted(self, weight: i64) -> Self {
                self.wrapping_mul(weight as $native)
            }

            fn mean(self, count: i64) -> Self {
                self / count as $native
            }

            fn scaled(self, factor: i128) -> Option<Self> {
                self.checked_mul(<$native>::try_from(factor).ok()?)
            }

            fn wide(self) -> i128 {
                self as i128
            }
        }
    )*};
}

summand!(i64, u64, i128);

/// Sums of integers and decimals, with the number of values.
#[derive(Debug)]
pub(super) struct IntegerSum<N: Summand> {
    arg: usize,
    finish: Finish,
    return_type: DataType,
    sums: Paged<(N, i64)>,
}

impl<N: Summand> IntegerSum<N> {
    pub(super) fn new(arg: usize, finish: Finish, return_type: DataType) -> Self {
        Self {
            arg,
            finish,
            return_type,
            sums: Paged::new(),
        }
    }

    fn result(&self, slot: u32) -> Result<Option<N>> {
        let (sum, count) = *self.sums.get(slot);
        if count <= 0 {
            return Ok(None);
        }
        match self.finish {
            Finish::Sum => Ok(Some(sum)),
            Finish::Mean => Ok(Some(sum.mean(count))),
            Finish::DecimalMean { scale_up } => {
                let scaled = sum.scaled(scale_up).ok_or_else(overflow)?;
                Ok(Some(scaled.mean(count)))
            }
        }
    }
}

fn overflow() -> Error {
    Error::new(ErrorKind::Invalid, "avg of a decimal column overflows")
}

impl<N: Summand> Accumulator for IntegerSum<N> {
    fn grow(&mut self, slots: usize) {
        self.sums.grow(slots);
    }

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        let column = &rows.columns[self.arg];
        let values = natives::<N>(column)?;
        rows.each(column.nulls(), |i, slot, weight| {
            let (sum, count) = self.sums.get_mut(slot);
            *sum = sum.add_wrapping(values[i].weighted(weight));
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
        let results: Vec<Option<N>> = slots
            .iter()
            .map(|s| self.result(*s))
            .collect::<Result<_>>()?;
        if let (Finish::DecimalMean { .. }, DataType::Decimal128(precision, scale)) =
            (&self.finish, &self.return_type)
        {
            for value in results.iter().flatten() {
                Decimal128Type::validate_decimal_precision(value.wide(), *precision, *scale)
                    .map_err(|_| overflow())?;
            }
        }
        primitive(&self.return_type, results.into_iter())
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
