//! Functions of the present time. In a pipeline they read the epoch's processing time, which its commit records.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::expr::unsupported;
use super::watermark::asks;
use crate::circuit::EpochClock;

/// Names of the functions that read a clock.
const CLOCK_FUNCTIONS: [&str; 7] = [
    "proctime",
    "now",
    "current_timestamp",
    "localtimestamp",
    "current_date",
    "current_time",
    "current_row_timestamp",
];

/// Whether a function without arguments reads the clock.
pub fn is_clock_function(name: &str) -> bool {
    CLOCK_FUNCTIONS.contains(&name.to_ascii_lowercase().as_str())
}

/// Whether `expr` is a function that reads the clock.
pub(super) fn reads_clock(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(f) if f.args.is_empty() && is_clock_function(f.name()))
}

/// `expr` with every function that reads a clock reading `clock`.
pub(super) fn bind(expr: Expr, clock: &EpochClock) -> Result<Expr> {
    if asks(&expr)? {
        return Err(unsupported(
            "CURRENT_WATERMARK elsewhere than in SELECT and WHERE",
        ));
    }
    let bound = expr.transform_down(|e| {
        if !reads_clock(&e) {
            return Ok(Transformed::no(e));
        }
        let return_type = e.get_type(&datafusion_common::DFSchema::empty())?;
        let Expr::ScalarFunction(f) = e else {
            return Ok(Transformed::no(e));
        };
        let udf = EpochTime {
            name: f.name().to_owned(),
            return_type,
            clock: clock.clone(),
            signature: Signature::nullary(Volatility::Volatile),
        };
        let call = ScalarFunction {
            func: Arc::new(ScalarUDF::new_from_impl(udf)),
            args: Vec::new(),
        };
        Ok(Transformed::new(
            Expr::ScalarFunction(call),
            true,
            TreeNodeRecursion::Jump,
        ))
    })?;
    Ok(bound.data)
}

/// The processing time of the epoch as a value of the function that it stands for.
#[derive(Debug)]
struct EpochTime {
    name: String,
    return_type: DataType,
    clock: EpochClock,
    signature: Signature,
}

impl PartialEq for EpochTime {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.return_type == other.return_type
    }
}

impl Eq for EpochTime {}

impl Hash for EpochTime {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.name, &self.return_type).hash(state);
    }
}

impl ScalarUDFImpl for EpochTime {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.return_type.clone())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let now = ScalarValue::TimestampMicrosecond(Some(self.clock.now()), Some("UTC".into()));
        Ok(ColumnarValue::Scalar(now.cast_to(&self.return_type)?))
    }
}
