//! Functions whose result is another one each time. A query may call them; a pipeline not, whose epochs must have the same result when
//! they are run again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{AsArray, Float64Array, Int32Array};
use arrow::datatypes::{DataType, Int64Type};
use datafusion_common::Result;
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};
use headwater_flow::functions::Spec;

use super::seeded::Seeded;

pub(super) static SPECS: [Spec; 2] = [
    Spec {
        name: "rand",
        aliases: &[],
        usage: "RAND([seed])",
        coerce: |types| wholes(types, 0..=1),
        returns: |_| DataType::Float64,
        invoke: rand,
    },
    Spec {
        name: "rand_integer",
        aliases: &[],
        usage: "RAND_INTEGER([seed, ]bound)",
        coerce: |types| wholes(types, 1..=2),
        returns: |_| DataType::Int32,
        invoke: rand_integer,
    },
];

fn wholes(types: &[DataType], count: RangeInclusive<usize>) -> Option<Vec<DataType>> {
    let fits = count.contains(&types.len()) && types.iter().all(DataType::is_integer);
    fits.then(|| vec![DataType::Int64; types.len()])
}

/// A number from 0 up to 1.
fn rand(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let Some(seeds) = args.args.first() else {
        let numbers = numbers().take(args.number_rows).map(unit);
        let numbers = Float64Array::from_iter_values(numbers);
        return Ok(ColumnarValue::Array(Arc::new(numbers)));
    };
    let seeds = seeds.to_array(args.number_rows)?;
    let seeds = seeds.as_primitive::<Int64Type>().iter();
    let drawn = seeds.map(|seed| Some(Seeded::new(seed?).unit()));
    Ok(ColumnarValue::Array(Arc::new(
        drawn.collect::<Float64Array>(),
    )))
}

/// A number from 0 up to a bound.
fn rand_integer(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    if let [seeds, bounds] = args.args.as_slice() {
        let (seeds, bounds) = (
            seeds.to_array(args.number_rows)?,
            bounds.to_array(args.number_rows)?,
        );
        let seeds = seeds.as_primitive::<Int64Type>().iter();
        let pairs = seeds.zip(bounds.as_primitive::<Int64Type>());
        let drawn = pairs.map(|(seed, bound)| Seeded::new(seed?).below(bound?));
        return Ok(ColumnarValue::Array(Arc::new(
            drawn.collect::<Int32Array>(),
        )));
    }
    let bounds = args.args[0].to_array(args.number_rows)?;
    let bounds = bounds.as_primitive::<Int64Type>().iter();
    let drawn = bounds.zip(numbers()).map(|(bound, number)| {
        let below = (unit(number) * bound? as f64).floor();
        Some(below as i32)
    });
    Ok(ColumnarValue::Array(Arc::new(
        drawn.collect::<Int32Array>(),
    )))
}

/// From 0 up to 1.
fn unit(number: u64) -> f64 {
    (number >> 11) as f64 / (1_u64 << 53) as f64
}

/// Numbers of SplitMix64 from a place that nobody knows.
fn numbers() -> impl Iterator<Item = u64> {
    let mut state = RandomState::new().build_hasher().finish();
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}
