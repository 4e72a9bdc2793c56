//! Every dependency has a licence that `deny.toml` allows. cargo-deny is used as well where it is installed; this
//! check needs nothing but cargo.

use std::path::Path;

use serde_json::Value;

use crate::tidy::report::Report;
use crate::{Failure, process};

pub(super) fn check(root: &Path, report: &mut Report) -> Result<(), Failure> {
    let deny = std::fs::read_to_string(root.join("deny.toml"))
        .map_err(|e| format!("cannot read deny.toml: {e}"))?;
    let allowed = allowed(&deny);
    let mut metadata = process::cargo();
    metadata.args(["metadata", "--format-version", "1", "--locked"]);
    metadata.args(["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let text = process::capture(metadata.current_dir(root))?;
    let metadata: Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let packages = metadata["packages"].as_array().ok_or("no packages")?;
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let licence = package["license"].as_str().unwrap_or_default();
        if !satisfied(licence, &allowed) {
            report.problem(format!(
                "dependency '{name}': licence '{licence}' is not allowed by deny.toml"
            ));
        }
    }
    Ok(())
}

/// The quoted names in `allow = [ … ]` of `[licenses]`.
fn allowed(deny: &str) -> Vec<&str> {
    let list = deny
        .split_once("[licenses]")
        .and_then(|(_, rest)| rest.split_once("allow = ["))
        .and_then(|(_, rest)| rest.split_once(']'));
    let list = list.map_or("", |(inside, _)| inside);
    list.split('"').skip(1).step_by(2).collect()
}

/// Whether an SPDX expression can be satisfied with the allowed licences. `OR` binds weaker than `AND`, as in SPDX.
fn satisfied(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    any(&mut words, allowed)
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    let mut holds = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        holds |= all(words, allowed);
    }
    holds
}

fn all(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    let mut holds = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        holds &= one(words, allowed);
    }
    holds
}

fn one(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let holds = any(words, allowed);
        words.next();
        return holds;
    }
    let Some(name) = words.next() else {
        return false;
    };
    // An exception only adds permissions, so the licence alone decides.
    if words.next_if_eq(&"WITH").is_some() {
        words.next();
    }
    allowed.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::satisfied;

    #[test]
    fn expressions_are_decided() {
        let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"];
        for good in [
            "MIT",
            "MIT/GPL-3.0",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(satisfied(good, &allowed), "{good}");
        }
        for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "GPL-3.0 OR LGPL-3.0"] {
            assert!(!satisfied(bad, &allowed), "{bad}");
        }
    }
}
