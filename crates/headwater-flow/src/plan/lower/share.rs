//! Common subexpressions: what several expressions of a calc contain is computed once, also across its filter and its
//! projection.

use datafusion_common::Result;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_expr::expr::Case;
use datafusion_expr::{BinaryExpr, Expr, Operator};

use super::expr::{column, is_leaf};

/// Takes out of `exprs` what is in them more than once and is computed for every row that the first `always` of them see.
/// Gives it; its place in `exprs` take columns numbered from `first` on.
///
/// What is computed for some rows only (the right side of AND and OR, later branches of CASE) stays where it is, unless it
/// is computed for all rows elsewhere: it might fail for the others. So does what is another value each time.
pub(super) fn share(exprs: &mut [Expr], always: usize, first: usize) -> Result<Vec<Expr>> {
    let mut parts = Vec::new();
    for expr in exprs.iter() {
        expr.apply(|part| {
            parts.push(part);
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    let mut shared = Vec::new();
    for expr in &exprs[..always] {
        choose(expr, &parts, &mut shared);
    }
    if !shared.is_empty() {
        for expr in exprs {
            *expr = replace(std::mem::take(expr), &shared, first)?;
        }
    }
    Ok(shared)
}

/// Adds the largest parts of `expr` that are always computed and are there again.
fn choose(expr: &Expr, all: &[&Expr], shared: &mut Vec<Expr>) {
    if is_leaf(expr) {
        return;
    }
    let is_repeated = all.iter().filter(|part| **part == expr).nth(1).is_some();
    if is_repeated && expr.any_column_refs() && !expr.is_volatile() {
        if !shared.contains(expr) {
            shared.push(expr.clone());
        }
        return;
    }
    for part in always_computed(expr) {
        choose(part, all, shared);
    }
}

/// The arguments of `expr` that are computed whenever it is.
fn always_computed(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::And | Operator::Or,
            ..
        }) => vec![left],
        Expr::Case(Case {
            expr: Some(base), ..
        }) => vec![base],
        Expr::Case(case) => case
            .when_then_expr
            .first()
            .map(|(when, _)| when.as_ref())
            .into_iter()
            .collect(),
        Expr::ScalarFunction(call) => match call.func.conditional_arguments(&call.args) {
            Some((always, _)) => always,
            None => call.args.iter().collect(),
        },
        other => {
            let mut parts = Vec::new();
            let walked = other.apply_children(|part| {
                parts.push(part);
                Ok(TreeNodeRecursion::Continue)
            });
            if walked.is_ok() { parts } else { Vec::new() }
        }
    }
}

fn replace(expr: Expr, shared: &[Expr], first: usize) -> Result<Expr> {
    let replaced = expr.transform_down(|e| {
        Ok(match shared.iter().position(|s| *s == e) {
            Some(i) => Transformed::new(column(first + i), true, TreeNodeRecursion::Jump),
            None => Transformed::no(e),
        })
    })?;
    Ok(replaced.data)
}

#[cfg(test)]
mod tests {
    use datafusion_expr::{lit, when};

    use super::*;

    fn check(exprs: &[Expr], always: usize, want_shared: &str, want: &str) {
        let show = |exprs: &[Expr]| {
            let texts = exprs.iter().map(ToString::to_string);
            texts.collect::<Vec<_>>().join("; ")
        };
        let mut exprs = exprs.to_vec();
        let shared = share(&mut exprs, always, 9).expect("shares");
        assert_eq!(show(&shared), want_shared);
        assert_eq!(show(&exprs), want);
    }

    fn sum() -> Expr {
        column(0) + column(1)
    }

    #[test]
    fn the_largest_common_part_is_taken_out() {
        let (a, b) = ((sum() * lit(2)).gt(lit(5)), sum() * lit(2));
        check(&[a, b], 2, "(#0 + #1) * Int32(2)", "#9 > Int32(5); #9");
        check(&[column(0), column(0)], 2, "", "#0; #0");
        check(&[sum(), column(2) + column(1)], 2, "", "#0 + #1; #2 + #1");
    }

    #[test]
    fn what_some_rows_do_not_see_is_not_computed_for_them() {
        let guarded = column(0).gt(lit(0)).and(sum().gt(lit(1)));
        let text = "#0 > Int32(0) AND #0 + #1 > Int32(1); #0 + #1";
        check(&[guarded.clone(), sum()], 1, "", text);
        let text = "#0 > Int32(0) AND #9 > Int32(1); #9";
        check(&[guarded, sum()], 2, "#0 + #1", text);
        let case = when(column(0).gt(lit(0)), sum())
            .otherwise(sum())
            .expect("is whole");
        let text = "CASE WHEN #0 > Int32(0) THEN #0 + #1 ELSE #0 + #1 END";
        check(&[case], 1, "", text);
    }
}
