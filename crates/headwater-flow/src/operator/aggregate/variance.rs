//! Variance and standard deviation, from exact sums of the values and their squares: what is deleted leaves no trace,
//! and panes merge without loss.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array};

use super::float::{Double, Tally};
use super::rows::{Accumulator, Rows, natives};
use crate::error::Result;
use crate::state::{Paged, StateValue, StateVisitor};

#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    sum: Double,
    squares: Double,
    /// The greatest sum of squares so far: what is far below its last digit is rounding, not spread.
    peak: f64,
    tally: Tally,
}

/// The relative error of a double-double sum of a few million values.
const NOISE: f64 = 1e-29;

impl Moments {
    fn take(&mut self, x: f64, weight: i64) {
        if self.tally.take(x, weight) {
            let weight = weight as f64;
            self.sum = self.sum.add_double(Double::product(x, weight));
            self.squares = self.squares.add_double(Double::product(x, x).times(weight));
        }
    }

    fn variance(&self, sample: bool) -> Option<f64> {
        let count = self.tally.count;
        let divisor = if sample { count - 1 } else { count };
        if count <= 0 || divisor <= 0 {
            return None;
        }
        if !self.tally.is_finite() {
            return Some(f64::NAN);
        }
        let mean_part = self.sum.squared().divided_by(count as f64);
        let spread = self.squares.add_double(mean_part.times(-1.0)).value();
        let noise = self.peak * NOISE;
        let spread = if count == 1 || spread <= noise {
            0.0
        } else {
            spread
        };
        Some(spread / divisor as f64)
    }
}

type Flat = ((f64, f64), (f64, f64), f64, (i64, i64, i64, i64));

impl StateValue for Moments {
    fn to_array(values: &[Self]) -> Result<ArrayRef> {
        let flat = values.iter().map(|v| {
            let (sum, squares) = (v.sum, v.squares);
            (
                (sum.hi, sum.lo),
                (squares.hi, squares.lo),
                v.peak,
                v.tally.flat(),
            )
        });
        let flat: Vec<Flat> = flat.collect();
        StateValue::to_array(&flat)
    }

    fn from_array(array: &ArrayRef) -> Result<Vec<Self>> {
        let flat: Vec<Flat> = StateValue::from_array(array)?;
        let values = flat.into_iter().map(|(sum, squares, peak, tally)| Self {
            sum: Double {
                hi: sum.0,
                lo: sum.1,
            },
            squares: Double {
                hi: squares.0,
                lo: squares.1,
            },
            peak,
            tally: Tally::from_flat(tally),
        });
        Ok(values.collect())
    }
}

/// Which moment is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    pub(super) sample: bool,
    pub(super) root: bool,
}

/// Variances and standard deviations.
#[derive(Debug)]
pub(super) struct Variance {
    arg: usize,
    spread: Spread,
    moments: Paged<Moments>,
}

impl Variance {
    pub(super) fn new(arg: usize, spread: Spread) -> Self {
        Self {
            arg,
            spread,
            moments: Paged::new(),
        }
    }
}

impl Accumulator for Variance {
    fn grow(&mut self, slots: usize) {
        self.moments.grow(slots);
    }

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        let column = &rows.columns[self.arg];
        let values = natives::<f64>(column)?;
        rows.each(column.nulls(), |i, slot, weight| {
            self.moments.get_mut(slot).take(values[i], weight);
        });
        Ok(())
    }

    fn merge(&mut self, into: u32, from: u32) {
        let from = *self.moments.get(from);
        let into = self.moments.get_mut(into);
        into.sum = into.sum.add_double(from.sum);
        into.squares = into.squares.add_double(from.squares);
        into.peak = into.peak.max(from.peak).max(into.squares.hi);
        into.tally.merge(&from.tally);
    }

    fn evaluate(&self, slots: &[u32]) -> Result<ArrayRef> {
        let results = slots.iter().map(|slot| {
            let variance = self.moments.get(*slot).variance(self.spread.sample)?;
            Some(if self.spread.root {
                variance.sqrt()
            } else {
                variance
            })
        });
        Ok(Arc::new(results.collect::<Float64Array>()))
    }

    fn clear(&mut self, slot: u32) {
        self.moments.clear(slot);
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("moments", &mut self.moments)
    }
}
