//! What a connector does to columns, rows and changes.

use std::fmt::Write;

use headwater_log::{ErrorKind, Result};
use serde_json::Value;

use super::keys::{put, put_plain};
use super::said::{Said, invalid, unsupported};
use super::tables::{expressions, listed, patterns};
use crate::filter::{Algorithm, Operations};

const INCLUDED: &str = "column.include.list";
const EXCLUDED: &str = "column.exclude.list";
const KEYED: &str = "message.key.columns";
const SKIPPED: &str = "skipped.operations";

/// Changes that are skipped: unless said, those that empty a table, as Debezium does.
///
/// # Errors
/// `Unsupported`.
pub(super) fn skipped(said: &Said, out: &mut String) -> Result<()> {
    let skipped = said.get(SKIPPED).unwrap_or("t");
    let parsed: Operations = skipped
        .parse()
        .map_err(|_| unsupported(SKIPPED, "none, or of c, u, d and t"))?;
    if parsed != Operations::default() {
        put(out, "skip", skipped);
    }
    Ok(())
}

/// The part `columns`.
///
/// # Errors
/// `Invalid`, `Unsupported`.
pub(super) fn columns(said: &Said, out: &mut String) -> Result<()> {
    let (included, excluded) = (patterns(said, INCLUDED)?, patterns(said, EXCLUDED)?);
    if !included.is_empty() && !excluded.is_empty() {
        let why = format!("say it or '{INCLUDED}', not both");
        return Err(invalid(EXCLUDED, &why));
    }
    let (masks, cuts) = (
        lengths(said, "column.mask.with.")?,
        lengths(said, "column.truncate.to.")?,
    );
    let (hashes, keyed) = (hashes(said)?, keyed(said)?);
    let lists = [
        ("include", &included),
        ("exclude", &excluded),
        ("key", &keyed),
    ];
    let maps = [("mask", &masks), ("truncate", &cuts), ("hash", &hashes)];
    if lists.iter().all(|(_, list)| list.is_empty()) && maps.iter().all(|(_, map)| map.is_empty()) {
        return Ok(());
    }
    out.push_str("[columns]\n");
    for (key, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        put_plain(out, key, Value::from(list.as_slice()));
    }
    for (key, map) in maps.into_iter().filter(|(_, map)| !map.is_empty()) {
        let mut inner = String::new();
        for (pattern, value) in map {
            let sign = if inner.is_empty() { "" } else { ", " };
            write!(inner, "{sign}{} = {value}", Value::from(pattern.as_str()))
                .expect("a string takes every text");
        }
        put_plain(out, key, format_args!("{{ {inner} }}"));
    }
    Ok(())
}

/// The columns that records are keyed by: `table:column,column;table:column`, whose parts are expressions.
fn keyed(said: &Said) -> Result<Vec<String>> {
    let mut all = Vec::new();
    let list = said.get(KEYED).unwrap_or_default();
    for of_table in list.split(';').map(str::trim).filter(|one| !one.is_empty()) {
        let (table, columns) = of_table
            .split_once(':')
            .filter(|(table, columns)| !table.is_empty() && !columns.is_empty())
            .ok_or_else(|| unsupported(KEYED, "table:column,column;table:column"))?;
        for column in listed(KEYED, columns)? {
            all.push(format!("{}.{column}", table.trim()));
        }
    }
    expressions(KEYED, all)
}

/// Expressions, each with what is done to the columns that match it.
type Treated = Vec<(String, String)>;

/// Of keys like `column.mask.with.10.chars`.
fn lengths(said: &Said, prefix: &str) -> Result<Treated> {
    let mut all = Vec::new();
    for (key, list) in said.under(prefix) {
        let whole = format!("{prefix}{key}");
        let length = key
            .strip_suffix(".chars")
            .and_then(|n| n.parse::<usize>().ok());
        let length = length.ok_or_else(|| nothing(&whole))?;
        add(&mut all, &whole, listed(&whole, list)?, &length.to_string())?;
    }
    Ok(all)
}

/// Of keys like `column.mask.hash.v2.SHA-256.with.salt.abc`.
fn hashes(said: &Said) -> Result<Treated> {
    const PREFIX: &str = "column.mask.hash.";
    let mut all = Vec::new();
    // The key has the salt in it, which nobody is to see.
    for (key, list) in said.under(PREFIX) {
        let (version, rest) = match key.strip_prefix("v2.") {
            Some(rest) => ("v2", rest),
            None => ("v1", key),
        };
        let (name, salt) = rest
            .split_once(".with.salt.")
            .ok_or_else(|| nothing(PREFIX))?;
        if let Err(error) = name.parse::<Algorithm>() {
            let wanted = format!(
                "of other algorithms than {name}: {}",
                error.hint().unwrap_or_default()
            );
            return Err(unsupported("column.mask.hash", &wanted));
        }
        let hash = format!(
            "{{ salt = {}, algorithm = {}, debezium = \"{version}\" }}",
            Value::from(salt),
            Value::from(name)
        );
        add(&mut all, PREFIX, listed(PREFIX, list)?, &hash)?;
    }
    Ok(all)
}

fn add(all: &mut Treated, key: &str, patterns: Vec<String>, value: &str) -> Result<()> {
    for pattern in patterns {
        if all.iter().any(|(known, _)| *known == pattern) {
            return Err(invalid(key, &format!("'{pattern}' is there twice")));
        }
        all.push((pattern, value.to_owned()));
    }
    Ok(())
}

fn nothing(key: &str) -> headwater_log::Error {
    let text = format!("there is nothing for the connector's key '{key}'");
    headwater_log::Error::new(ErrorKind::Unsupported, text).with_hint(
        "there are column.mask.with.N.chars, column.truncate.to.N.chars and column.mask.hash[.v2].ALGORITHM.with.salt.SALT",
    )
}
