//! Where in a query the thing stands that an error names. DataFusion does not say it of most errors.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Spanned, Value, Visit, Visitor};
use sqlparser::tokenizer::Span;

use super::convert;
use crate::error::{Result, SqlError};
use crate::statement::parse_type_text;

/// The error with a place: its own, else that of what it names first, else `fallback`.
pub(super) fn place<T: Visit>(
    error: datafusion_common::DataFusionError,
    node: &T,
    fallback: Span,
) -> SqlError {
    let error = convert::convert(error, None);
    let named = error.message().split('\'').nth(1).map(str::to_owned);
    match named.and_then(|name| find(node, name)) {
        Some(span) => error.at(span),
        None => error.at(fallback),
    }
}

/// Refuses casts to types that nobody knows, at their place.
pub(super) fn check_types<T: Visit>(node: &T) -> Result<()> {
    struct Casts;
    impl Visitor for Casts {
        type Break = SqlError;

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<SqlError> {
            let Expr::Cast { data_type, .. } = expr else {
                return ControlFlow::Continue(());
            };
            match parse_type_text(&data_type.to_string()) {
                Ok(_) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error.moved_from_view(expr.span())),
            }
        }
    }
    match Visit::visit(node, &mut Casts) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

fn find<T: Visit>(node: &T, name: String) -> Option<Span> {
    match Visit::visit(node, &mut Finder(name)) {
        ControlFlow::Break(span) => Some(span),
        ControlFlow::Continue(()) => None,
    }
}

/// A column, function or text by its name.
struct Finder(String);

impl Finder {
    fn is(&self, expr: &Expr) -> bool {
        let name = self.0.as_str();
        match expr {
            Expr::Identifier(ident) => ident.value == name,
            Expr::CompoundIdentifier(parts) => {
                let parts: Vec<&str> = parts.iter().map(|p| p.value.as_str()).collect();
                parts.join(".") == name || parts.last() == Some(&name)
            }
            Expr::Function(f) => f.name.to_string().eq_ignore_ascii_case(name),
            Expr::Substring { .. } => name == "substr",
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) => text == name,
                other => other.to_string() == name,
            },
            _ => false,
        }
    }
}

impl Visitor for Finder {
    type Break = Span;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Span> {
        if !self.is(expr) {
            return ControlFlow::Continue(());
        }
        let span = match expr {
            Expr::Function(f) => f.name.span(),
            other => other.span(),
        };
        match span == Span::empty() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(span),
        }
    }
}
