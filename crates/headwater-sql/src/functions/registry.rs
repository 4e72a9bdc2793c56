//! All functions by name, made once a process.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use datafusion_expr::planner::ExprPlanner;
use datafusion_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, Volatility, WindowUDF};
use headwater_flow::functions::{Spec, specs};

use super::builtin::Builtin;
use super::{clock, random};

/// All functions by lower-case name and alias.
pub(crate) struct Functions {
    /// Row by row.
    pub(crate) scalar: BTreeMap<String, Arc<ScalarUDF>>,
    /// Over groups.
    pub(crate) aggregate: BTreeMap<String, Arc<AggregateUDF>>,
    /// With OVER.
    pub(crate) window: BTreeMap<String, Arc<WindowUDF>>,
    /// With lambdas.
    pub(crate) higher_order: BTreeMap<String, Arc<HigherOrderUDF>>,
    /// Syntax that stands for functions (`a.b`, `EXTRACT`, `[1, 2]`).
    pub(crate) planners: Vec<Arc<dyn ExprPlanner>>,
}

static FUNCTIONS: LazyLock<Functions> = LazyLock::new(Functions::load);

/// The functions of the process.
pub(crate) fn functions() -> &'static Functions {
    &FUNCTIONS
}

impl Functions {
    fn load() -> Self {
        let mut scalar = BTreeMap::new();
        let defaults = datafusion_functions::all_default_functions()
            .into_iter()
            .chain(datafusion_functions_nested::all_default_nested_functions());
        for f in defaults {
            add(&mut scalar, f.name(), f.aliases(), &f);
        }
        for f in own_functions() {
            add(&mut scalar, f.name(), f.aliases(), &f);
        }
        let mut aggregate = BTreeMap::new();
        for f in datafusion_functions_aggregate::all_default_aggregate_functions() {
            add(&mut aggregate, f.name(), f.aliases(), &f);
        }
        let mut window = BTreeMap::new();
        for f in datafusion_functions_window::all_default_window_functions() {
            add(&mut window, f.name(), f.aliases(), &f);
        }
        let mut higher_order = BTreeMap::new();
        for f in datafusion_functions_nested::all_default_higher_order_functions() {
            add(&mut higher_order, f.name(), f.aliases(), &f);
        }
        Self {
            scalar,
            aggregate,
            window,
            higher_order,
            planners: planners(),
        }
    }

    /// All names, for suggestions.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.scalar
            .keys()
            .chain(self.aggregate.keys())
            .chain(self.window.keys())
            .map(String::as_str)
            .collect()
    }
}

/// Flink's functions; where DataFusion has one of the same name, Flink's meaning holds.
fn own_functions() -> Vec<Arc<ScalarUDF>> {
    let make = |spec: &'static Spec, volatility| {
        Arc::new(ScalarUDF::new_from_impl(Builtin::new(spec, volatility)))
    };
    let pure = specs().map(|s| make(s, Volatility::Immutable));
    let of_the_clock = clock::SPECS.iter().map(|s| make(s, Volatility::Volatile));
    let random = random::SPECS.iter().map(|s| make(s, Volatility::Volatile));
    pure.chain(of_the_clock).chain(random).collect()
}

fn add<T>(map: &mut BTreeMap<String, Arc<T>>, name: &str, aliases: &[String], f: &Arc<T>) {
    map.insert(name.to_lowercase(), Arc::clone(f));
    for alias in aliases {
        map.insert(alias.to_lowercase(), Arc::clone(f));
    }
}

fn planners() -> Vec<Arc<dyn ExprPlanner>> {
    vec![
        Arc::new(datafusion_functions::core::planner::CoreFunctionPlanner::default()),
        Arc::new(datafusion_functions_nested::planner::NestedFunctionPlanner),
        Arc::new(datafusion_functions_nested::planner::FieldAccessPlanner),
        Arc::new(datafusion_functions::datetime::planner::DatetimeFunctionPlanner),
        Arc::new(datafusion_functions::unicode::planner::UnicodeFunctionPlanner),
        Arc::new(datafusion_functions_aggregate::planner::AggregateFunctionPlanner),
        Arc::new(datafusion_functions_window::planner::WindowFunctionPlanner),
    ]
}
