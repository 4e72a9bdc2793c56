//! Which expression of a query an error is about that came up while values were computed. Kernels know values and types, not
//! places: an expression is named only where no other one of the query can have failed like this.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::DataType;
use regex::Regex;
use sqlparser::ast::{BinaryOperator, Expr, Query as Ast, Spanned, Value, Visit, Visitor};
use sqlparser::tokenizer::Span;

use crate::error::{Place, SqlError};
use crate::statement::{Query, parse_type_text};

/// A query in the text of its statement.
#[derive(Debug, Clone)]
pub struct QueryPlace {
    span: Span,
    /// Unless what it computes stands in other texts, too.
    ast: Option<Arc<Ast>>,
}

impl QueryPlace {
    /// Where `query` stands; `is_whole`: all that it computes is written in it.
    pub(crate) fn new(query: &Query, is_whole: bool) -> Self {
        Self {
            span: query.span,
            ast: is_whole.then(|| Arc::new((*query.ast).clone())),
        }
    }

    /// The error with its place: its own, else the only expression that it can be about, else the query.
    #[must_use]
    pub fn locate(&self, error: SqlError) -> SqlError {
        let found = match error.place() {
            None => self.ast.as_ref().and_then(|ast| blamed(&error, ast)),
            Some(_) => None,
        };
        error.at_place(Place::from_span(found.unwrap_or(self.span)))
    }
}

static NO_VALUE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:'(?<text>.*)' is not a(?: value of type)?|the value (?<value>.*) does not fit into) (?<type>[A-Z].*)$")
        .expect("is a pattern")
});
static SUM: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("^the sum .* does not fit into ").expect("is a pattern"));
static OVERFLOW: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\S+ ([-+*/%]) \S+ does not fit into the type of its operands$")
        .expect("is a pattern")
});

fn blamed(error: &SqlError, ast: &Ast) -> Option<Span> {
    let message = error.message();
    if let Some(found) = NO_VALUE.captures(message) {
        let value = found.name("text").or(found.name("value"))?.as_str();
        let written = only(ast, |e| is_constant(e, value));
        let data_type = parse_type_text(&found["type"]).ok()?;
        return written.or_else(|| only(ast, |e| is_cast(e, &data_type)));
    }
    if SUM.is_match(message) {
        return only(ast, is_sum);
    }
    if message == "division by zero" {
        return only(ast, may_divide_by_zero);
    }
    let sign = OVERFLOW.captures(message)?;
    let is_computed =
        |e: &Expr| matches!(e, Expr::BinaryOp { op, .. } if op.to_string() == sign[1]);
    let is_written = |e: &Expr| message.starts_with(&format!("{e} does not fit"));
    only(ast, |e| is_computed(e) && is_written(e)).or_else(|| only(ast, is_computed))
}

/// The place of the one expression that `wanted` holds for.
fn only(ast: &Ast, wanted: impl Fn(&Expr) -> bool) -> Option<Span> {
    struct Search<F>(F, Vec<Span>);
    impl<F: Fn(&Expr) -> bool> Visitor for Search<F> {
        type Break = Infallible;

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Infallible> {
            if (self.0)(expr) {
                self.1.push(expr.span());
            }
            ControlFlow::Continue(())
        }
    }
    let mut search = Search(wanted, Vec::new());
    let ControlFlow::Continue(()) = Visit::visit(ast, &mut search);
    match search.1[..] {
        [span] if span != Span::empty() => Some(span),
        _ => None,
    }
}

fn is_constant(expr: &Expr, value: &str) -> bool {
    let Expr::Value(constant) = expr else {
        return false;
    };
    match &constant.value {
        Value::SingleQuotedString(text) => text == value,
        Value::Number(number, _) => *number == *value.trim_start_matches('-'),
        _ => false,
    }
}

fn is_cast(expr: &Expr, to: &DataType) -> bool {
    match expr {
        Expr::Cast { data_type, .. } => {
            parse_type_text(&data_type.to_string()).is_ok_and(|t| t == *to)
        }
        _ => false,
    }
}

fn is_sum(expr: &Expr) -> bool {
    let names = ["sum", "avg", "mean"];
    matches!(expr, Expr::Function(f) if names.contains(&f.name.to_string().to_lowercase().as_str()))
}

/// A division, unless it is one by a number.
fn may_divide_by_zero(expr: &Expr) -> bool {
    let is_zero = |text: &str| text.parse::<f64>().is_ok_and(|n| n == 0.0);
    let may_be_zero = |expr: &Expr| match expr {
        Expr::Value(constant) => match &constant.value {
            Value::Number(number, _) => is_zero(&number.to_string()),
            _ => true,
        },
        _ => true,
    };
    match expr {
        Expr::BinaryOp {
            op: BinaryOperator::Divide | BinaryOperator::Modulo,
            right,
            ..
        } => may_be_zero(right),
        Expr::Function(f) => f.name.to_string().eq_ignore_ascii_case("mod"),
        _ => false,
    }
}
