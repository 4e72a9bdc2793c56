//! `+`, `-` and `*` of whole numbers that fail where the result does not fit its type, instead of beginning again at the
//! other end of it. Everything that computes takes its expressions through here, so that a pipeline and a query agree.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Datum};
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::error::ArrowError;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};

/// `expr` (types coerced, over `schema`) with arithmetic of whole numbers that fails instead of wrapping around.
///
/// # Errors
/// If the expression does not fit the schema.
pub fn checked(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    expr.transform_up(|e| match e {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let function = match op {
                Operator::Plus => Some(&*ADD),
                Operator::Minus => Some(&*SUBTRACT),
                Operator::Multiply => Some(&*MULTIPLY),
                _ => None,
            };
            let is_whole = |e: &Expr| -> Result<bool> { Ok(e.get_type(schema)?.is_integer()) };
            match function {
                Some(function) if is_whole(&left)? && is_whole(&right)? => {
                    Ok(Transformed::yes(call(function, *left, *right)))
                }
                _ => {
                    let same = Expr::BinaryExpr(BinaryExpr { left, op, right });
                    Ok(Transformed::no(same))
                }
            }
        }
        Expr::Negative(inner) => match inner.get_type(schema)? {
            whole if whole.is_signed_integer() => {
                let zero = lit(ScalarValue::new_zero(&whole)?);
                Ok(Transformed::yes(call(&SUBTRACT, zero, *inner)))
            }
            _ => Ok(Transformed::no(Expr::Negative(inner))),
        },
        other => Ok(Transformed::no(other)),
    })
}

fn call(function: &Arc<ScalarUDF>, left: Expr, right: Expr) -> Expr {
    Expr::ScalarFunction(ScalarFunction {
        func: Arc::clone(function),
        args: vec![left, right],
    })
}

type Kernel = fn(&dyn Datum, &dyn Datum) -> Result<ArrayRef, ArrowError>;

static ADD: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| function("add", numeric::add));
static SUBTRACT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| function("subtract", numeric::sub));
static MULTIPLY: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| function("multiply", numeric::mul));

fn function(name: &'static str, kernel: Kernel) -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(Arithmetic {
        name,
        kernel,
        signature: Signature::any(2, Volatility::Immutable),
    }))
}

/// One of the operations.
#[derive(Debug)]
struct Arithmetic {
    name: &'static str,
    kernel: Kernel,
    signature: Signature,
}

impl PartialEq for Arithmetic {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Arithmetic {}

impl std::hash::Hash for Arithmetic {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Arithmetic {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [left, _] => Ok(left.clone()),
            _ => internal_err!("arithmetic of {} operands", types.len()),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let fields = args.arg_fields;
        let types: Vec<DataType> = fields.iter().map(|f| f.data_type().clone()).collect();
        let is_nullable = fields.iter().any(|f| f.is_nullable());
        let data_type = self.return_type(&types)?;
        Ok(Arc::new(Field::new(self.name, data_type, is_nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        use ColumnarValue::{Array, Scalar};
        let [left, right] = args.args.as_slice() else {
            return internal_err!("arithmetic of {} operands", args.args.len());
        };
        let values = match (left, right) {
            (Array(left), Array(right)) => (self.kernel)(left, right)?,
            (Array(left), Scalar(right)) => (self.kernel)(left, &right.to_scalar()?)?,
            (Scalar(left), Array(right)) => (self.kernel)(&left.to_scalar()?, right)?,
            (Scalar(left), Scalar(right)) => {
                let value = (self.kernel)(&left.to_scalar()?, &right.to_scalar()?)?;
                return Ok(Scalar(ScalarValue::try_from_array(&value, 0)?));
            }
        };
        Ok(Array(values))
    }
}
