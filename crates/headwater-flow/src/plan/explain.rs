//! The operators of a lowered plan as a tree, for EXPLAIN. What it says of an operator is also what makes state belong to
//! a plan, so it says nothing that may change while the plan does not.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, ScalarValue};
use datafusion_expr::Expr;

use super::lower::field_path;
use super::measure::Measure;
use super::names::type_name;
use crate::functions::narrowed;

/// An operator, and the operators whose rows it takes.
#[derive(Debug, Clone, Default)]
pub struct ExplainNode {
    /// What it is: `GroupAggregate`.
    pub operator: String,
    /// What there is to say of it, by name.
    pub details: Vec<(&'static str, String)>,
    /// What it did, if that is measured.
    pub measure: Option<Arc<Measure>>,
    /// Where its rows come from.
    pub inputs: Vec<ExplainNode>,
    /// The input of the circuit that it is.
    pub(crate) scan: Option<usize>,
}

impl ExplainNode {
    /// An operator without inputs.
    pub fn new(operator: impl Into<String>) -> Self {
        Self {
            operator: operator.into(),
            ..Self::default()
        }
    }

    /// Adds what there is to say, if it is something.
    #[must_use]
    pub fn with(mut self, name: &'static str, what: impl Into<String>) -> Self {
        let what = what.into();
        if !what.is_empty() {
            self.details.push((name, what));
        }
        self
    }

    /// The tree as text: an operator a line, what there is to say of it below, its inputs below that.
    pub fn render(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, "", "");
        out
    }

    fn write(&self, out: &mut String, first: &str, rest: &str) {
        line(out, first, &self.operator);
        let mut details = self.details.clone();
        details.extend(self.measure.as_ref().map(|m| ("measured", m.to_string())));
        let width = details.iter().map(|(name, _)| name.len()).max();
        let width = width.unwrap_or_default();
        let bar = if self.inputs.is_empty() { " " } else { "│" };
        for (name, what) in &details {
            line(out, rest, &format!("{bar}    {name:width$}  {what}"));
        }
        let last = self.inputs.len().saturating_sub(1);
        for (i, input) in self.inputs.iter().enumerate() {
            let (branch, below) = match i == last {
                true => ("└─ ", "   "),
                false => ("├─ ", "│  "),
            };
            input.write(out, &format!("{rest}{branch}"), &format!("{rest}{below}"));
        }
    }
}

/// The operators of a lowered pipeline: a tree an output.
#[derive(Debug, Clone, Default)]
pub struct Explain(pub Vec<ExplainNode>);

impl fmt::Display for Explain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trees: Vec<String> = self.0.iter().map(ExplainNode::render).collect();
        f.write_str(&trees.join("\n"))
    }
}

/// An expression as people write it: columns without their tables, literals as in SQL.
pub fn shown(expr: &Expr) -> String {
    shown_with(expr, &|column| Some(column.name.clone()))
}

/// As [`shown`], with names for columns; those without one keep theirs.
pub(crate) fn shown_with(expr: &Expr, name: &dyn Fn(&Column) -> Option<String>) -> String {
    let word = |text: String| {
        let word = Expr::Column(Column::new_unqualified(text));
        Ok(Transformed::new(word, true, TreeNodeRecursion::Jump))
    };
    let named = expr.clone().transform_down(|e| {
        if let Some((column, path)) = field_path(&e) {
            let base = name(column).unwrap_or_else(|| column.name.clone());
            return word(path.iter().fold(base, |text, field| text + &member(field)));
        }
        if let Some(sum) = narrowed(&e) {
            return word(shown_with(sum, name));
        }
        match &e {
            Expr::Cast(cast) => {
                let inner = shown_with(&cast.expr, name);
                word(format!(
                    "CAST({inner} AS {})",
                    type_name(cast.field.data_type())
                ))
            }
            Expr::TryCast(cast) => {
                let inner = shown_with(&cast.expr, name);
                word(format!(
                    "TRY_CAST({inner} AS {})",
                    type_name(cast.field.data_type())
                ))
            }
            Expr::Literal(value, _) => match literal(value) {
                Some(text) => word(text),
                None => Ok(Transformed::no(e)),
            },
            _ => Ok(Transformed::no(e)),
        }
    });
    match named {
        Ok(named) => readable(&named.data.human_display().to_string()),
        Err(_) => expr.to_string(),
    }
}

/// A field after the value that it is of.
fn member(field: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || c == '_';
    match field.chars().all(is_plain) {
        true => format!(".{field}"),
        false => format!("['{field}']"),
    }
}

/// A literal whose own way of showing itself is not SQL's.
fn literal(value: &ScalarValue) -> Option<String> {
    let text = value.to_string();
    Some(match value {
        ScalarValue::Utf8(Some(text)) => format!("'{}'", text.replace('\'', "''")),
        ScalarValue::IntervalMonthDayNano(Some(i)) => interval(
            i.months,
            i64::from(i.days) * 86_400_000_000 + i.nanoseconds / 1_000,
        ),
        _ if value.is_null() => "NULL".to_owned(),
        _ if value.data_type().is_temporal() => {
            let at = value.cast_to(&DataType::Utf8).ok()?;
            format!("'{at}'")
        }
        _ => text,
    })
}

/// `INTERVAL '5' SECOND`, in the largest unit that it is a whole number of.
fn interval(months: i32, micros: i64) -> String {
    const UNITS: [(&str, i64); 4] = [
        ("DAY", 86_400_000_000),
        ("HOUR", 3_600_000_000),
        ("MINUTE", 60_000_000),
        ("SECOND", 1_000_000),
    ];
    if months != 0 && micros == 0 {
        return format!("INTERVAL '{months}' MONTH");
    }
    let unit = UNITS.iter().find(|(_, length)| micros % length == 0);
    match unit {
        Some((unit, length)) if months == 0 => format!("INTERVAL '{}' {unit}", micros / length),
        _ => {
            let seconds = micros as f64 / 1e6;
            format!("INTERVAL '{months} months {seconds} seconds'")
        }
    }
}

/// DataFusion counts rows by counting a constant.
pub(crate) fn readable(text: &str) -> String {
    text.replace("count(Int64(1))", "count(*)")
        .replace("count(1)", "count(*)")
}

fn line(out: &mut String, margin: &str, text: &str) {
    out.push_str(format!("{margin}{text}").trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_stand_below_their_operator_and_beside_its_inputs() {
        let scan = |name: &str| ExplainNode::new(format!("Scan {name}")).with("columns", "a, b");
        let mut union = ExplainNode::new("Union").with("nothing", "");
        union.inputs = vec![scan("t"), scan("u")];
        let mut top = ExplainNode::new("Output x")
            .with("changes", "+I")
            .with("key", "a");
        top.inputs = vec![union];
        insta::assert_snapshot!(top.render(), @r"
        Output x
        │    changes  +I
        │    key      a
        └─ Union
           ├─ Scan t
           │       columns  a, b
           └─ Scan u
                   columns  a, b
        ");
    }
}
