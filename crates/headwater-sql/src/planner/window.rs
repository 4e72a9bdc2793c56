//! Window table functions in FROM: `TUMBLE`, `HOP`, `CUMULATE`, `SESSION` in every spelling, to a `WindowNode`.
//! Also refuses what DataFusion would silently ignore: `FOR SYSTEM_TIME AS OF`, hints, samples.

use std::sync::Arc;

use datafusion_common::{Column, DFSchema, DataFusionError, ScalarValue};
use datafusion_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion_expr::{Expr, Extension, LogicalPlan};
use headwater_flow::plan::{WindowNode, WindowSpec};
use sqlparser::ast::{
    self, Expr as AstExpr, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, Spanned,
    TableAlias, TableFactor,
};
use sqlparser::tokenizer::Span;

use crate::error::SqlError;
use crate::statement::{PARTITION_BY, WINDOW_FUNCTIONS};

type Result<T, E = DataFusionError> = std::result::Result<T, E>;

/// Plans the relations that DataFusion does not know.
#[derive(Debug)]
pub(super) struct WindowRelations;

impl RelationPlanner for WindowRelations {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        refuse_ignored(&relation)?;
        let (call, alias) = match relation {
            TableFactor::Table {
                ref name,
                ref args,
                ref alias,
                ..
            } => match (window_function(name), args) {
                (Some(function), Some(args)) => {
                    (Call::new(function, &args.args, name.span()), alias.clone())
                }
                _ => return Ok(RelationPlanning::Original(Box::new(relation))),
            },
            TableFactor::TableFunction { expr, alias } => (wrapped(&expr)?, alias),
            other => return Ok(RelationPlanning::Original(Box::new(other))),
        };
        let plan = call?.plan(context)?;
        Ok(planned(plan, alias))
    }
}

fn planned(plan: LogicalPlan, alias: Option<TableAlias>) -> RelationPlanning {
    RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias)))
}

fn refuse_ignored(relation: &TableFactor) -> Result<()> {
    let TableFactor::Table {
        version,
        sample,
        with_hints,
        name,
        ..
    } = relation
    else {
        return Ok(());
    };
    let what = match (version, sample, with_hints.is_empty()) {
        (Some(_), _, _) => "FOR SYSTEM_TIME AS OF",
        (_, Some(_), _) => "TABLESAMPLE",
        (_, _, false) => "a table hint",
        _ => return Ok(()),
    };
    let error = SqlError::unsupported(format!("{what} is not supported on '{name}' yet"));
    Err(error.at(name.span()).into())
}

fn window_function(name: &ObjectName) -> Option<&'static str> {
    let [part] = name.0.as_slice() else {
        return None;
    };
    let ident = part.as_ident()?;
    WINDOW_FUNCTIONS
        .into_iter()
        .find(|f| ident.quote_style.is_none() && f.eq_ignore_ascii_case(&ident.value))
}

/// `TABLE( f(…) )`.
fn wrapped(expr: &AstExpr) -> Result<Result<Call>> {
    if let AstExpr::Function(function) = expr
        && let FunctionArguments::List(list) = &function.args
    {
        if let Some(name) = window_function(&function.name) {
            return Ok(Call::new(name, &list.args, function.name.span()));
        }
        let error = SqlError::not_found(format!("unknown table function '{}'", function.name))
            .at(function.name.span())
            .with_hint_opt(crate::error::suggestion(
                &function.name.to_string(),
                WINDOW_FUNCTIONS,
            ));
        return Err(error.into());
    }
    let error = SqlError::syntax("expected a table function in TABLE( … )");
    Err(error.at(expr.span()).into())
}

/// A call of a window function, its arguments by their roles.
struct Call {
    function: &'static str,
    span: Span,
    data: AstExpr,
    time: AstExpr,
    partition_by: Vec<AstExpr>,
    /// The lengths in the order of the function's parameters.
    lengths: Vec<Option<AstExpr>>,
}

fn parameters(function: &str) -> &'static [&'static str] {
    match function {
        "TUMBLE" => &["SIZE", "OFFSET"],
        "HOP" => &["SLIDE", "SIZE", "OFFSET"],
        "CUMULATE" => &["STEP", "SIZE", "OFFSET"],
        _ => &["GAP"],
    }
}

fn usage(function: &str) -> &'static str {
    match function {
        "TUMBLE" => "write TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)",
        "HOP" => "write HOP(TABLE t, DESCRIPTOR(ts), slide, size)",
        "CUMULATE" => "write CUMULATE(TABLE t, DESCRIPTOR(ts), step, size)",
        _ => "write SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), gap)",
    }
}

impl Call {
    fn new(function: &'static str, args: &[FunctionArg], span: Span) -> Result<Self> {
        let names = parameters(function);
        let mut data = None;
        let mut time = None;
        let mut partition_by = Vec::new();
        let mut lengths: Vec<Option<AstExpr>> = vec![None; names.len()];
        let mut position = 0;
        for arg in args {
            let (name, expr) = named(arg, span)?;
            if let Some(columns) = function_args(&expr, PARTITION_BY) {
                partition_by = columns;
                continue;
            }
            let role = match name {
                Some(name) => name.to_ascii_uppercase(),
                None => {
                    position += 1;
                    match position {
                        1 => "DATA".to_owned(),
                        2 => "TIMECOL".to_owned(),
                        n => (*names.get(n - 3).unwrap_or(&"")).to_owned(),
                    }
                }
            };
            match role.as_str() {
                "DATA" => data = Some(expr),
                "TIMECOL" => time = Some(expr),
                role => match names.iter().position(|n| *n == role) {
                    Some(i) => lengths[i] = Some(expr),
                    None => return Err(bad(function, span, "an argument is not known")),
                },
            }
        }
        let (Some(data), Some(time)) = (data, time) else {
            return Err(bad(function, span, "it needs a table and a time column"));
        };
        Ok(Self {
            function,
            span,
            data,
            time,
            partition_by,
            lengths,
        })
    }

    fn plan(self, context: &mut dyn RelationPlannerContext) -> Result<LogicalPlan> {
        let input = context.plan(self.input()?)?;
        let schema = Arc::clone(input.schema());
        let time = match function_args(&self.time, "DESCRIPTOR") {
            Some(mut columns) if columns.len() == 1 => columns.swap_remove(0),
            Some(_) => return Err(self.bad("DESCRIPTOR names one column")),
            None => self.time.clone(),
        };
        let time_span = time.span();
        let time_column = column(context, time, &schema, time_span)?;
        let spec = self.spec(context, &schema)?;
        let node = WindowNode::try_new(Arc::new(input), time_column, spec)
            .map_err(|e| at(e, time_span))?;
        Ok(LogicalPlan::Extension(Extension {
            node: Arc::new(node),
        }))
    }

    /// The table, view or subquery that is windowed.
    fn input(&self) -> Result<TableFactor> {
        let idents = match &self.data {
            AstExpr::Subquery(query) => {
                return Ok(TableFactor::Derived {
                    lateral: false,
                    subquery: query.clone(),
                    alias: None,
                    sample: None,
                });
            }
            AstExpr::Identifier(ident) => vec![ident.clone()],
            AstExpr::CompoundIdentifier(idents) => idents.clone(),
            _ => return Err(self.bad("its first argument is a table")),
        };
        Ok(TableFactor::Table {
            name: ObjectName::from(idents),
            alias: None,
            args: None,
            with_hints: Vec::new(),
            version: None,
            with_ordinality: false,
            partitions: Vec::new(),
            json_path: None,
            sample: None,
            index_hints: Vec::new(),
        })
    }

    fn spec(
        &self,
        context: &mut dyn RelationPlannerContext,
        schema: &DFSchema,
    ) -> Result<WindowSpec> {
        let mut lengths = Vec::new();
        for length in &self.lengths {
            lengths.push(match length {
                Some(expr) => Some(micros(context, expr)?),
                None => None,
            });
        }
        let required = |i: usize| -> Result<i64> {
            match lengths.get(i).copied().flatten() {
                Some(length) if length > 0 => Ok(length),
                Some(_) => Err(self.bad("lengths are positive")),
                None => Err(self.bad("a length is missing")),
            }
        };
        let offset = |i: usize| lengths.get(i).copied().flatten().unwrap_or(0);
        let multiple = |small: i64, large: i64, what: &str| {
            if large % small == 0 {
                Ok(())
            } else {
                Err(self.bad(what))
            }
        };
        Ok(match self.function {
            "TUMBLE" => WindowSpec::Tumble {
                size: required(0)?,
                offset: offset(1),
            },
            "HOP" => {
                let (slide, size) = (required(0)?, required(1)?);
                multiple(slide, size, "the size must be a multiple of the slide")?;
                WindowSpec::Hop {
                    slide,
                    size,
                    offset: offset(2),
                }
            }
            "CUMULATE" => {
                let (step, size) = (required(0)?, required(1)?);
                multiple(step, size, "the size must be a multiple of the step")?;
                WindowSpec::Cumulate {
                    step,
                    size,
                    offset: offset(2),
                }
            }
            _ => WindowSpec::Session {
                gap: required(0)?,
                partition_by: self.partition_columns(context, schema)?,
            },
        })
    }

    fn partition_columns(
        &self,
        context: &mut dyn RelationPlannerContext,
        schema: &DFSchema,
    ) -> Result<Vec<Column>> {
        let columns = self.partition_by.iter().flat_map(|e| match e {
            AstExpr::Tuple(items) => items.clone(),
            AstExpr::Nested(inner) => vec![(**inner).clone()],
            other => vec![other.clone()],
        });
        columns
            .map(|e| {
                let span = e.span();
                column(context, e, schema, span)
            })
            .collect()
    }

    fn bad(&self, why: &str) -> DataFusionError {
        bad(self.function, self.span, why)
    }
}

fn bad(function: &str, span: Span, why: &str) -> DataFusionError {
    SqlError::invalid(format!("{function}: {why}"))
        .at(span)
        .with_hint(usage(function))
        .into()
}

fn at(error: DataFusionError, span: Span) -> DataFusionError {
    match error {
        DataFusionError::Plan(message) => SqlError::invalid(message).at(span).into(),
        other => other,
    }
}

fn named(arg: &FunctionArg, span: Span) -> Result<(Option<String>, AstExpr)> {
    let (name, arg) = match arg {
        FunctionArg::Named { name, arg, .. } => (Some(name.value.clone()), arg),
        FunctionArg::ExprNamed { name, arg, .. } => (Some(name.to_string()), arg),
        FunctionArg::Unnamed(arg) => (None, arg),
    };
    match arg {
        FunctionArgExpr::Expr(expr) => Ok((name, expr.clone())),
        _ => Err(SqlError::invalid("a window function does not take '*'")
            .at(span)
            .into()),
    }
}

/// The arguments if `expr` is a call of `name`.
fn function_args(expr: &AstExpr, name: &str) -> Option<Vec<AstExpr>> {
    let AstExpr::Function(ast::Function {
        name: called,
        args: FunctionArguments::List(list),
        ..
    }) = expr
    else {
        return None;
    };
    if !called.to_string().eq_ignore_ascii_case(name) {
        return None;
    }
    let args = list.args.iter().filter_map(|a| match a {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e.clone()),
        _ => None,
    });
    Some(args.collect())
}

fn column(
    context: &mut dyn RelationPlannerContext,
    expr: AstExpr,
    schema: &DFSchema,
    span: Span,
) -> Result<Column> {
    match context.sql_to_expr(expr, schema)? {
        Expr::Column(column) => Ok(column),
        _ => Err(
            SqlError::invalid("a window function takes a column here, not an expression")
                .at(span)
                .with_hint("compute the column in a view or subquery first")
                .into(),
        ),
    }
}

/// The microseconds of an interval of fixed length.
fn micros(context: &mut dyn RelationPlannerContext, expr: &AstExpr) -> Result<i64> {
    let span = expr.span();
    let wrong = |why: &str| -> DataFusionError {
        SqlError::invalid(why)
            .at(span)
            .with_hint("write INTERVAL '5' MINUTE")
            .into()
    };
    let literal = context.sql_to_expr(expr.clone(), &DFSchema::empty())?;
    let Expr::Literal(value, _) = literal else {
        return Err(wrong("a window length is a constant interval"));
    };
    let (months, days, nanos) = match value {
        ScalarValue::IntervalMonthDayNano(Some(i)) => (i.months, i.days, i.nanoseconds),
        ScalarValue::IntervalDayTime(Some(i)) => (0, i.days, i64::from(i.milliseconds) * 1_000_000),
        ScalarValue::IntervalYearMonth(Some(m)) => (m, 0, 0),
        _ => return Err(wrong("a window length is an interval")),
    };
    if months != 0 {
        return Err(wrong(
            "months and years have no fixed length, so no window can have it",
        ));
    }
    i64::from(days)
        .checked_mul(86_400_000_000)
        .and_then(|d| d.checked_add(nanos / 1_000))
        .ok_or_else(|| wrong("the window is too long"))
}
