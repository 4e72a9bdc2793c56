//! Sorts the inputs of operators that ask for an order: windows, and aggregates with ORDER BY.

use std::sync::Arc;

use datafusion_common::Result;
use datafusion_physical_expr::LexOrdering;
use datafusion_physical_plan::execution_plan::replace_children_if_necessary;
use datafusion_physical_plan::sorts::sort::SortExec;
use datafusion_physical_plan::{ExecutionPlan, ExecutionPlanProperties};

/// The operator over inputs in the order that it asks for.
pub(super) fn provide(operator: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let wanted = operator.required_input_ordering();
    if wanted.iter().all(Option::is_none) {
        return Ok(operator);
    }
    let inputs = operator.children().into_iter().zip(wanted);
    let inputs = inputs
        .map(|(input, wanted)| {
            let Some(wanted) = wanted else {
                return Ok(Arc::clone(input));
            };
            let (alternatives, _) = wanted.into_alternatives();
            let properties = input.equivalence_properties();
            for order in &alternatives {
                if properties.ordering_satisfy_requirement(order.clone())? {
                    return Ok(Arc::clone(input));
                }
            }
            Ok(match alternatives.into_iter().next() {
                Some(order) => sorted(order.into(), Arc::clone(input)),
                None => Arc::clone(input),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    replace_children_if_necessary(operator, inputs)
}

fn sorted(order: LexOrdering, input: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    Arc::new(SortExec::new(order, input))
}
