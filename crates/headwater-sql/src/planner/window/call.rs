//! One call of a window table function: its arguments by their roles, and the node that it becomes.

use std::sync::Arc;

use datafusion_common::{Column, DFSchema, DataFusionError};
use datafusion_expr::planner::RelationPlannerContext;
use datafusion_expr::{Extension, LogicalPlan};
use headwater_flow::plan::{WindowNode, WindowSpec};
use sqlparser::ast::{Expr as AstExpr, FunctionArg, ObjectName, Spanned, TableFactor};
use sqlparser::tokenizer::Span;

use super::args::{Result, column, function_args, micros, named};
use crate::error::SqlError;
use crate::statement::PARTITION_BY;

/// A call of a window function, its arguments by their roles.
pub(in crate::planner) struct Call {
    pub(super) function: &'static str,
    span: Span,
    pub(in crate::planner) data: AstExpr,
    pub(super) time: AstExpr,
    pub(super) partition_by: Vec<AstExpr>,
    /// The lengths in the order of the function's parameters.
    pub(super) lengths: Vec<Option<AstExpr>>,
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
    pub(super) fn new(function: &'static str, args: &[FunctionArg], span: Span) -> Result<Self> {
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
                    Some(i) if lengths[i].is_some() => {
                        let text = format!("{role} is given twice");
                        return Err(bad(function, expr.span(), &text));
                    }
                    Some(i) => lengths[i] = Some(expr),
                    None if role.is_empty() => {
                        return Err(bad(function, expr.span(), "there are too many arguments"));
                    }
                    None => {
                        let text = format!("it has no argument {role}");
                        return Err(bad(function, expr.span(), &text));
                    }
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

    pub(super) fn plan(self, context: &mut dyn RelationPlannerContext) -> Result<LogicalPlan> {
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
