//! Functions that are other spellings of expressions: rewritten before planning, so that types and laziness are those
//! of the expression. `MOD(a, b)`, `IF(c, a, b)`, `TIMESTAMPDIFF(SECOND, …)`, `FLOOR(ts TO HOUR)`, `UNIX_TIMESTAMP()`.

use std::convert::Infallible;
use std::ops::ControlFlow;

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    AccessExpr, BinaryOperator, CaseWhen, CeilFloorKind, DateTimeField, Expr, Function, Interval,
    Value, VisitMut, VisitorMut,
};

use super::call::{arguments, call, with_args};
use super::json;

/// Stands for `MAP[key, value, …]`.
const MAP: &str = crate::statement::MAP_FUNCTION;

/// Names of Flink's for functions that have another one here.
const RENAMED: [(&str, &str); 7] = [
    ("variance", "var_samp"),
    ("approx_count_distinct", "approx_distinct"),
    ("truncate", "trunc"),
    ("startswith", "starts_with"),
    ("endswith", "ends_with"),
    ("map_from_arrays", "map"),
    ("array_remove", "array_remove_all"),
];

/// Rewrites every such call in `node`.
pub(super) fn rewrite<T: VisitMut>(node: &mut T) {
    let ControlFlow::Continue(()) = VisitMut::visit(node, &mut Sugar);
}

struct Sugar;

impl VisitorMut for Sugar {
    type Break = Infallible;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Infallible> {
        if let Expr::CompoundFieldAccess { access_chain, .. } = expr {
            name_fields(access_chain);
        }
        if let Some(meant) = meaning(expr) {
            *expr = meant;
        }
        ControlFlow::Continue(())
    }
}

/// `a[1].b` is `a[1]['b']`.
fn name_fields(chain: &mut [AccessExpr]) {
    let mut is_after_subscript = false;
    for access in chain {
        match access {
            AccessExpr::Subscript(_) => is_after_subscript = true,
            AccessExpr::Dot(Expr::Identifier(ident)) if is_after_subscript => {
                *access = AccessExpr::Dot(text(&ident.value));
            }
            AccessExpr::Dot(_) => {}
        }
    }
}

fn meaning(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Floor {
            expr,
            field: CeilFloorKind::DateTimeField(field),
        } if *field != DateTimeField::NoDateTime => Some(truncated(expr, field)),
        Expr::Ceil {
            expr,
            field: CeilFloorKind::DateTimeField(field),
        } if *field != DateTimeField::NoDateTime => Some(raised(expr, field)),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Overlaps,
            right,
        } => overlap(left, right),
        Expr::Function(f) => function(f),
        _ => None,
    }
}

/// `(start, end) OVERLAPS (start, end)`; an end may be an interval from the start on, and stand first if it is earlier.
fn overlap(left: &Expr, right: &Expr) -> Option<Expr> {
    let bounds = |period: &Expr| {
        let Expr::Tuple(points) = period else {
            return None;
        };
        let [start, end] = points.as_slice() else {
            return None;
        };
        let end = match end {
            Expr::Interval(_) => Expr::Nested(Box::new(binary(
                start.clone(),
                BinaryOperator::Plus,
                end.clone(),
            ))),
            end => end.clone(),
        };
        let both = vec![start.clone(), end];
        Some((call("least", both.clone()), call("greatest", both)))
    };
    let ((first, last), (other_first, other_last)) = (bounds(left)?, bounds(right)?);
    Some(Expr::Nested(Box::new(binary(
        binary(first, BinaryOperator::LtEq, other_last),
        BinaryOperator::And,
        binary(other_first, BinaryOperator::LtEq, last),
    ))))
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    }
}

fn function(f: &Function) -> Option<Expr> {
    let name = f.name.to_string().to_ascii_lowercase();
    let args = arguments(f)?;
    if let Some(json) = json::meaning(f, &name, &args) {
        return Some(json);
    }
    if let Some((_, ours)) = RENAMED.iter().find(|(theirs, _)| *theirs == name) {
        return Some(with_args(f, ours, args));
    }
    match (name.as_str(), args.as_slice()) {
        ("mod", [a, b]) => Some(Expr::Nested(Box::new(Expr::BinaryOp {
            left: Box::new(nested(a)),
            op: BinaryOperator::Modulo,
            right: Box::new(nested(b)),
        }))),
        ("if", [condition, then, otherwise]) => Some(Expr::Case {
            case_token: AttachedToken::empty(),
            end_token: AttachedToken::empty(),
            operand: None,
            conditions: vec![CaseWhen {
                condition: condition.clone(),
                result: then.clone(),
            }],
            else_result: Some(Box::new(otherwise.clone())),
        }),
        ("timestampdiff" | "timestampadd", [Expr::Identifier(unit), a, b]) => {
            let unit = text(&unit.value);
            Some(call(&f.name.to_string(), vec![unit, a.clone(), b.clone()]))
        }
        ("sign", [x]) => Some(call("signum", vec![x.clone()])),
        ("collect", [x]) => {
            let values = with_args(f, "array_agg", vec![x.clone()]);
            Some(call("multiset", vec![values]))
        }
        ("listagg", [x]) => Some(with_args(f, "string_agg", vec![x.clone(), text(",")])),
        ("listagg", [x, separator]) => Some(with_args(
            f,
            "string_agg",
            vec![x.clone(), separator.clone()],
        )),
        (MAP, entries) if entries.len() % 2 == 0 => {
            let of = |first: usize| entries.iter().skip(first).step_by(2).cloned().collect();
            let (keys, values) = (call("make_array", of(0)), call("make_array", of(1)));
            Some(call("map", vec![keys, values]))
        }
        ("array_sort", [array, rest @ ..]) => array_order(rest).map(|order| {
            let args = std::iter::once(array.clone()).chain(order);
            with_args(f, "array_sort", args.collect())
        }),
        ("array_prepend", [array, element]) => Some(with_args(
            f,
            "array_prepend",
            vec![element.clone(), array.clone()],
        )),
        ("greatest" | "least", [_, _, ..]) => Some(unless_null(f, &args)),
        ("unix_timestamp", []) => Some(call("to_unixtime", vec![call("now", Vec::new())])),
        _ => None,
    }
}

/// The call, or NULL if one of its arguments is NULL.
fn unless_null(f: &Function, args: &[Expr]) -> Expr {
    let is_null = args.iter().map(|arg| Expr::IsNull(Box::new(nested(arg))));
    let any = is_null.reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::Or,
        right: Box::new(right),
    });
    let called = Expr::Function(f.clone());
    let Some(any) = any else { return called };
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen {
            condition: any,
            result: Expr::value(Value::Null),
        }],
        else_result: Some(Box::new(called)),
    }
}

/// What `ARRAY_SORT(array, ascending, nulls first)` says of the order in Flink; there NULL comes first if it is ascending.
fn array_order(said: &[Expr]) -> Option<[Expr; 2]> {
    let flag = |expr: &Expr| match expr {
        Expr::Value(value) => match value.value {
            Value::Boolean(flag) => Some(flag),
            _ => None,
        },
        _ => None,
    };
    let ascending = flag(said.first()?)?;
    let nulls_first = match said.get(1) {
        Some(said) => flag(said)?,
        None => ascending,
    };
    let order = if ascending { "ASC" } else { "DESC" };
    let nulls = if nulls_first {
        "NULLS FIRST"
    } else {
        "NULLS LAST"
    };
    Some([text(order), text(nulls)])
}

fn nested(expr: &Expr) -> Expr {
    match expr {
        Expr::BinaryOp { .. } => Expr::Nested(Box::new(expr.clone())),
        other => other.clone(),
    }
}

/// `FLOOR(ts TO HOUR)`, with the type that `ts` has.
fn truncated(expr: &Expr, field: &DateTimeField) -> Expr {
    let unit = text(&field.to_string().to_ascii_lowercase());
    call("date_trunc", vec![unit, expr.clone()])
}

/// `CEIL(ts TO HOUR)`: the next full hour, unless it is one.
fn raised(expr: &Expr, field: &DateTimeField) -> Expr {
    let floor = truncated(expr, field);
    let unit = Expr::Interval(Interval {
        value: Box::new(text("1")),
        leading_field: Some(field.clone()),
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    });
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen {
            condition: binary(floor.clone(), BinaryOperator::Eq, expr.clone()),
            result: expr.clone(),
        }],
        else_result: Some(Box::new(binary(floor, BinaryOperator::Plus, unit))),
    }
}

fn text(value: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(value.to_owned()))
}
