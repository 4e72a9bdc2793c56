//! The auxiliary functions of group windows, outside of GROUP BY: `TUMBLE_START(…)` and its like, and Arroyo's window as a value.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Ident, Query, Spanned, Value, VisitMut, VisitorMut};

use super::call::GroupWindow;
use crate::error::{Result, SqlError};
use crate::planner::call::{call, parts};
use crate::statement::WINDOW_FUNCTIONS;

/// Replaces what is said of a window by the columns of its table function.
pub(super) struct Auxiliary<'a> {
    window: Option<&'a GroupWindow>,
    /// `TUMBLE_ROWTIME` stands somewhere.
    pub(super) uses_time: bool,
    /// Inside of how many subqueries: they have windows of their own.
    depth: usize,
}

impl<'a> Auxiliary<'a> {
    /// Auxiliary of `window`; `None`: the query groups by none.
    pub(super) fn new(window: Option<&'a GroupWindow>) -> Self {
        Self {
            window,
            uses_time: false,
            depth: 0,
        }
    }

    /// Replaces in `node`.
    pub(super) fn replace<T: VisitMut>(&mut self, node: &mut T) -> Result<()> {
        match VisitMut::visit(node, self) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(error),
        }
    }

    fn part(&mut self, expr: &Expr) -> Result<Option<Expr>> {
        if let Some(window) = self.window
            && window.time.is_none()
            && window.is(expr)
        {
            return Ok(Some(window_row(expr)));
        }
        let Some((name, args)) = parts(expr) else {
            return Ok(None);
        };
        let upper = name.to_ascii_uppercase();
        let known = WINDOW_FUNCTIONS.iter().find_map(|f| {
            let part = upper.strip_prefix(f)?.strip_prefix('_')?;
            ["START", "END", "ROWTIME", "PROCTIME"]
                .contains(&part)
                .then_some((*f, part))
        });
        let Some((of, part)) = known else {
            return Ok(None);
        };
        self.check(expr, &upper, of, &args)?;
        let column = match part {
            "START" => "window_start",
            "END" => "window_end",
            "PROCTIME" => return Ok(Some(call("PROCTIME", Vec::new()))),
            _ => {
                self.uses_time = true;
                "window_time"
            }
        };
        Ok(Some(Expr::Identifier(Ident::with_span(
            expr.span(),
            column,
        ))))
    }

    /// The call speaks of the window that the query groups by.
    fn check(&self, expr: &Expr, name: &str, of: &str, args: &[Expr]) -> Result<()> {
        let same = |w: &GroupWindow| {
            let own = w.time.iter().chain(&w.lengths);
            let own: Vec<String> = own.map(ToString::to_string).collect();
            let given: Vec<String> = args.iter().map(ToString::to_string).collect();
            w.function == of && own.join(",").eq_ignore_ascii_case(&given.join(","))
        };
        if self.window.is_some_and(same) {
            return Ok(());
        }
        let shown: Vec<String> = args.iter().map(ToString::to_string).collect();
        let shown = shown.join(", ");
        Err(
            SqlError::invalid(format!("{name}({shown}) needs GROUP BY {of}({shown})"))
                .at(expr.span())
                .with_hint("it says where the window begins or ends that the query groups by"),
        )
    }
}

/// Arroyo's window as a value: a row of its start and its end.
fn window_row(at: &Expr) -> Expr {
    let column = |name| Expr::Identifier(Ident::with_span(at.span(), name));
    let text = |name: &str| Expr::value(Value::SingleQuotedString(name.to_owned()));
    call(
        "named_struct",
        vec![
            text("start"),
            column("window_start"),
            text("end"),
            column("window_end"),
        ],
    )
}

impl VisitorMut for Auxiliary<'_> {
    type Break = SqlError;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<SqlError> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<SqlError> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        if self.depth > 0 {
            return ControlFlow::Continue(());
        }
        match self.part(expr) {
            Ok(Some(part)) => {
                *expr = part;
                ControlFlow::Continue(())
            }
            Ok(None) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}
