//! DataFusion's errors as ours: with a place and a hint where it gives them.

use std::collections::BTreeSet;

use datafusion_common::diagnostic::Diagnostic;
use datafusion_common::{Column, DataFusionError, SchemaError};
use sqlparser::tokenizer::{Location, Span};

use super::phrases::said;
use super::wording::{of_values, readable, tidy};
use crate::error::{SqlError, SqlErrorKind, nearest, suggestion};
use crate::functions::functions;
use crate::statement::{MAP_FUNCTION, WINDOW_FUNCTIONS};

/// Turns an error around; `fallback` is the place if no better one is known.
pub(crate) fn from_datafusion(error: DataFusionError, fallback: Span) -> SqlError {
    convert(error, None).at(fallback)
}

/// Without a place, unless the error has one of its own.
pub(super) fn convert(error: DataFusionError, diagnostic: Option<&Diagnostic>) -> SqlError {
    match error {
        DataFusionError::Diagnostic(inner_diagnostic, inner) => {
            let chosen = diagnostic.unwrap_or(&inner_diagnostic);
            let error = convert(*inner, Some(chosen));
            match span(chosen) {
                Some(span) => error.at(span),
                None => error,
            }
        }
        DataFusionError::Context(_, inner) => convert(*inner, diagnostic),
        DataFusionError::Shared(inner) => SqlError::invalid(tidy(&inner.to_string())),
        DataFusionError::Collection(mut errors) if !errors.is_empty() => {
            convert(errors.swap_remove(0), diagnostic)
        }
        DataFusionError::External(inner) => match inner.downcast::<SqlError>() {
            Ok(ours) => *ours,
            Err(other) => SqlError::invalid(tidy(&other.to_string())),
        },
        DataFusionError::SchemaError(inner, _) => schema_error(*inner),
        DataFusionError::NotImplemented(text) => not_implemented(&text),
        DataFusionError::Internal(text) => SqlError::new(SqlErrorKind::Bug, tidy(&text)),
        other => from_message(&other.strip_backtrace(), diagnostic),
    }
}

fn span(diagnostic: &Diagnostic) -> Option<Span> {
    let place = |l: datafusion_common::Location| Location {
        line: l.line,
        column: l.column,
    };
    let span = diagnostic.span.as_ref()?;
    Some(Span::new(place(span.start), place(span.end)))
}

fn schema_error(error: SchemaError) -> SqlError {
    match error {
        SchemaError::FieldNotFound {
            field,
            valid_fields,
        } => field_not_found(&field, &valid_fields),
        SchemaError::AmbiguousReference { field } => SqlError::invalid(format!(
            "column '{}' is ambiguous: more than one input has it",
            field.name
        ))
        .with_hint("write the name of the table before it"),
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => {
            SqlError::invalid(format!("column '{name}' appears twice"))
                .with_hint("name one of them differently with AS")
        }
    }
}

fn field_not_found(field: &Column, valid: &[Column]) -> SqlError {
    let relations: Vec<String> = valid
        .iter()
        .filter_map(|c| c.relation.as_ref().map(|r| r.table().to_owned()))
        .collect();
    if let Some(relation) = &field.relation
        && !relations.iter().any(|r| r == relation.table())
    {
        let message = format!("column '{}' not found in '{relation}'", field.name);
        let near = nearest(relation.table(), relations.iter().map(String::as_str));
        return SqlError::not_found(message)
            .with_hint_opt(near.map(|n| format!("did you mean '{n}.{}'?", field.name)));
    }
    let message = format!("column '{}' not found", field.name);
    let known: Vec<&str> = valid
        .iter()
        .filter(|c| field.relation.is_none() || c.relation == field.relation)
        .map(|c| c.name.as_str())
        .collect();
    let hint = suggestion(&field.name, known.iter().copied()).or_else(|| {
        (!known.is_empty() && known.len() <= 16).then(|| format!("it has {}", known.join(", ")))
    });
    SqlError::not_found(message).with_hint_opt(hint)
}

fn not_implemented(text: &str) -> SqlError {
    match text.to_lowercase().contains("outerreferencecolumn") {
        true => SqlError::unsupported(
            "a relation that depends on the rows of another one beside it is not supported yet",
        ),
        false => SqlError::unsupported(readable(&tidy(text))),
    }
}

fn from_message(text: &str, diagnostic: Option<&Diagnostic>) -> SqlError {
    let help = diagnostic.and_then(|d| d.helps.first());
    let hint = help.map(|h| tidy(&readable(&h.message)));
    let message = of_values(&readable(&tidy(text)));
    if let Some((message, hint)) = said(&message) {
        return SqlError::invalid(message).with_hint_opt(hint);
    }
    let lower = message.to_lowercase();
    if let Some(name) = between(&lower, "invalid function '", "'") {
        return unknown_function(&name);
    }
    if let Some(name) = duplicate(&message) {
        return SqlError::invalid(format!("two columns are called '{name}'"))
            .with_hint("name one of them with AS");
    }
    if let Some(error) = no_such_call(&message) {
        return error;
    }
    if lower.contains("must be in group by") || lower.contains("must appear in the group by") {
        return not_grouped(&message);
    }
    let (message, did_you_mean) = match message.split_once("\nDid you mean") {
        Some((m, near)) => (m.to_owned(), Some(format!("did you mean{near}"))),
        None => (message, None),
    };
    SqlError::invalid(message)
        .with_hint_opt(did_you_mean)
        .with_hint_opt(hint)
}

fn unknown_function(name: &str) -> SqlError {
    let upper = name.to_uppercase();
    if functions().window.contains_key(name) {
        return SqlError::invalid(format!("function '{name}' needs OVER"))
            .with_hint(format!("write {upper}() OVER (ORDER BY …)"));
    }
    if WINDOW_FUNCTIONS.contains(&upper.as_str()) {
        return SqlError::invalid(format!(
            "function '{name}' makes windows of a time and a length"
        ))
        .with_hint("write GROUP BY TUMBLE(ts, INTERVAL '1' MINUTE)");
    }
    if name == MAP_FUNCTION.to_lowercase() {
        return SqlError::invalid("'map' wants as many values as keys")
            .with_hint("write MAP['key', 1, 'other', 2]");
    }
    if ["parse_json", "try_parse_json"].contains(&name) {
        let text = format!("{upper} gives a VARIANT, a type that there is not");
        return SqlError::unsupported(text)
            .with_hint("JSON stays text: JSON_VALUE and JSON_QUERY find in it what you need");
    }
    let known = functions().names();
    SqlError::not_found(format!("unknown function '{name}'"))
        .with_hint_opt(suggestion(name, known.iter().copied()))
}

fn not_grouped(message: &str) -> SqlError {
    let Some(column) = between(message, "column \"", "\"") else {
        return SqlError::invalid("a column is neither grouped by nor aggregated");
    };
    SqlError::invalid(format!(
        "column '{column}' is neither grouped by nor aggregated"
    ))
    .with_hint(format!(
        "add {column} to GROUP BY, or aggregate it: MAX({column})"
    ))
}

/// A function whose arguments are others than it takes.
fn no_such_call(message: &str) -> Option<SqlError> {
    if let Some(error) = ours(message) {
        return Some(error);
    }
    let call = between(message, "given name and argument types '", "'")?;
    let (name, types) = call.split_once('(')?;
    let candidates = message.split_once("Candidate functions:")?.1;
    let candidates = candidates.lines().map(str::trim).filter(|l| !l.is_empty());
    let candidates: BTreeSet<String> = candidates.map(parameters).collect();
    let candidates: Vec<&str> = candidates.iter().map(String::as_str).collect();
    let (name, usage) = match SYNTAX.iter().find(|(function, _, _)| *function == name) {
        Some((_, written, usage)) => (*written, (*usage).to_owned()),
        None => (name, candidates.join(" or ")),
    };
    Some(
        SqlError::invalid(format!("function '{name}' does not take ({types}"))
            .with_hint(format!("write {usage}")),
    )
}

/// Functions that are written in another way than they are called in plans.
const SYNTAX: [(&str, &str, &str); 3] = [
    ("date_part", "EXTRACT", "EXTRACT(YEAR FROM timestamp)"),
    ("array_element", "[]", "array[1] or map['key']"),
    ("substr", "SUBSTRING", "SUBSTRING(text FROM 1 FOR 2)"),
];

/// A signature with the types of SQL.
fn parameters(signature: &str) -> String {
    let mut text = signature.to_owned();
    for (coercion, sql) in [
        ("String", "STRING"),
        ("Decimal", "DECIMAL"),
        ("Duration", "INTERVAL"),
        ("Interval", "INTERVAL"),
        ("Timestamp", "TIMESTAMP"),
        ("Date", "DATE"),
        ("Time", "TIME"),
        ("Numeric", "number"),
        ("Integer", "whole number"),
    ] {
        text = text.replace(coercion, sql);
    }
    text
}

/// What one of our own functions says of its arguments: `NAME does not take (…): use NAME(…)`.
fn ours(message: &str) -> Option<SqlError> {
    let (before, after) = message.split_once(" does not take (")?;
    let name = before.rsplit(' ').next()?;
    let (types, usage) = after.split_once("): use ")?;
    let usage = usage.split(" No function matches").next()?;
    let usage = usage.lines().next()?.trim_end_matches('.');
    Some(
        SqlError::invalid(format!("function '{name}' does not take ({types})"))
            .with_hint(format!("write {usage}")),
    )
}

/// The name that two columns of a SELECT have.
fn duplicate(message: &str) -> Option<String> {
    message
        .contains("require unique expression names")
        .then(|| {
            let name = between(message, "expression \"", "\"").unwrap_or_default();
            let alias = name.rsplit_once(" AS ").map(|(_, alias)| alias);
            let column = name.rsplit_once('.').map(|(_, column)| column);
            alias.or(column).unwrap_or(&name).to_owned()
        })
}

fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let start = text.find(before)? + before.len();
    let end = text[start..].find(after)?;
    Some(text[start..start + end].to_owned())
}
