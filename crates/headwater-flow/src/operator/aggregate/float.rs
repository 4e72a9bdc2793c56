//! Sums of floats that can be taken back: twice the precision of a double (Dekker 1971, Knuth's two-sum), infinities
//! and NaN counted apart, so that deleting one leaves the sum that was there without it.

use arrow::array::ArrayRef;

use crate::error::Result;
use crate::state::StateValue;

/// A double-double number: the value is `hi + lo`, and `lo` is below half a unit of `hi`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Double {
    pub(super) hi: f64,
    pub(super) lo: f64,
}

impl Double {
    pub(super) fn add(self, x: f64) -> Self {
        let (sum, error) = two_sum(self.hi, x);
        Self::renormalised(sum, error + self.lo)
    }

    pub(super) fn add_double(self, other: Self) -> Self {
        let (sum, error) = two_sum(self.hi, other.hi);
        Self::renormalised(sum, error + self.lo + other.lo)
    }

    /// `a * b`, exactly unless it over- or underflows.
    pub(super) fn product(a: f64, b: f64) -> Self {
        let product = a * b;
        let ((a1, a2), (b1, b2)) = (split(a), split(b));
        let error = ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2;
        Self {
            hi: product,
            lo: error,
        }
    }

    pub(super) fn times(self, x: f64) -> Self {
        let product = Self::product(self.hi, x);
        Self::renormalised(product.hi, product.lo + self.lo * x)
    }

    pub(super) fn divided_by(self, x: f64) -> Self {
        let quotient = self.hi / x;
        let rest = self.add_double(Self::product(quotient, x).times(-1.0));
        Self::renormalised(quotient, (rest.hi + rest.lo) / x)
    }

    pub(super) fn squared(self) -> Self {
        let square = Self::product(self.hi, self.hi);
        Self::renormalised(square.hi, square.lo + 2.0 * self.hi * self.lo)
    }

    pub(super) fn value(self) -> f64 {
        self.hi + self.lo
    }

    fn renormalised(hi: f64, lo: f64) -> Self {
        let sum = hi + lo;
        Self {
            hi: sum,
            lo: lo - (sum - hi),
        }
    }
}

fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let bb = sum - a;
    (sum, (a - (sum - bb)) + (b - bb))
}

fn split(a: f64) -> (f64, f64) {
    let c = 134_217_729.0 * a;
    let high = c - (c - a);
    (high, a - high)
}

/// How many values there are, and how many of them are no finite numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) count: i64,
    nan: i64,
    plus: i64,
    minus: i64,
}

impl Tally {
    /// Counts `x`, and says whether it is finite.
    #[inline]
    pub(super) fn take(&mut self, x: f64, weight: i64) -> bool {
        self.count += weight;
        if x.is_finite() {
            return true;
        }
        if x.is_nan() {
            self.nan += weight;
        } else if x > 0.0 {
            self.plus += weight;
        } else {
            self.minus += weight;
        }
        false
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.nan += other.nan;
        self.plus += other.plus;
        self.minus += other.minus;
    }

    /// The sum of the infinities and NaN, if there are any.
    pub(super) fn special(&self) -> Option<f64> {
        match (self.nan > 0, self.plus > 0, self.minus > 0) {
            (false, false, false) => None,
            (false, true, false) => Some(f64::INFINITY),
            (false, false, true) => Some(f64::NEG_INFINITY),
            _ => Some(f64::NAN),
        }
    }

    pub(super) fn is_finite(&self) -> bool {
        self.special().is_none()
    }
}

/// A sum that can be taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct ExactSum {
    pub(super) sum: Double,
    pub(super) tally: Tally,
}

impl ExactSum {
    pub(super) fn take(&mut self, x: f64, weight: i64) {
        if self.tally.take(x, weight) {
            self.sum = match weight {
                1 => self.sum.add(x),
                -1 => self.sum.add(-x),
                _ => self.sum.add_double(Double::product(x, weight as f64)),
            };
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.sum = self.sum.add_double(other.sum);
        self.tally.merge(&other.tally);
    }

    /// The sum and the count; `None` without values.
    pub(super) fn value(&self) -> Option<(f64, i64)> {
        let sum = self.tally.special().unwrap_or_else(|| self.sum.value());
        (self.tally.count > 0).then_some((sum, self.tally.count))
    }
}

type Flat<T> = (T, (i64, i64, i64, i64));

impl Tally {
    pub(super) fn flat(&self) -> (i64, i64, i64, i64) {
        (self.count, self.nan, self.plus, self.minus)
    }

    pub(super) fn from_flat((count, nan, plus, minus): (i64, i64, i64, i64)) -> Self {
        Self {
            count,
            nan,
            plus,
            minus,
        }
    }
}

impl StateValue for ExactSum {
    fn to_array(values: &[Self]) -> Result<ArrayRef> {
        let flat = values
            .iter()
            .map(|v| ((v.sum.hi, v.sum.lo), v.tally.flat()));
        let flat: Vec<Flat<(f64, f64)>> = flat.collect();
        StateValue::to_array(&flat)
    }

    fn from_array(array: &ArrayRef) -> Result<Vec<Self>> {
        let flat: Vec<Flat<(f64, f64)>> = StateValue::from_array(array)?;
        let values = flat.into_iter().map(|((hi, lo), tally)| Self {
            sum: Double { hi, lo },
            tally: Tally::from_flat(tally),
        });
        Ok(values.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_back_leaves_no_trace() {
        let mut sum = ExactSum::default();
        sum.take(0.1, 1);
        for x in [1e16, -3.7e12, f64::INFINITY, f64::NAN] {
            sum.take(x, 1);
        }
        for x in [f64::NAN, 1e16, f64::INFINITY, -3.7e12] {
            sum.take(x, -1);
        }
        let (value, count) = sum.value().expect("one value is left");
        assert_eq!(count, 1);
        assert!((value - 0.1).abs() < 1e-15, "{value}");
    }
}
