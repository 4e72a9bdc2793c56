//! What is asked for: a function over columns of the operator's input.

use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use datafusion_expr::AggregateUDF;

/// The aggregate functions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AggregateFunction {
    /// `count(*)` without arguments, else the rows whose argument is not null.
    Count,
    /// Sum; an error where it does not fit its type.
    Sum,
    /// Mean.
    Avg,
    /// Least value.
    Min,
    /// Greatest value.
    Max,
    /// Sample variance.
    VarSamp,
    /// Population variance.
    VarPop,
    /// Sample standard deviation.
    StddevSamp,
    /// Population standard deviation.
    StddevPop,
    /// Whether all are true.
    BoolAnd,
    /// Whether one is true.
    BoolOr,
    /// The values, nulls included.
    ArrayAgg,
    /// The values joined by the second argument.
    StringAgg,
    /// The value of the first row.
    FirstValue,
    /// The value of the last row.
    LastValue,
    /// The number of distinct values; counted exactly.
    ApproxDistinct,
    /// Any other function that DataFusion knows: its rows are kept, and it is computed from them when they change.
    Other(Arc<AggregateUDF>),
}

impl AggregateFunction {
    /// The function that DataFusion calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "count" => Self::Count,
            "sum" => Self::Sum,
            "avg" | "mean" => Self::Avg,
            "min" => Self::Min,
            "max" => Self::Max,
            "var" | "var_samp" | "var_sample" => Self::VarSamp,
            "var_pop" | "var_population" => Self::VarPop,
            "stddev" | "stddev_samp" => Self::StddevSamp,
            "stddev_pop" => Self::StddevPop,
            "bool_and" => Self::BoolAnd,
            "bool_or" => Self::BoolOr,
            "array_agg" => Self::ArrayAgg,
            "string_agg" => Self::StringAgg,
            "first_value" => Self::FirstValue,
            "last_value" => Self::LastValue,
            "approx_distinct" => Self::ApproxDistinct,
            _ => return None,
        })
    }

    /// The function that a plan calls.
    pub fn from_udf(function: &Arc<AggregateUDF>) -> Self {
        Self::from_name(function.name()).unwrap_or_else(|| Self::Other(Arc::clone(function)))
    }

    /// Whether the function looks at the rows of a null argument.
    pub(super) fn sees_nulls(&self, ignore_nulls: bool) -> bool {
        let keeps = matches!(
            self,
            Self::ArrayAgg | Self::FirstValue | Self::LastValue | Self::Other(_)
        );
        keeps && !ignore_nulls
    }
}

/// An aggregate function over columns of the operator's input.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateCall {
    /// Which function.
    pub function: AggregateFunction,
    /// Its arguments; none for `count(*)`.
    pub args: Vec<usize>,
    /// `DISTINCT`.
    pub distinct: bool,
    /// `FILTER (WHERE …)`: a boolean column.
    pub filter: Option<usize>,
    /// `ORDER BY` in the call, for lists and first/last.
    pub order_by: Vec<(usize, SortOptions)>,
    /// The type of the result: DataFusion's, or for sums also [`wide_type`](crate::functions::wide_type), which all fit into.
    pub return_type: DataType,
    /// `IGNORE NULLS`.
    pub ignore_nulls: bool,
}

impl AggregateCall {
    /// The same call over columns that lie `by` further on.
    pub(crate) fn shift(&mut self, by: usize) {
        let order = self.order_by.iter_mut().map(|(column, _)| column);
        for column in self.args.iter_mut().chain(&mut self.filter).chain(order) {
            *column += by;
        }
    }
}
