//! Which tables a connector captures.

use headwater_log::Result;
use serde_json::Value;

use super::keys::put_plain;
use super::said::{Said, invalid, unsupported};
use crate::filter::Pattern;

const INCLUDED: &str = "table.include.list";
const EXCLUDED: &str = "table.exclude.list";

/// Which tables a connector captures.
pub(super) enum Tables {
    /// Those of these names.
    Named(Vec<String>),
    /// Those whose names match.
    Matching {
        /// What parts of a database are called in our files.
        scopes_key: &'static str,
        /// Expressions of parts of the database; none: all of it.
        scopes: Vec<String>,
        included: Vec<String>,
        excluded: Vec<String>,
    },
}

impl Tables {
    /// What is said of the tables of PostgreSQL.
    ///
    /// # Errors
    /// `Invalid`, `Unsupported`.
    pub(super) fn of_schemas(said: &Said) -> Result<Self> {
        Self::of(
            said,
            ["schema.include.list", "schema.exclude.list"],
            "schemas",
        )
    }

    /// What is said of the tables of MariaDB or MySQL.
    ///
    /// # Errors
    /// `Invalid`, `Unsupported`.
    pub(super) fn of_databases(said: &Said) -> Result<Self> {
        Self::of(
            said,
            ["database.include.list", "database.exclude.list"],
            "databases",
        )
    }

    fn of(said: &Said, scopes: [&'static str; 2], scopes_key: &'static str) -> Result<Self> {
        let [mut included, mut excluded] = pair(said, [INCLUDED, EXCLUDED])?;
        let [of_scopes, no_scopes] = pair(said, scopes)?;
        let is_named = !included.is_empty()
            && no_scopes.is_empty()
            && included.iter().all(|name| is_name(name));
        if is_named && of_scopes.iter().all(|scope| is_plain(scope)) {
            let names: Vec<String> = included.iter().map(|name| plain(name)).collect();
            let is_out = |table: &&String| {
                let scope = table.split('.').next().unwrap_or_default();
                !of_scopes.is_empty() && !of_scopes.iter().any(|s| s == scope)
            };
            return match names.iter().find(is_out) {
                Some(table) => Err(invalid(scopes[0], &format!("table '{table}' is not in it"))),
                None => Ok(Self::Named(names)),
            };
        }
        if included.is_empty() && of_scopes.is_empty() {
            included.push(".*".to_owned());
        }
        excluded.extend(no_scopes.iter().map(|scope| format!("(?:{scope})\\..*")));
        Ok(Self::Matching {
            scopes_key,
            scopes: of_scopes,
            included,
            excluded,
        })
    }

    /// The one table of an outbox.
    ///
    /// # Errors
    /// `Unsupported` if there may be others.
    pub(super) fn one(&self) -> Result<&str> {
        match self {
            Self::Named(names) if names.len() == 1 => Ok(&names[0]),
            _ => Err(unsupported(INCLUDED, "the outbox table alone")),
        }
    }

    pub(super) fn put(&self, out: &mut String) {
        match self {
            Self::Named(names) => put_plain(out, "tables", Value::from(names.as_slice())),
            Self::Matching {
                scopes_key,
                scopes,
                included,
                excluded,
            } => {
                for (key, list) in [
                    (*scopes_key, scopes),
                    ("tables-matching", included),
                    ("tables-except", excluded),
                ] {
                    if !list.is_empty() {
                        put_plain(out, key, Value::from(list.as_slice()));
                    }
                }
            }
        }
    }
}

/// What is included and what is excluded, of which only one may be said.
fn pair(said: &Said, [included, excluded]: [&str; 2]) -> Result<[Vec<String>; 2]> {
    let both = [patterns(said, included)?, patterns(said, excluded)?];
    match both.iter().any(Vec::is_empty) {
        true => Ok(both),
        false => Err(invalid(
            excluded,
            &format!("say it or '{included}', not both"),
        )),
    }
}

/// The expressions that a key lists, between commas.
///
/// # Errors
/// `Unsupported` for one that there is nothing for.
pub(super) fn patterns(said: &Said, key: &str) -> Result<Vec<String>> {
    listed(key, said.get(key).unwrap_or_default())
}

/// The same of what a key like this one says.
///
/// # Errors
/// `Unsupported`.
pub(super) fn listed(key: &str, list: &str) -> Result<Vec<String>> {
    let all: Vec<String> = list.split(',').map(|one| one.trim().to_owned()).collect();
    let all: Vec<String> = all.into_iter().filter(|one| !one.is_empty()).collect();
    expressions(key, all)
}

/// What a key says, if it is regular expressions.
///
/// # Errors
/// `Unsupported`.
pub(super) fn expressions(key: &str, all: Vec<String>) -> Result<Vec<String>> {
    match all.iter().find(|one| one.parse::<Pattern>().is_err()) {
        Some(wrong) => Err(unsupported(
            key,
            &format!(
                "regular expressions without look-around and references, other than '{wrong}'"
            ),
        )),
        None => Ok(all),
    }
}

/// Whether an expression is the name of one table, and of no other that anybody has.
fn is_name(expression: &str) -> bool {
    let name = plain(expression);
    let parts = name.split_once('.');
    parts.is_some_and(|(scope, table)| is_plain(scope) && is_plain(table))
}

fn is_plain(part: &str) -> bool {
    !part.is_empty()
        && part
            .chars()
            .all(|c| c.is_alphanumeric() || "_-".contains(c))
}

fn plain(expression: &str) -> String {
    expression.replace("\\.", ".")
}
