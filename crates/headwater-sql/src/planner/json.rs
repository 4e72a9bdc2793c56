//! `JSON_OBJECT`, `JSON_ARRAY`, their aggregates and `JSON_VALUE … RETURNING`: calls with words in them, as plain calls.

use sqlparser::ast::{
    CastKind, DataType, Expr, Function, FunctionArgumentClause, FunctionArguments, JsonNullClause,
    Value,
};

use super::call::{call, parts, with_args};

/// What the call stands for, if it is one of them; its arguments stand for themselves already.
pub(super) fn meaning(f: &Function, name: &str, args: &[Expr]) -> Option<Expr> {
    let clauses: &[FunctionArgumentClause] = match &f.args {
        FunctionArguments::List(list) => &list.clauses,
        _ => &[],
    };
    let nulls = clauses.iter().find_map(|c| match c {
        FunctionArgumentClause::JsonNullClause(clause) => Some(clause),
        _ => None,
    });
    let (leaves_out, values) = match name {
        "json_object" => (
            matches!(nulls, Some(JsonNullClause::AbsentOnNull)),
            args.iter().skip(1).step_by(2).collect::<Vec<_>>(),
        ),
        "json_array" => (
            !matches!(nulls, Some(JsonNullClause::NullOnNull)),
            args.iter().collect(),
        ),
        "json_value" => return returning(clauses, args),
        "json_objectagg" | "json_arrayagg" => return aggregate(f, name, args),
        _ => return None,
    };
    let is_json = |value: &&Expr| {
        let name = parts(value).map(|(name, _)| name);
        name.is_some_and(|name| ["json_object", "json_array"].contains(&name.as_str()))
    };
    let letters = values.iter().map(|v| if is_json(v) { 'j' } else { 'v' });
    let first = if leaves_out { 'a' } else { 'n' };
    let shape: String = std::iter::once(first).chain(letters).collect();
    let shape = Expr::value(Value::SingleQuotedString(shape));
    let args = std::iter::once(shape).chain(args.iter().cloned());
    Some(call(name, args.collect()))
}

/// An aggregate: the document of all documents with one entry each.
fn aggregate(f: &Function, name: &str, args: &[Expr]) -> Option<Expr> {
    let (of_one, joined) = match (name, args) {
        ("json_objectagg", [_, _]) => ("json_object", "json_object_of"),
        ("json_arrayagg", [_]) => ("json_array", "json_array_of"),
        _ => return None,
    };
    let entry = meaning(f, of_one, args)?;
    let mut collected = with_args(f, "array_agg", vec![entry]);
    if let Expr::Function(Function {
        args: FunctionArguments::List(list),
        ..
    }) = &mut collected
    {
        let is_ours =
            |c: &FunctionArgumentClause| matches!(c, FunctionArgumentClause::JsonNullClause(_));
        list.clauses.retain(|clause| !is_ours(clause));
    }
    Some(call(joined, vec![collected]))
}

/// `JSON_VALUE(json, path RETURNING type)`: what is no such value is NULL.
fn returning(clauses: &[FunctionArgumentClause], args: &[Expr]) -> Option<Expr> {
    let data_type: &DataType = clauses.iter().find_map(|c| match c {
        FunctionArgumentClause::JsonReturningClause(clause) => Some(&clause.data_type),
        _ => None,
    })?;
    Some(Expr::Cast {
        kind: CastKind::TryCast,
        expr: Box::new(call("json_value", args.to_vec())),
        data_type: data_type.clone(),
        format: None,
        array: false,
    })
}
