//! What DataFusion's planner asks for: tables, functions, types. Synchronous and without a `SessionContext`.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use datafusion_common::config::ConfigOptions;
use datafusion_common::{DataFusionError, TableReference};
use datafusion_expr::planner::{ContextProvider, ExprPlanner, RelationPlanner, TypePlanner};
use datafusion_expr::{
    AggregateUDF, HigherOrderUDF, LogicalPlan, ScalarUDF, TableProviderFilterPushDown, TableSource,
    WindowUDF,
};
use headwater_flow::plan::{StreamTable, TableDef};
use sqlparser::tokenizer::Span;

use super::Planner;
use super::hints::Overrides;
use super::window::Relations;
use crate::error::{Result, SqlError, suggestion};
use crate::functions::functions;
use crate::statement::{Query, TableOption, parse_type_text};

/// What a name in FROM stands for.
#[derive(Debug, Clone)]
pub(crate) enum Relation {
    /// A table; also the changelog of a materialised view.
    Table(Arc<TableDef>),
    /// A view: its query, planned where it is used, and names for its columns.
    View {
        /// The query.
        query: Arc<Query>,
        /// Names for its columns; empty: those of the query.
        columns: Vec<String>,
    },
}

/// The names that a session knows.
pub(crate) trait Names {
    /// What `name` stands for, with exactly this case.
    fn relation(&self, name: &str) -> Option<Relation>;

    /// The names of all tables and views.
    fn relation_names(&self) -> Vec<String>;

    /// The time, microseconds since the epoch.
    fn now(&self) -> i64 {
        0
    }

    /// Checks the options of a table, of which `given` were written in the statement; errors without a better place
    /// are at `fallback`.
    fn check_options(&self, _: &TableDef, _given: &[TableOption], _fallback: Span) -> Result<()> {
        Ok(())
    }
}

/// Finds a relation: with the case given, else the only one that differs just in case.
pub(crate) fn find(names: &dyn Names, name: &str) -> Option<(String, Relation)> {
    if let Some(found) = names.relation(name) {
        return Some((name.to_owned(), found));
    }
    let mut near = names
        .relation_names()
        .into_iter()
        .filter(|n| n.eq_ignore_ascii_case(name));
    let only = near.next()?;
    if near.next().is_some() {
        return None;
    }
    names.relation(&only).map(|found| (only, found))
}

/// The plan of a view, spliced in where the view is scanned.
#[derive(Debug)]
struct ViewSource {
    plan: LogicalPlan,
    schema: SchemaRef,
}

impl TableSource for ViewSource {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&datafusion_expr::Expr],
    ) -> datafusion_common::Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![
            TableProviderFilterPushDown::Unsupported;
            filters.len()
        ])
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        Some(Cow::Borrowed(&self.plan))
    }
}

/// The schema of the tables of the process; all others have none.
const SYSTEM: &str = "system";

/// The context of one planning.
pub(super) struct PlanContext<'a> {
    planner: Planner<'a>,
    relations: Vec<Arc<dyn RelationPlanner>>,
}

static OPTIONS: LazyLock<ConfigOptions> = LazyLock::new(super::optimize::config);

impl<'a> PlanContext<'a> {
    pub(super) fn new(planner: Planner<'a>, overrides: Overrides) -> Self {
        Self {
            planner,
            relations: vec![Arc::new(Relations::new(overrides))],
        }
    }

    fn source(&self, name: &str) -> Result<Arc<dyn TableSource>, SqlError> {
        let names = self.planner.names;
        let Some((name, relation)) = find(names, name) else {
            let known = names.relation_names();
            return Err(SqlError::not_found(format!("table '{name}' not found"))
                .with_hint_opt(suggestion(name, known.iter().map(String::as_str))));
        };
        match relation {
            Relation::Table(def) => Ok(Arc::new(StreamTable::new(def))),
            Relation::View { query, columns } => {
                let plan = self.planner.deeper(&name)?.query(&query);
                let plan = plan.map_err(|e| e.in_view(&name))?;
                let plan = super::table::rename(plan, &columns)?;
                let schema = Arc::clone(plan.schema().inner());
                Ok(Arc::new(ViewSource { plan, schema }))
            }
        }
    }
}

impl ContextProvider for PlanContext<'_> {
    fn get_table_source(
        &self,
        name: TableReference,
    ) -> Result<Arc<dyn TableSource>, DataFusionError> {
        match name.schema() {
            Some(SYSTEM) => Ok(self.source(&format!("{SYSTEM}.{}", name.table()))?),
            _ => Ok(self.source(name.table())?),
        }
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &functions().planners
    }

    fn get_relation_planners(&self) -> &[Arc<dyn RelationPlanner>] {
        &self.relations
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(Arc::new(Types))
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        functions().scalar.get(name).cloned()
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        functions().higher_order.get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        functions().aggregate.get(name).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        functions().window.get(name).cloned()
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &OPTIONS
    }

    fn udf_names(&self) -> Vec<String> {
        functions().scalar.keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        functions().higher_order.keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        functions().aggregate.keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        functions().window.keys().cloned().collect()
    }
}

/// Types in casts are read by the same parser as those of columns.
#[derive(Debug)]
struct Types;

impl TypePlanner for Types {
    fn plan_type_field(
        &self,
        sql_type: &sqlparser::ast::DataType,
    ) -> Result<Option<FieldRef>, DataFusionError> {
        let data_type = parse_type_text(&sql_type.to_string())?;
        Ok(Some(Arc::new(Field::new("", data_type, true))))
    }
}
