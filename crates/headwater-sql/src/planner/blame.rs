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
use crate::statement::parse_type_text;

/// A query in the text of its statement.
#[derive(Debug, Clone)]
pub struct QueryPlace {
    span: Span,
    /// All that it computes; empty where that is not known.
    texts: Arc<[Written]>,
}

/// Something that is computed, in the text that it is written in.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    /// Whose text it is; `None`: the query's own.
    of: Option<String>,
    ast: Computed,
}

#[derive(Debug, Clone)]
enum Computed {
    Query(Box<Ast>),
    Column(Box<Expr>),
}

impl Written {
    /// What is written in the query itself.
    pub(crate) fn here(query: &Ast) -> Self {
        Self {
            of: None,
            ast: Computed::Query(Box::new(query.clone())),
        }
    }

    /// A query in the text of a view.
    pub(crate) fn elsewhere(of: String, query: &Ast) -> Self {
        Self {
            of: Some(of),
            ..Self::here(query)
        }
    }

    /// A computed column.
    pub(crate) fn column(of: String, expr: &Expr) -> Self {
        Self {
            of: Some(of),
            ast: Computed::Column(Box::new(expr.clone())),
        }
    }

    fn visit<V: Visitor>(&self, visitor: &mut V) -> ControlFlow<V::Break> {
        match &self.ast {
            Computed::Query(query) => Visit::visit(query, visitor),
            Computed::Column(expr) => Visit::visit(expr, visitor),
        }
    }
}

impl QueryPlace {
    /// A query that stands at `span`, and computes what is in `texts`.
    pub(crate) fn new(span: Span, texts: Vec<Written>) -> Self {
        Self {
            span,
            texts: texts.into(),
        }
    }

    /// The error with its place: its own, else the only expression that it can be about, else the query. An expression in
    /// another text is named.
    #[must_use]
    pub fn locate(&self, error: SqlError) -> SqlError {
        let found = match error.place() {
            None => self.blamed(error.message()),
            Some(_) => None,
        };
        match found {
            Some((None, place)) => error.at_place(Some(place)),
            Some((Some(of), place)) => error
                .within(&format!("{of} ({})", shown(place)))
                .at_place(Place::from_span(self.span)),
            None => error.at_place(Place::from_span(self.span)),
        }
    }

    /// Why a row cannot be computed, with the place of the only expression that this can be about.
    #[must_use]
    pub fn reason(&self, reason: &str) -> String {
        match self.blamed(reason) {
            Some((None, place)) => format!("{reason} ({})", shown(place)),
            Some((Some(of), place)) => format!("{reason} ({of}, {})", shown(place)),
            None => reason.to_owned(),
        }
    }

    fn blamed(&self, message: &str) -> Option<(Option<&str>, Place)> {
        let (text, span) = blamed(message, &self.texts)?;
        Some((text.of.as_deref(), Place::from_span(span)?))
    }
}

fn shown(place: Place) -> String {
    format!("line {}, column {}", place.line, place.column)
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

fn blamed<'a>(message: &str, texts: &'a [Written]) -> Option<(&'a Written, Span)> {
    if let Some(found) = NO_VALUE.captures(message) {
        let value = found.name("text").or(found.name("value"))?.as_str();
        let written = only(texts, |e| is_constant(e, value));
        let data_type = parse_type_text(&found["type"]).ok()?;
        return written.or_else(|| only(texts, |e| is_cast(e, &data_type)));
    }
    if SUM.is_match(message) {
        return only(texts, is_sum);
    }
    if message == "division by zero" {
        return only(texts, may_divide_by_zero);
    }
    let sign = OVERFLOW.captures(message)?;
    let is_computed =
        |e: &Expr| matches!(e, Expr::BinaryOp { op, .. } if op.to_string() == sign[1]);
    let is_written = |e: &Expr| message.starts_with(&format!("{e} does not fit"));
    only(texts, |e| is_computed(e) && is_written(e)).or_else(|| only(texts, is_computed))
}

/// The place of the one expression that `wanted` holds for.
fn only(texts: &[Written], wanted: impl Fn(&Expr) -> bool) -> Option<(&Written, Span)> {
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
    let mut found = Vec::new();
    let mut search = Search(wanted, Vec::new());
    for text in texts {
        let ControlFlow::Continue(()) = text.visit(&mut search);
        found.extend(search.1.drain(..).map(|span| (text, span)));
    }
    match found[..] {
        [(text, span)] if span != Span::empty() => Some((text, span)),
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
