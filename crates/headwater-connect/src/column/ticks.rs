//! Dates, times and timestamps that come as whole numbers since the epoch.

use arrow::datatypes::TimeUnit;

use super::{Column, Refusal, Scalar, ShapeKind, Values};
use crate::temporal::per_second;

/// What such numbers count; dates are days always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ticks {
    /// Milliseconds up to a precision of 3, then microseconds up to 6, else nanoseconds.
    Adaptive,
    /// The same, but times of day are microseconds.
    AdaptiveTimeMicros,
    /// One unit for all.
    Unit(TimeUnit),
}

impl Ticks {
    /// The unit of a number for a column of `unit`.
    fn of(self, unit: TimeUnit, is_time: bool) -> TimeUnit {
        match self {
            Self::Unit(unit) => unit,
            Self::AdaptiveTimeMicros if is_time => TimeUnit::Microsecond,
            _ if unit == TimeUnit::Second => TimeUnit::Millisecond,
            _ => unit,
        }
    }
}

/// Days and seconds of 0001-01-01 and of what follows 9999-12-31: what text can say.
const DAYS: std::ops::Range<i64> = -719_162..2_932_897;
const SECONDS: std::ops::Range<i64> = DAYS.start * 86_400..DAYS.end * 86_400;

impl Column {
    /// Appends a date, time or timestamp; what is finer than the column is cut off.
    ///
    /// # Errors
    /// If the column has another type, or for a time before the year 1 or after 9999.
    pub(crate) fn push_ticks(&mut self, count: i64, ticks: Ticks) -> Result<(), Refusal> {
        const RANGE: Refusal = Refusal("number out of range");
        let ShapeKind::Scalar(scalar) = &self.shape.kind else {
            return Err(Refusal("unexpected number"));
        };
        match (&mut self.values, scalar) {
            (Values::I32(v), Scalar::Date) if DAYS.contains(&count) => v.push(count as i32),
            (Values::I64(v), Scalar::Time(unit)) => {
                let from = ticks.of(*unit, true);
                let second = count.div_euclid(per_second(from));
                if !(0..86_400).contains(&second) {
                    return Err(RANGE);
                }
                v.push(convert(count, from, *unit).ok_or(RANGE)?);
            }
            (Values::I64(v), Scalar::Timestamp { unit, .. }) => {
                let from = ticks.of(*unit, false);
                if !SECONDS.contains(&count.div_euclid(per_second(from))) {
                    return Err(RANGE);
                }
                v.push(convert(count, from, *unit).ok_or(RANGE)?);
            }
            (Values::I32(_), Scalar::Date) => return Err(RANGE),
            _ => return Err(Refusal("unexpected number")),
        }
        self.pushed();
        Ok(())
    }

    /// Appends the digits of a decimal that has the column's scale.
    ///
    /// # Errors
    /// If the column has another type or less digits.
    pub(crate) fn push_unscaled(&mut self, value: i128) -> Result<(), Refusal> {
        let ShapeKind::Scalar(Scalar::Decimal { precision, .. }) = &self.shape.kind else {
            return Err(Refusal("unexpected number"));
        };
        let bound = 10_u128.pow(u32::from((*precision).min(38)));
        if value.unsigned_abs() >= bound {
            return Err(Refusal("number out of range"));
        }
        self.push_i128(value)
    }
}

fn convert(count: i64, from: TimeUnit, to: TimeUnit) -> Option<i64> {
    let (from, to) = (per_second(from), per_second(to));
    match from > to {
        true => Some(count.div_euclid(from / to)),
        false => count.checked_mul(to / from),
    }
}
