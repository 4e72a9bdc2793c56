//! Fields of ROW columns that do not exist: found before planning, because DataFusion does not say where they are.

use std::convert::Infallible;
use std::ops::ControlFlow;

use datafusion_common::DataFusionError;
use sqlparser::ast::{Expr, Ident, Visit, Visitor};

use crate::error::SqlError;

/// Gives the error about a missing field the place of the name in the query.
pub(super) fn locate<T: Visit>(error: DataFusionError, node: &T) -> DataFusionError {
    let text = error.strip_backtrace();
    let Some(name) = missing_field(&text) else {
        return error;
    };
    let mut finder = Finder { name, found: None };
    let ControlFlow::Continue(()) = Visit::visit(node, &mut finder);
    let Finder { name, found } = finder;
    let row = found.as_ref().map(|(_, row)| format!(" in '{row}'"));
    let message = format!("field '{name}' not found{}", row.unwrap_or_default());
    let error = SqlError::not_found(message);
    match found {
        Some((field, _)) => error.at(field.span).into(),
        None => error.into(),
    }
}

fn missing_field(text: &str) -> Option<String> {
    let start = text.find("Field ")? + "Field ".len();
    let end = text[start..].find(" not found in struct")?;
    Some(text[start..start + end].trim_matches('\'').to_owned())
}

struct Finder {
    name: String,
    found: Option<(Ident, String)>,
}

impl Visitor for Finder {
    type Break = Infallible;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Infallible> {
        if let Expr::CompoundIdentifier(parts) = expr
            && let Some(at) = parts.iter().skip(1).position(|p| p.value == self.name)
        {
            self.found = Some((parts[at + 1].clone(), parts[at].value.clone()));
        }
        ControlFlow::Continue(())
    }
}
