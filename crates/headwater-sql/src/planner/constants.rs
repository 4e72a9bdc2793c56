//! Constants of a query that are none: texts that are no time, intervals without a unit, unknown units, placeholders. Found in
//! the text, before DataFusion takes them for something else.

use std::ops::ControlFlow;

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use sqlparser::ast::{
    CeilFloorKind, DateTimeField, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Ident, Interval, SelectItem, Spanned, TypedString, Value, Visit, Visitor,
};
use sqlparser::tokenizer::Span;

use crate::error::{Result, SqlError, suggestion};
use crate::statement::parse_type_text;

/// The units of time.
const LENGTHS: [&str; 10] = [
    "MICROSECOND",
    "MILLISECOND",
    "SECOND",
    "MINUTE",
    "HOUR",
    "DAY",
    "WEEK",
    "MONTH",
    "QUARTER",
    "YEAR",
];

/// Refuses them, at their place.
pub(super) fn check<T: Visit>(node: &T) -> Result<()> {
    match Visit::visit(node, &mut Constants) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Constants;

impl Visitor for Constants {
    type Break = SqlError;

    fn pre_visit_select(&mut self, select: &sqlparser::ast::Select) -> ControlFlow<SqlError> {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias {
                expr: Expr::Interval(interval),
                alias,
            } = item
            {
                broken(unit_given(interval, Some(alias)))?;
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<SqlError> {
        broken(match expr {
            Expr::TypedString(text) => is_time(text),
            Expr::Interval(interval) => unit_given(interval, None),
            Expr::Extract { field, .. } => unit(field, expr.span()),
            Expr::Floor {
                field: CeilFloorKind::DateTimeField(field),
                ..
            }
            | Expr::Ceil {
                field: CeilFloorKind::DateTimeField(field),
                ..
            } => unit(field, expr.span()),
            Expr::Function(function) => first_is_unit(function),
            Expr::Value(value) => match &value.value {
                Value::Placeholder(name) => Err(placeholder(name, value.span)),
                _ => Ok(()),
            },
            _ => Ok(()),
        })
    }
}

fn broken(found: Result<()>) -> ControlFlow<SqlError> {
    match found {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

fn placeholder(name: &str, span: Span) -> SqlError {
    SqlError::unsupported(format!("'{name}' stands for a value that nobody gives"))
        .at(span)
        .with_hint("write the value itself")
}

/// `DATE '…'`, `TIME '…'` and `TIMESTAMP '…'`.
fn is_time(text: &TypedString) -> Result<()> {
    let Some(value) = text.value.value.clone().into_string() else {
        return Ok(());
    };
    let Ok(data_type) = parse_type_text(&text.data_type.to_string()) else {
        return Ok(());
    };
    let (name, example) = match data_type {
        DataType::Date32 => ("DATE", "2024-01-31"),
        DataType::Time32(_) | DataType::Time64(_) => ("TIME", "12:00:00"),
        DataType::Timestamp(_, _) => ("TIMESTAMP", "2024-01-31 12:00:00"),
        _ => return Ok(()),
    };
    match ScalarValue::from(value.as_str()).cast_to(&data_type) {
        Ok(_) => Ok(()),
        Err(_) => Err(SqlError::invalid(format!("'{value}' is not a {name}"))
            .at(text.value.span)
            .with_hint(format!("write {name} '{example}'"))),
    }
}

/// `INTERVAL '5'` needs a unit; a word after it that is none is taken for the name of a column.
fn unit_given(interval: &Interval, alias: Option<&Ident>) -> Result<()> {
    let (None, Expr::Value(value)) = (&interval.leading_field, interval.value.as_ref()) else {
        return Ok(());
    };
    let Some(text) = value.value.clone().into_string() else {
        return Ok(());
    };
    if text.trim().parse::<f64>().is_err() {
        return Ok(());
    }
    Err(match alias {
        Some(alias) => unknown_unit(&alias.value, alias.span),
        None => SqlError::invalid("an INTERVAL without a unit")
            .at(value.span)
            .with_hint(format!("write INTERVAL '{text}' SECOND")),
    })
}

fn unit(field: &DateTimeField, span: Span) -> Result<()> {
    match field {
        DateTimeField::Custom(ident) => Err(unknown_unit(
            &ident.value,
            match ident.span == Span::empty() {
                true => span,
                false => ident.span,
            },
        )),
        _ => Ok(()),
    }
}

/// `TIMESTAMPDIFF(unit, …)` and `TIMESTAMPADD(unit, …)`.
fn first_is_unit(function: &Function) -> Result<()> {
    let name = function.name.to_string().to_ascii_lowercase();
    let FunctionArguments::List(list) = &function.args else {
        return Ok(());
    };
    let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(first)))) =
        list.args.first()
    else {
        return Ok(());
    };
    let is_known = |unit: &str| {
        let unit = unit.to_ascii_uppercase();
        LENGTHS.contains(&unit.strip_prefix("SQL_TSI_").unwrap_or(&unit))
    };
    let takes_unit = matches!(name.as_str(), "timestampdiff" | "timestampadd");
    match takes_unit && !is_known(&first.value) {
        true => Err(unknown_unit(&first.value, first.span)),
        false => Ok(()),
    }
}

fn unknown_unit(name: &str, span: Span) -> SqlError {
    let near = suggestion(name, LENGTHS);
    let all = || format!("the units are {}", LENGTHS.join(", "));
    SqlError::invalid(format!("unknown unit of time '{name}'"))
        .at(span)
        .with_hint(near.unwrap_or_else(all))
}
