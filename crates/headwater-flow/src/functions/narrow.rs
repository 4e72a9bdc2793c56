//! Sums in the type that they must have. A sum is kept with more digits than its type has, and may be out of range for a
//! while: it is brought into its type where the row of its group is computed, and fails there like any expression.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, AsArray, PrimitiveArray, make_array};
use arrow::buffer::Buffer;
use arrow::datatypes::{
    ArrowNativeType, DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Decimal128Type,
    Decimal256Type, DecimalType, i256,
};
use datafusion_common::{DataFusionError, Result as PlanResult};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{Error, ErrorKind, Result};
use crate::plan::type_name;

/// Values of so many digits, added up as often as a log can hold records, fit into 128 bits.
const DIGITS_MAX: u8 = 19;

/// The type in which `name` (`sum` or `avg`) of values of type `of` is always exact, where its own type `result` may be too
/// narrow.
pub fn wide_type(name: &str, of: &DataType, result: &DataType) -> Option<DataType> {
    use DataType::{Decimal128, Decimal256, Duration, Int64, UInt64};
    match (name, of, result) {
        ("sum", Int64 | UInt64 | Duration(_), _) => Some(Decimal128(DECIMAL128_MAX_PRECISION, 0)),
        ("sum", Decimal128(digits, scale), _) if *digits <= DIGITS_MAX => {
            Some(Decimal128(DECIMAL128_MAX_PRECISION, *scale))
        }
        ("sum", Decimal128(_, scale), _) => Some(Decimal256(DECIMAL256_MAX_PRECISION, *scale)),
        ("avg", Decimal128(digits, from), Decimal128(precision, to))
            if i16::from(*digits) + i16::from(to - from) > i16::from(*precision) =>
        {
            Some(Decimal256(DECIMAL256_MAX_PRECISION, *to))
        }
        _ => None,
    }
}

/// Whether sums of decimals with so many digits are exact in 128 bits.
pub(crate) fn fits_128_bits(digits: u8) -> bool {
    digits <= DIGITS_MAX
}

/// `expr`, a decimal made by [`wide_type`], as a value of `result`; an error if it does not fit.
pub fn narrow(expr: Expr, result: &DataType) -> Expr {
    let function = Narrow {
        result: result.clone(),
        signature: Signature::any(1, Volatility::Immutable),
    };
    Expr::ScalarFunction(ScalarFunction {
        func: Arc::new(ScalarUDF::new_from_impl(function)),
        args: vec![expr],
    })
}

/// What [`narrow`] was given, if `expr` is a call of it.
pub(crate) fn narrowed(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::ScalarFunction(call) if call.func.inner().is::<Narrow>() => call.args.first(),
        _ => None,
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Narrow {
    result: DataType,
    signature: Signature,
}

impl Hash for Narrow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.result.hash(state);
    }
}

impl ScalarUDFImpl for Narrow {
    fn name(&self) -> &'static str {
        "narrow"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(self.result.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let values = args.args[0].to_array(args.number_rows)?;
        let made = into_type(&values, &self.result);
        let made = made.map_err(|e| DataFusionError::External(Box::new(e)))?;
        Ok(ColumnarValue::Array(made))
    }
}

/// Decimals of [`wide_type`] as values of `result`.
///
/// # Errors
/// `Invalid` for a value that does not fit.
pub(crate) fn into_type(wide: &ArrayRef, result: &DataType) -> Result<ArrayRef> {
    match wide.data_type() {
        same if same == result => Ok(Arc::clone(wide)),
        DataType::Decimal128(..) => convert::<Decimal128Type>(wide, result),
        DataType::Decimal256(..) => convert::<Decimal256Type>(wide, result),
        other => Err(Error::new(ErrorKind::Bug, format!("a sum of type {other}"))),
    }
}

fn convert<W: DecimalType>(wide: &ArrayRef, result: &DataType) -> Result<ArrayRef>
where
    i256: From<W::Native>,
{
    let sums = wide.as_primitive::<W>();
    let whole = |sum| i256::from(sum).to_i128();
    match *result {
        DataType::Int64 | DataType::Duration(_) => {
            fit(sums, result, |sum| i64::try_from(whole(sum)?).ok())
        }
        DataType::UInt64 => fit(sums, result, |sum| u64::try_from(whole(sum)?).ok()),
        DataType::Decimal128(precision, _) => fit(sums, result, |sum| {
            whole(sum).filter(|v| Decimal128Type::is_valid_decimal_precision(*v, precision))
        }),
        ref other => Err(Error::new(ErrorKind::Bug, format!("a sum as {other}"))),
    }
}

fn fit<W: DecimalType, N: ArrowNativeType>(
    sums: &PrimitiveArray<W>,
    result: &DataType,
    narrow: impl Fn(W::Native) -> Option<N>,
) -> Result<ArrayRef> {
    let mut values: Vec<N> = Vec::with_capacity(sums.len());
    for (i, sum) in sums.iter().enumerate() {
        let value = sum.map_or(Some(N::default()), &narrow);
        values.push(value.ok_or_else(|| out_of_range(&sums.value_as_string(i), result))?);
    }
    let data = ArrayData::builder(result.clone())
        .len(values.len())
        .add_buffer(Buffer::from_vec(values))
        .nulls(sums.nulls().cloned())
        .build()?;
    Ok(make_array(data))
}

fn out_of_range(value: &str, result: &DataType) -> Error {
    let text = format!("the sum {value} does not fit into {}", type_name(result));
    Error::new(ErrorKind::Invalid, text)
}

#[cfg(test)]
mod tests {
    use arrow::array::Decimal128Array;
    use arrow::util::display::array_value_to_string;

    use super::*;

    fn check(value: i128, result: DataType, expected: &str) {
        let sums = Decimal128Array::from(vec![None, Some(value)]);
        let wide: ArrayRef = Arc::new(sums.with_precision_and_scale(38, 0).expect("fits"));
        let found = match into_type(&wide, &result) {
            Ok(array) => {
                assert!(array.is_null(0));
                array_value_to_string(&array, 1).expect("is shown")
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_sum_is_of_its_type_or_an_error() {
        let (largest, smallest) = (i128::from(i64::MAX), i128::from(i64::MIN));
        check(largest, DataType::Int64, "9223372036854775807");
        check(smallest, DataType::Int64, "-9223372036854775808");
        let text = "the sum 9223372036854775808 does not fit into BIGINT";
        check(largest + 1, DataType::Int64, text);
        let text = "the sum -9223372036854775809 does not fit into BIGINT";
        check(smallest - 1, DataType::Int64, text);
        check(99, DataType::Decimal128(2, 0), "99");
        let text = "the sum -100 does not fit into DECIMAL(2, 0)";
        check(-100, DataType::Decimal128(2, 0), text);
        check(2 * largest + 1, DataType::UInt64, "18446744073709551615");
    }
}
