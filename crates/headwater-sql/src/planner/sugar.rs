//! Functions that are other spellings of expressions: rewritten before planning, so that types and laziness are those
//! of the expression. `MOD(a, b)`, `IF(c, a, b)`, `TIMESTAMPDIFF(SECOND, …)`, `FLOOR(ts TO HOUR)`, `UNIX_TIMESTAMP()`.

use std::convert::Infallible;
use std::ops::ControlFlow;

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, CeilFloorKind, DateTimeField, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, Value, VisitMut, VisitorMut,
};

/// Rewrites every such call in `node`.
pub(super) fn rewrite<T: VisitMut>(node: &mut T) {
    let ControlFlow::Continue(()) = VisitMut::visit(node, &mut Sugar);
}

struct Sugar;

impl VisitorMut for Sugar {
    type Break = Infallible;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Infallible> {
        if let Some(meant) = meaning(expr) {
            *expr = meant;
        }
        ControlFlow::Continue(())
    }
}

fn meaning(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Floor {
            expr,
            field: CeilFloorKind::DateTimeField(field),
        } if *field != DateTimeField::NoDateTime => Some(truncated(expr, field)),
        Expr::Function(f) => function(f),
        _ => None,
    }
}

fn function(f: &Function) -> Option<Expr> {
    let name = f.name.to_string().to_ascii_lowercase();
    let args = arguments(f)?;
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
        ("unix_timestamp", []) => Some(call("to_unixtime", vec![call("now", Vec::new())])),
        _ => None,
    }
}

fn nested(expr: &Expr) -> Expr {
    match expr {
        Expr::BinaryOp { .. } => Expr::Nested(Box::new(expr.clone())),
        other => other.clone(),
    }
}

fn arguments(f: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &f.args else {
        return None;
    };
    let args = list.args.iter().map(|a| match a {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e.clone()),
        _ => None,
    });
    args.collect()
}

/// `FLOOR(ts TO HOUR)`, with the type that `ts` has.
fn truncated(expr: &Expr, field: &DateTimeField) -> Expr {
    let unit = text(&field.to_string().to_ascii_lowercase());
    call("date_trunc", vec![unit, expr.clone()])
}

fn text(value: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(value.to_owned()))
}

fn call(name: &str, args: Vec<Expr>) -> Expr {
    let args = args
        .into_iter()
        .map(|e| FunctionArg::Unnamed(FunctionArgExpr::Expr(e)));
    Expr::Function(Function {
        name: vec![Ident::new(name)].into(),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args.collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}
