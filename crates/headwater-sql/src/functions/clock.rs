//! Functions of the present time. The engine gives them the processing time of the epoch, a query its own start.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion_common::{Result, not_impl_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};
use headwater_flow::functions::Spec;

pub(super) static SPECS: [Spec; 3] = [
    Spec {
        name: "proctime",
        aliases: &["current_row_timestamp"],
        usage: "PROCTIME()",
        coerce: |types| types.is_empty().then(Vec::new),
        returns: |_| DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        invoke: unbound,
    },
    Spec {
        name: "localtimestamp",
        aliases: &[],
        usage: "LOCALTIMESTAMP",
        coerce: |types| types.is_empty().then(Vec::new),
        returns: |_| DataType::Timestamp(TimeUnit::Millisecond, None),
        invoke: unbound,
    },
    Spec {
        name: "current_watermark",
        aliases: &[],
        usage: "CURRENT_WATERMARK(event_time)",
        coerce: |types| match types {
            [t @ DataType::Timestamp(_, _)] => Some(vec![t.clone()]),
            _ => None,
        },
        returns: |types| types.first().cloned().unwrap_or(DataType::Null),
        invoke: unbound,
    },
];

/// Names of functions that read the clock of the epoch.
pub(crate) const CLOCK_FUNCTIONS: [&str; 8] = [
    "proctime",
    "now",
    "current_timestamp",
    "localtimestamp",
    "current_date",
    "current_time",
    "current_row_timestamp",
    "current_watermark",
];

/// Without an engine or query to give the time.
fn unbound(_: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    not_impl_err!("the present time is known in a pipeline or query only")
}
