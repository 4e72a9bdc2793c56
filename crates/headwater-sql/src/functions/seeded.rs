//! Numbers from a seed, the same as those of `java.util.Random`, which Flink draws from. A call whose seed is a constant draws one
//! sequence for all rows of its query; any other begins anew with each row.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{AsArray, Float64Array, Int32Array};
use arrow::datatypes::{DataType, Int64Type};
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::expr_rewriter::NamePreserver;
use datafusion_expr::{
    ColumnarValue, Expr, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

/// A generator of 48 bits.
#[derive(Debug)]
pub(super) struct Seeded(u64);

impl Seeded {
    const FACTOR: u64 = 0x5_DEEC_E66D;
    const MASK: u64 = (1 << 48) - 1;

    pub(super) fn new(seed: i64) -> Self {
        Self((seed as u64 ^ Self::FACTOR) & Self::MASK)
    }

    fn next(&mut self, bits: u32) -> u64 {
        self.0 = self.0.wrapping_mul(Self::FACTOR).wrapping_add(0xB) & Self::MASK;
        self.0 >> (48 - bits)
    }

    /// From 0 up to 1.
    pub(super) fn unit(&mut self) -> f64 {
        let high = self.next(26) << 27;
        (high + self.next(27)) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 up to `bound`; `None`: there is nothing below it.
    pub(super) fn below(&mut self, bound: i64) -> Option<i32> {
        let bound = u64::from(
            u32::try_from(bound)
                .ok()
                .filter(|b| *b > 0)?
                .min(i32::MAX as u32),
        );
        if bound.is_power_of_two() {
            return Some(((bound * self.next(31)) >> 31) as i32);
        }
        loop {
            let drawn = self.next(31);
            let value = drawn % bound;
            // What is left over at the top would come more rarely.
            if drawn - value + (bound - 1) <= i32::MAX as u64 {
                return Some(value as i32);
            }
        }
    }
}

/// Gives each call with a constant seed a sequence of its own.
pub(crate) fn bind(plan: LogicalPlan) -> Result<LogicalPlan> {
    let bound = plan.transform_up_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let bound = expr.transform_up(|e| match &e {
                Expr::ScalarFunction(f) => Ok(match seed(f) {
                    Some(seed) => Transformed::yes(drawn(f, seed)),
                    None => Transformed::no(e),
                }),
                _ => Ok(Transformed::no(e)),
            })?;
            Ok(bound.update_data(|e| name.restore(e)))
        })
    })?;
    Ok(bound.data)
}

/// The constant seed of a call.
fn seed(f: &ScalarFunction) -> Option<i64> {
    let seed = match (f.name(), f.args.as_slice()) {
        ("rand", [seed]) | ("rand_integer", [seed, _]) => seed,
        _ => return None,
    };
    constant(seed)
}

fn constant(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Negative(inner) => constant(inner)?.checked_neg(),
        Expr::Literal(value, _) => match value.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(value)) => value,
            _ => None,
        },
        _ => None,
    }
}

fn drawn(f: &ScalarFunction, seed: i64) -> Expr {
    let has_bound = f.name() == "rand_integer";
    let signature = match has_bound {
        true => Signature::exact(vec![DataType::Int64], Volatility::Volatile),
        false => Signature::nullary(Volatility::Volatile),
    };
    let sequence = Sequence {
        seed,
        has_bound,
        signature,
        state: Mutex::new(Seeded::new(seed)),
    };
    Expr::ScalarFunction(ScalarFunction {
        func: Arc::new(ScalarUDF::new_from_impl(sequence)),
        args: f.args[1..].to_vec(),
    })
}

/// The numbers that one call draws, over all batches of its query.
#[derive(Debug)]
struct Sequence {
    seed: i64,
    has_bound: bool,
    signature: Signature,
    state: Mutex<Seeded>,
}

impl PartialEq for Sequence {
    fn eq(&self, other: &Self) -> bool {
        (self.seed, self.has_bound) == (other.seed, other.has_bound)
    }
}

impl Eq for Sequence {}

impl Hash for Sequence {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.seed, self.has_bound).hash(state);
    }
}

impl ScalarUDFImpl for Sequence {
    fn name(&self) -> &'static str {
        if self.has_bound {
            "rand_integer"
        } else {
            "rand"
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.has_bound {
            true => DataType::Int32,
            false => DataType::Float64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let count = args.number_rows;
        let Some(bounds) = args.args.first() else {
            let drawn = Float64Array::from_iter_values((0..count).map(|_| state.unit()));
            return Ok(ColumnarValue::Array(Arc::new(drawn)));
        };
        let bounds = bounds.to_array(count)?;
        let bounds = bounds.as_primitive::<Int64Type>().iter();
        let drawn: Int32Array = bounds.map(|bound| state.below(bound?)).collect();
        Ok(ColumnarValue::Array(Arc::new(drawn)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_java() {
        let mut drawn = Seeded::new(1);
        assert_eq!(
            [drawn.unit(), drawn.unit()],
            [0.7308781907032909, 0.41008081149220166]
        );
        let mut drawn = Seeded::new(1);
        let numbers: Vec<_> = (0..5).map(|_| drawn.below(10)).collect();
        assert_eq!(numbers, [5, 8, 7, 3, 4].map(Some));
        assert_eq!(Seeded::new(1).below(0), None);
    }
}
