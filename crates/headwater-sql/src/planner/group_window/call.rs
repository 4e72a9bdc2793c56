//! What stands in a query where a window is meant.

use sqlparser::ast::Expr;

use crate::planner::call::parts;
use crate::statement::WINDOW_FUNCTIONS;

/// A window in GROUP BY.
#[derive(Debug, Clone)]
pub(super) struct GroupWindow {
    /// `TUMBLE`, `HOP`, `CUMULATE` or `SESSION`.
    pub(super) function: &'static str,
    /// The time column; `None`: that of the input, in Arroyo's spelling.
    pub(super) time: Option<Expr>,
    /// Everything after it.
    pub(super) lengths: Vec<Expr>,
    /// As written.
    pub(super) expr: Expr,
}

impl GroupWindow {
    /// The window that `expr` is, if it is one.
    pub(super) fn new(expr: &Expr) -> Option<Self> {
        let (name, mut args) = parts(expr)?;
        let function = WINDOW_FUNCTIONS
            .into_iter()
            .find(|f| f.eq_ignore_ascii_case(&name))?;
        let time = match args.first()? {
            Expr::Interval(_) => None,
            _ => Some(args.remove(0)),
        };
        (!args.is_empty()).then(|| Self {
            function,
            time,
            lengths: args,
            expr: expr.clone(),
        })
    }

    /// Whether `expr` says the same.
    pub(super) fn is(&self, expr: &Expr) -> bool {
        let same = |a: &Expr, b: &Expr| a.to_string().eq_ignore_ascii_case(&b.to_string());
        Self::new(expr).is_some() && same(&self.expr, expr)
    }
}
