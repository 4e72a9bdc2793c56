//! Whole numbers in the text are INT where they fit, as in Flink and PostgreSQL, so that `id % 2` has the type of `id`.
//! DataFusion takes them for BIGINT; they are cast where their type shows in that of a result. Constants among
//! themselves stay BIGINT and so do not overflow.

use std::convert::Infallible;
use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments,
    Query, Select, SelectItem, SetExpr, UnaryOperator, Value, VisitMut, VisitorMut,
};

/// Functions whose result has the type of their arguments, or is made of them.
const ALIKE: [&str; 11] = [
    "coalesce",
    "ifnull",
    "nvl",
    "nullif",
    "greatest",
    "least",
    "if",
    "array",
    "map",
    "make_array",
    "row",
];

/// Gives such numbers in `node` their type.
pub(super) fn rewrite<T: VisitMut>(node: &mut T) {
    let ControlFlow::Continue(()) = VisitMut::visit(node, &mut Literals);
}

struct Literals;

impl VisitorMut for Literals {
    type Break = Infallible;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Infallible> {
        of_body(&mut query.body);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Infallible> {
        match expr {
            Expr::BinaryOp { left, op, right } if is_arithmetic(op) => {
                match (is_small(left), is_small(right)) {
                    (true, false) => as_int(left),
                    (false, true) => as_int(right),
                    _ => {}
                }
            }
            Expr::Case {
                conditions,
                else_result,
                ..
            } => {
                conditions.iter_mut().for_each(|c| as_int(&mut c.result));
                else_result.iter_mut().for_each(|e| as_int(e));
            }
            Expr::Array(array) => array.elem.iter_mut().for_each(as_int),
            Expr::Tuple(fields) => fields.iter_mut().for_each(as_int),
            Expr::Function(function) => {
                let name = function.name.to_string().to_ascii_lowercase();
                if ALIKE.contains(&name.as_str())
                    && let FunctionArguments::List(list) = &mut function.args
                {
                    list.args.iter_mut().for_each(argument);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn of_body(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => of_select(select),
        SetExpr::Values(values) => {
            let rows = values.rows.iter_mut();
            rows.for_each(|row| row.content.iter_mut().for_each(as_int));
        }
        SetExpr::SetOperation { left, right, .. } => {
            of_body(left);
            of_body(right);
        }
        _ => {}
    }
}

fn of_select(select: &mut Select) {
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            as_int(expr);
        }
    }
}

fn argument(argument: &mut FunctionArg) {
    if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
        as_int(expr);
    }
}

fn is_arithmetic(op: &BinaryOperator) -> bool {
    use BinaryOperator as Op;
    matches!(
        op,
        Op::Plus | Op::Minus | Op::Multiply | Op::Divide | Op::Modulo
    )
}

/// Whether it is a whole number that an INT holds.
fn is_small(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(number, false) => number.to_string().parse::<i32>().is_ok(),
            _ => false,
        },
        Expr::UnaryOp {
            op: UnaryOperator::Minus | UnaryOperator::Plus,
            expr,
        } => is_small(expr),
        Expr::Nested(inner) => is_small(inner),
        _ => false,
    }
}

fn as_int(expr: &mut Expr) {
    if !is_small(expr) {
        return;
    }
    let number = std::mem::replace(expr, Expr::Value(Value::Null.into()));
    *expr = Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(number),
        data_type: DataType::Int(None),
        array: false,
        format: None,
    };
}
