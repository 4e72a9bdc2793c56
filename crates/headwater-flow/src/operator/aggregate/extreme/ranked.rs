//! Primitive values as sort keys.

use arrow::datatypes::ArrowNativeType;

use crate::state::StateValue;

/// A primitive value with a total order, through a sort key that is also the form in the state.
pub(in crate::operator::aggregate) trait Ranked:
    ArrowNativeType
{
    type Key: StateValue + Ord + Copy;
    fn key(self) -> Self::Key;
    fn of(key: Self::Key) -> Self;
}

macro_rules! ranked {
    ($($native:ty => $key:ty, |$x:ident| $to:expr, |$k:ident| $from:expr;)*) => {$(
        impl Ranked for $native {
            type Key = $key;

            #[inline]
            fn key(self) -> $key {
                let $x = self;
                $to
            }

            #[inline]
            fn of($k: $key) -> Self {
                $from
            }
        }
    )*};
}

ranked! {
    i8 => i64, |x| i64::from(x), |k| k as i8;
    i16 => i64, |x| i64::from(x), |k| k as i16;
    i32 => i64, |x| i64::from(x), |k| k as i32;
    i64 => i64, |x| x, |k| k;
    u8 => i64, |x| i64::from(x), |k| k as u8;
    u16 => i64, |x| i64::from(x), |k| k as u16;
    u32 => i64, |x| i64::from(x), |k| k as u32;
    u64 => u64, |x| x, |k| k;
    i128 => i128, |x| x, |k| k;
    f32 => i64, |x| f64_key(f64::from(x)), |k| f64_of(k) as f32;
    f64 => i64, |x| f64_key(x), |k| f64_of(k);
}

/// The order of `f64::total_cmp` as an integer; its own inverse on the bits.
#[inline]
fn f64_key(x: f64) -> i64 {
    let bits = x.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

#[inline]
fn f64_of(key: i64) -> f64 {
    f64::from_bits((key ^ (((key >> 63) as u64) >> 1) as i64) as u64)
}
