//! Where in a query the thing stands that an error names. DataFusion does not say it of most errors.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, JoinConstraint, JoinOperator, Select, Spanned, Value, Visit, Visitor, visit_expressions,
};
use sqlparser::tokenizer::Span;

use super::convert;
use crate::error::{Place, Result, SqlError, SqlErrorKind};
use crate::statement::parse_type_text;

/// The error with a place: its own, else that of what it names first, else `fallback`.
pub(super) fn place<T: Visit>(
    error: datafusion_common::DataFusionError,
    node: &T,
    fallback: Span,
) -> SqlError {
    let error = convert::convert(error, None);
    let named = error.message().split('\'').nth(1).map(str::to_owned);
    let found = named.and_then(|name| {
        let column = name.rsplit_once('.').map(|(_, column)| column.to_owned());
        find(node, name).or_else(|| find(node, column?))
    });
    let error = match found {
        Some(span) => error.at(span),
        None => error.at(fallback),
    };
    text_in_double_quotes(error, node)
}

/// A column that is not there, in double quotes, may be meant as a text.
fn text_in_double_quotes<T: Visit>(error: SqlError, node: &T) -> SqlError {
    let has_near = |hint: &str| hint.starts_with("did you mean");
    if error.kind() != SqlErrorKind::NotFound || error.hint().is_some_and(has_near) {
        return error;
    }
    let found = visit_expressions(node, |expr| match expr {
        Expr::Identifier(ident)
            if ident.quote_style == Some('"')
                && Place::from_span(ident.span).is_some_and(|p| Some(p) == error.place()) =>
        {
            ControlFlow::Break(ident.value.clone())
        }
        _ => ControlFlow::Continue(()),
    });
    match found {
        ControlFlow::Break(text) => error.with_hint(format!("a text has single quotes: '{text}'")),
        ControlFlow::Continue(()) => error,
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

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Span> {
        let joins = select.from.iter().flat_map(|t| &t.joins);
        for join in joins {
            if let Some(JoinConstraint::Using(names)) = constraint(&join.join_operator)
                && let Some(name) = names.iter().find(|n| n.to_string() == self.0)
            {
                return ControlFlow::Break(name.span());
            }
        }
        ControlFlow::Continue(())
    }

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

fn constraint(join: &JoinOperator) -> Option<&JoinConstraint> {
    use JoinOperator as Join;
    match join {
        Join::Join(c)
        | Join::Inner(c)
        | Join::Left(c)
        | Join::LeftOuter(c)
        | Join::Right(c)
        | Join::RightOuter(c)
        | Join::FullOuter(c) => Some(c),
        _ => None,
    }
}
